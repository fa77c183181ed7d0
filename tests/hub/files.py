"""A plain file server: /files/<model>/<path>, the list of sums beside them, and archives."""

from aiohttp import web

from tests.hub.answers import Sender
from tests.hub.models import Model

SUMS = "SHA256SUMS"


class Files:
    """The models as files."""

    def __init__(self, models: dict[str, Model], sender: Sender) -> None:
        self._models = models
        self._sender = sender

    def add_to(self, app: web.Application) -> None:
        """Serve them."""
        name = "{organisation}/{name}"
        app.router.add_get(f"/files/{name}/{{path:.+}}", self.file)
        app.router.add_get(f"/archives/{name}{{packed:.tar(?:.gz)?}}", self.archive)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A file or the list."""
        model = self._model(request)
        if request.match_info["path"] == SUMS:
            _, answer = await self._sender.early(request)
            return answer or web.Response(text=model.sums())
        file = model.files().get(request.match_info["path"])
        if file is None:
            raise web.HTTPNotFound
        return await self._sender.file(request, file.place)

    async def archive(self, request: web.Request) -> web.StreamResponse:
        """The model's folder, packed."""
        packed = request.match_info["packed"].endswith(".gz")
        folder = request.match_info["name"]
        place = self._model(request).archive(folder, packed=packed)
        return await self._sender.file(request, place)

    def _model(self, request: web.Request) -> Model:
        name = f"{request.match_info['organisation']}/{request.match_info['name']}"
        if name not in self._models:
            raise web.HTTPNotFound
        return self._models[name]
