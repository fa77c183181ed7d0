"""All of it as one server in a thread: use it as a context, or as a process (python -m tests.hub)."""

import asyncio
import contextlib
import ssl
import tempfile
import threading
from collections.abc import Coroutine
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import trustme
from aiohttp import web

from tests.hub import store
from tests.hub.answers import Log, Sender
from tests.hub.distribution import Distribution
from tests.hub.files import Files
from tests.hub.huggingface import HuggingFace
from tests.hub.models import Model
from tests.hub.rules import Rule, Rules

T = TypeVar("T")
BUCKET = "models"


class Hub:
    """Serves models by every protocol; `rules` says what fails, `log` what was asked for."""

    def __init__(
        self,
        *models: Model,
        host: str = "127.0.0.1",
        port: int = 0,
        tls_port: int = 0,
        store_port: int | None = None,
        bytes_per_second: float | None = None,
        account: str | None = None,
    ) -> None:
        self.models = {model.name: model for model in models}
        self.rules = Rules()
        self.log = Log()
        self.authority = Path()
        """The certificate of the authority that the TLS port's certificate is from."""
        self._host = host
        self._ports = {"http": port, "https": tls_port, "store": store_port}
        self._rate = bytes_per_second
        self._account = account
        self._resources = contextlib.ExitStack()
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Self:
        self.work = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="hub-")))
        for model in self.models.values():
            model.work = self.work
        thread = threading.Thread(target=self._loop.run_forever, name="hub", daemon=True)
        thread.start()
        self._resources.callback(self._loop.close)
        self._resources.callback(thread.join)
        self._resources.callback(self._loop.call_soon_threadsafe, self._loop.stop)
        self._run(self._start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._stop())
        self._resources.close()

    @property
    def url(self) -> str:
        """The hub without TLS: what HF_ENDPOINT names, and where the registry is."""
        return f"http://{self._host}:{self._ports['http']}"

    @property
    def tls_url(self) -> str:
        """The same with TLS."""
        return f"https://{self._host}:{self._ports['https']}"

    @property
    def registry(self) -> str:
        """The registry as an image's name begins with it."""
        return f"{self._host}:{self._ports['http']}"

    @property
    def store_url(self) -> str:
        """The S3 store, where one was asked for."""
        return f"http://{self._host}:{self._ports['store']}"

    def add(self, *rules: Rule) -> None:
        """Have these faults happen."""
        self.rules.add(*rules)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=120)

    async def _start(self) -> None:
        self._sender = Sender(self.rules, self.log, bytes_per_second=self._rate)
        self._runners: list[web.AppRunner] = []
        self._hub = HuggingFace(self.models, self._sender)
        self._hub.store_port = await self._serve(self._hub.store_app(), 0)
        self._ports["http"] = await self._serve(self._app(), self._ports["http"] or 0)
        certificate = trustme.CA()
        self.authority = self.work / "authority.pem"
        certificate.cert_pem.write_to_path(self.authority)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.issue_cert(self._host, "localhost", "127.0.0.1").configure_cert(context)
        self._ports["https"] = await self._serve(self._app(), self._ports["https"] or 0, context)
        if self._ports["store"] is not None:
            await self._start_store(self._ports["store"])

    async def _start_store(self, port: int) -> None:
        endpoint = await asyncio.to_thread(self._resources.enter_context, store.moto(self.work))
        for model in self.models.values():
            await asyncio.to_thread(store.upload, endpoint, model, bucket=BUCKET, prefix=model.name)
        app = store.Store(endpoint, self._sender, self.work).app()
        self._ports["store"] = await self._serve(app, port)

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_put("/_rules", self._set_rules)
        app.router.add_get("/_log", self._get_log)
        app.router.add_delete("/_log", self._clear_log)
        Files(self.models, self._sender).add_to(app)
        Distribution(self.models, self._sender, self.work, account=self._account).add_to(app)
        self._hub.add_to(app)
        self._hub.add_store_to(app)  # for whoever comes through this server as a proxy
        return app

    async def _serve(
        self, app: web.Application, port: int, context: ssl.SSLContext | None = None
    ) -> int:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, self._host, port, ssl_context=context)
        await site.start()
        return int(runner.addresses[0][1])

    async def _stop(self) -> None:
        self._sender.closing.set()
        for runner in self._runners:
            connections = [] if runner.server is None else runner.server.connections
            transports = [one.transport for one in connections if one.transport is not None]
            await runner.cleanup()
            # A client that stopped reading would keep its connection from being closed in order.
            for transport in transports:
                transport.abort()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        # Closed connections are taken apart in the loop's next rounds.
        for _ in range(3):
            await asyncio.sleep(0)

    async def _set_rules(self, request: web.Request) -> web.Response:
        self.rules.replace(await request.json())
        return web.Response(status=204)

    async def _get_log(self, _: web.Request) -> web.Response:
        served = await asyncio.to_thread(self.log.read)
        return web.json_response([asdict(one) for one in served])

    async def _clear_log(self, _: web.Request) -> web.Response:
        await asyncio.to_thread(self.log.clear)
        return web.Response(status=204)
