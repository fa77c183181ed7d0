"""An OCI registry's pulling half: /v2/oras/<model> is a layer a file, /v2/modelcar/<model> an image."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.hub.answers import Sender
from tests.hub.models import Model, base_layer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
TOKEN = "registry-token"


class Distribution:
    """The distribution specification's pull endpoints, with bearer tokens where there is a password."""

    def __init__(
        self, models: dict[str, Model], sender: Sender, work: Path, *, account: str | None
    ) -> None:
        self._models = models
        self._sender = sender
        self._work = work
        self._account = account
        self._blobs: dict[str, Path] = {}

    def add_to(self, app: web.Application) -> None:
        """Serve them."""
        app.router.add_get("/v2/", self.root)
        app.router.add_get("/token", self.token)
        name = "/v2/{form:oras|modelcar}/{name:.+}"
        app.router.add_get(f"{name}/manifests/{{reference}}", self.manifest)
        app.router.add_get(f"{name}/blobs/{{digest}}", self.blob)

    async def root(self, request: web.Request) -> web.StreamResponse:
        """Whether this is a registry."""
        return self._refusal(request) or web.json_response({})

    async def token(self, request: web.Request) -> web.StreamResponse:
        """A token for whoever has the password."""
        _, answer = await self._sender.early(request)
        if answer is not None:
            return answer
        if self._account and request.headers.get("Authorization") != self._basic():
            return web.json_response({"errors": [{"code": "UNAUTHORIZED"}]}, status=401)
        return web.json_response({"token": TOKEN, "expires_in": 300})

    async def manifest(self, request: web.Request) -> web.StreamResponse:
        """The manifest under a tag or a digest."""
        _, answer = await self._sender.early(request)
        answer = answer or self._refusal(request)
        if answer is not None:
            return answer
        model = self._models.get(request.match_info["name"])
        if model is None:
            return _missing("NAME_UNKNOWN")
        documents = self._documents(request.match_info["form"], model)
        reference = request.match_info["reference"]
        key = "latest" if reference in ("latest", "v1") else reference
        if key not in documents:
            return _missing("MANIFEST_UNKNOWN")
        body = documents[key]
        kind = INDEX if b'"manifests"' in body else MANIFEST
        headers = {"Docker-Content-Digest": _digest(body), "Content-Type": kind}
        return web.Response(body=body, headers=headers)

    async def blob(self, request: web.Request) -> web.StreamResponse:
        """A layer, which registries often keep elsewhere."""
        answer = self._refusal(request)
        if answer is not None:
            return answer
        model = self._models.get(request.match_info["name"])
        if model is not None:
            self._documents(request.match_info["form"], model)
        place = self._blobs.get(request.match_info["digest"])
        return await self._sender.file(request, place) if place else _missing("BLOB_UNKNOWN")

    def _refusal(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization")
        if self._account is None or given in (f"Bearer {TOKEN}", self._basic()):
            return None
        realm = request.url.origin().with_path("/token")
        challenge = f'Bearer realm="{realm}",service="hub",scope="repository:models:pull"'
        return web.json_response(
            {"errors": [{"code": "UNAUTHORIZED"}]},
            status=401,
            headers={"WWW-Authenticate": challenge},
        )

    def _basic(self) -> str:
        return f"Basic {base64.b64encode((self._account or '').encode()).decode()}"

    def _documents(self, form: str, model: Model) -> dict[str, bytes]:
        """Manifests by tag and digest."""
        layers = self._files(model) if form == "oras" else self._layers(model)
        config = b"{}"
        manifest = _encode(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": self._describe(self._keep(config), len(config), {}),
                "layers": layers,
            }
        )
        if form == "oras":
            return {"latest": manifest, _digest(manifest): manifest}
        platform = {"architecture": "amd64", "os": "linux"}
        entry = {"digest": _digest(manifest), "size": len(manifest), "platform": platform}
        other = {**entry, "digest": f"sha256:{'0' * 64}", "platform": {"architecture": "s390x"}}
        index = _encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": [other, entry]})
        return {"latest": index, _digest(index): index, _digest(manifest): manifest}

    def _files(self, model: Model) -> list[dict[str, Any]]:
        layers = []
        for file in model.files().values():
            digest = f"sha256:{file.sha256}"
            self._blobs[digest] = file.place
            notes = {"org.opencontainers.image.title": file.path}
            layers.append(self._describe(digest, file.size, notes))
        return layers

    def _layers(self, model: Model) -> list[dict[str, Any]]:
        other = base_layer()
        chosen = model.archive("models", packed=model.name.endswith("-packed"))
        with chosen.open("rb") as content:
            digest = f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"
        self._blobs[digest] = chosen
        return [
            self._describe(self._keep(other), len(other), {}),
            self._describe(digest, chosen.stat().st_size, {}),
        ]

    def _keep(self, content: bytes) -> str:
        """Store a small blob and return its digest."""
        digest = _digest(content)
        place = self._work / digest.replace(":", "-")
        if digest not in self._blobs:
            place.write_bytes(content)
            self._blobs[digest] = place
        return digest

    def _describe(self, digest: str, size: int, notes: dict[str, str]) -> dict[str, Any]:
        known = {"mediaType": "application/octet-stream", "digest": digest, "size": size}
        return {**known, "annotations": notes} if notes else known


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _encode(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True).encode()


def _missing(code: str) -> web.Response:
    return web.json_response({"errors": [{"code": code}]}, status=404)
