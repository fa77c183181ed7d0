"""The Hugging Face Hub's HTTP interface, as far as its client uses it to list and download models."""

from typing import Any

from aiohttp import web

from tests.hub.answers import Sender
from tests.hub.models import File, Model


class HuggingFace:
    """Repositories under /api/models and /<organisation>/<name>/resolve; large files elsewhere."""

    store_port = 0

    def __init__(self, models: dict[str, Model], sender: Sender) -> None:
        self._models = models
        self._sender = sender

    def add_to(self, app: web.Application) -> None:
        """Serve them."""
        name = "{organisation}/{name}"
        app.router.add_get(f"/api/models/{name}", self.info)
        app.router.add_get(f"/api/models/{name}/revision/{{revision}}", self.info)
        app.router.add_get(f"/api/models/{name}/tree/{{revision}}", self.tree)
        app.router.add_get(f"/{name}/resolve/{{revision}}/{{path:.+}}", self.resolve)

    def store_app(self) -> web.Application:
        """The store of large files, which is another host's."""
        app = web.Application()
        self.add_store_to(app)
        return app

    def add_store_to(self, app: web.Application) -> None:
        """Serve the store's files."""
        app.router.add_get("/cdn/{organisation}/{name}/{sha256}", self.store)

    async def info(self, request: web.Request) -> web.StreamResponse:
        """A model's state and, with `blobs`, its files' sizes and checksums."""
        _, answer = await self._sender.early(request)
        # As on the real hub: whoever may not download a gated model may see its listing.
        model, refusal = self._find(request, gate=False)
        if answer or refusal or model is None:
            return answer or refusal or web.Response(status=404)
        blobs = "blobs" in request.query
        siblings = [self._sibling(file, blobs=blobs) for file in model.files().values()]
        document = {
            "_id": model.revision[:24],
            "id": model.name,
            "modelId": model.name,
            "sha": model.revision,
            "private": model.private,
            "gated": "manual" if model.gated else False,
            "disabled": False,
            "siblings": siblings,
            "tags": [],
            "downloads": 0,
            "likes": 0,
        }
        return web.json_response(document)

    async def tree(self, request: web.Request) -> web.StreamResponse:
        """The files alone."""
        _, answer = await self._sender.early(request)
        model, refusal = self._find(request, gate=False)
        if answer or refusal or model is None:
            return answer or refusal or web.Response(status=404)
        return web.json_response([self._entry(file) for file in model.files().values()])

    async def resolve(self, request: web.Request) -> web.StreamResponse:
        """A file's content, or for a large one where its store is."""
        faults, answer = await self._sender.early(request)
        if answer is not None:
            return answer
        model, refusal = self._find(request, gate=True)
        if refusal or model is None:
            return refusal or web.Response(status=404)
        file = model.files().get(request.match_info["path"])
        if file is None:
            return _refuse(404, "EntryNotFound", "Entry not found")
        headers = {"X-Repo-Commit": model.revision, "ETag": f'"{file.etag}"'}
        if not file.large:
            return await self._sender.file(request, file.place, headers=headers, faults=faults)
        headers |= {"X-Linked-Etag": f'"{file.etag}"', "X-Linked-Size": str(file.size)}
        store = request.url.origin().with_scheme("http").with_port(self.store_port)
        place = store.with_path(f"/cdn/{model.name}/{file.sha256}")
        headers["Location"] = str(place.with_query(signature="not-for-logs"))
        return web.Response(status=302, headers=headers)

    async def store(self, request: web.Request) -> web.StreamResponse:
        """A large file for whoever has a signature; a token would be a leak, and is refused."""
        model = self._models.get(_name(request))
        files = model.files().values() if model else ()
        file = next((one for one in files if one.sha256 == request.match_info["sha256"]), None)
        leaked = "Authorization" in request.headers
        if file is None or leaked or "signature" not in request.query:
            return web.Response(status=403, text="AccessDenied")
        return await self._sender.file(request, file.place, headers={"ETag": f'"{file.sha256}"'})

    def _find(
        self, request: web.Request, *, gate: bool
    ) -> tuple[Model | None, web.Response | None]:
        """The model, or why it is not shown."""
        model = self._models.get(_name(request))
        given = request.headers.get("Authorization", "")
        allowed = model is not None and given == f"Bearer {model.token}"
        if model is None or (model.private and not allowed):
            if given:
                return None, _refuse(404, "RepoNotFound", "Repository not found")
            # So the real hub hides what is private from what is not there.
            return None, _refuse(401, "", "Invalid username or password.")
        if model.gated and gate and not allowed:
            status = 403 if given else 401
            return None, _refuse(status, "GatedRepo", f"Access to model {model.name} is restricted")
        revision = request.match_info.get("revision", "main")
        if revision not in ("main", model.revision):
            return None, _refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return model, None

    def _sha256(self, file: File) -> str:
        wrong = self._sender.rules.for_listing(file.path)
        return file.sha256[::-1] if wrong else file.sha256

    def _sibling(self, file: File, *, blobs: bool) -> dict[str, Any]:
        if not blobs:
            return {"rfilename": file.path}
        lfs = {"sha256": self._sha256(file), "size": file.size, "pointerSize": 134}
        known = {"rfilename": file.path, "size": file.size, "blobId": file.blob}
        return {**known, "lfs": lfs} if file.large else known

    def _entry(self, file: File) -> dict[str, Any]:
        lfs = {"oid": self._sha256(file), "size": file.size, "pointerSize": 134}
        known = {"type": "file", "path": file.path, "size": file.size, "oid": file.blob}
        return {**known, "lfs": lfs} if file.large else known


def _name(request: web.Request) -> str:
    return f"{request.match_info['organisation']}/{request.match_info['name']}"


def _refuse(status: int, code: str, message: str) -> web.Response:
    headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
    return web.json_response({"error": message}, status=status, headers=headers)
