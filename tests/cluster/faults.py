"""A proxy in front of the API server that injects faults into chosen calls; TLS ends in it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

import aiohttp
from aiohttp import web

from deepseek_operator.kube import client
from dev.cluster.control_plane import ControlPlane


class Fault(StrEnum):
    """What happens to a call."""

    BEFORE = "connection closed before the server saw it"
    AFTER = "carried out, connection closed before the answer"
    TIMEOUT = "carried out, no answer ever"
    CONFLICT = "409 Conflict"
    THROTTLED = "429 Too Many Requests"
    INTERNAL = "500 Internal Server Error"


_CODES = {Fault.CONFLICT: (409, "Conflict"), Fault.THROTTLED: (429, "TooManyRequests"),
          Fault.INTERNAL: (500, "InternalError")}  # fmt: skip

Choose = Callable[[int, web.Request], Fault | None]
"""Decides by the call's number (from 0; watches do not count) and the request."""


def at_call(number: int, fault: Fault) -> Choose:
    """The fault at exactly one call."""
    return lambda count, _request: fault if count == number else None


@dataclass
class FaultProxy:
    """Forwards calls to the API server as the administrator, but for those chosen to fail."""

    session: aiohttp.ClientSession
    server: str
    choose: Choose
    calls: list[str] = field(default_factory=list)
    on_call: Callable[[int], Awaitable[None]] | None = None
    on_request: Callable[[web.Request], Awaitable[None]] | None = None
    """Asked of each call before it goes on; it may read the body, and take its time."""
    is_deaf: Callable[[web.Request], bool] = lambda _request: False
    """Of which watches nothing is heard, though they stay open."""
    watch_chunks: int | None = None
    """Pieces of a watch that pass before its connection is closed; None: all."""
    watches: int = 0
    struck: list[int] = field(default_factory=list)
    """Numbers of the calls that met a fault."""
    address: str = ""
    _runner: web.AppRunner | None = None

    @classmethod
    async def start(cls, plane: ControlPlane, choose: Choose) -> Self:
        """Listen on a free port of the loopback."""
        api = await client.connect(kubeconfig=str(plane.kubeconfig))
        server, ssl = api.configuration.host, api.rest_client.ssl_context
        await api.close()
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=ssl, limit=0),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        proxy = cls(session=session, server=server, choose=choose)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", proxy._serve)
        proxy._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await proxy._runner.setup()
        site = web.TCPSite(proxy._runner, "127.0.0.1", 0)
        await site.start()
        proxy.address = f"http://127.0.0.1:{proxy._runner.addresses[0][1]}"
        return proxy

    async def stop(self) -> None:
        """Close every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
        await self.session.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            return await self._stream(request)
        number = len(self.calls)
        self.calls.append(f"{request.method} {request.path}")
        if self.on_call is not None:
            await self.on_call(number)
        if self.on_request is not None:
            await self.on_request(request)
        fault = self.choose(number, request)
        if fault is not None:
            self.struck.append(number)
        return await self._with_fault(request, fault)

    async def _with_fault(self, request: web.Request, fault: Fault | None) -> web.StreamResponse:
        if fault is not None and fault in _CODES:
            code, reason = _CODES[fault]
            status = {"kind": "Status", "reason": reason, "message": f"injected: {fault}"}
            return web.json_response(status, status=code)
        if fault is Fault.BEFORE:
            return self._hang_up(request)
        answer = await self._forward(request)
        if fault is Fault.AFTER:
            return self._hang_up(request)
        if fault is Fault.TIMEOUT:
            await asyncio.Event().wait()
        return answer

    async def _forward(self, request: web.Request) -> web.Response:
        async with self.session.request(
            request.method, self.server + request.path_qs, data=await request.read() or None,
            headers=_headers(request),
        ) as answer:  # fmt: skip
            return web.Response(
                body=await answer.read(), status=answer.status, content_type=answer.content_type
            )

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        async with self.session.get(
            self.server + request.path_qs, headers=_headers(request)
        ) as answer:
            response = web.StreamResponse(status=answer.status)
            response.content_type = answer.content_type
            await response.prepare(request)
            self.watches += 1
            left = self.watch_chunks
            async for chunk in answer.content.iter_any():
                if self.is_deaf(request):
                    continue
                await response.write(chunk)
                left = None if left is None else left - 1
                if left == 0:
                    self._hang_up(request)
                    break
            return response

    @staticmethod
    def _hang_up(request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


def _headers(request: web.Request) -> dict[str, str]:
    kept = ("Accept", "Content-Type", "User-Agent")
    return {name: request.headers[name] for name in kept if name in request.headers}
