"""What stands before an engine that takes no middleware.

It holds the heads of streams until their first token, as engine/hold.py has it, refuses what is more than the
engine may have at once, and passes on only what is open: an engine without authentication has paths that
change its weights. The engine itself listens on the pod's loopback.
"""

import contextlib
import json
from collections.abc import AsyncIterator, MutableMapping, Sequence
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from deepseek_serving.engine.hold import FirstToken, Message, Receive, Send, StreamSilentError

LONGEST_HEADER = 64 * 1024
"""Bytes, as Envoy takes them."""

CONNECT_SECONDS = 5.0

_HOP = frozenset(
    {
        "connection",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that speak of one connection only (RFC 9110, 7.6.1)."""

_REQUEST = "deepseek.request"


class Front:
    """Passes requests on to the one engine of its pod."""

    def __init__(self, session: aiohttp.ClientSession, engine: URL, paths: Sequence[str]) -> None:
        """`paths` are open; of one that ends in a slash everything below."""
        self._session = session
        self._engine = engine
        self._paths = frozenset(path for path in paths if not path.endswith("/"))
        self._folders = tuple(path for path in paths if path.endswith("/"))
        self._app = FirstToken(self._ask)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request; 502 where the engine does not answer it, so that another may be asked."""
        if not self._is_open(request.rel_url.raw_path):
            return _refusal(404, "not_found", "there is no such path")
        answer = _Answer(request)
        headers = [(name.lower(), value) for name, value in request.raw_headers]
        scope = {"type": "http", "headers": headers, _REQUEST: request}
        try:
            await self._app(scope, _nothing, answer.take)
        except (aiohttp.ClientError, OSError, StreamSilentError) as error:
            if answer.response is None:
                return _refusal(502, "engine_unavailable", f"the engine does not answer: {error}")
            # An answer that had begun cannot end well: its reader has to see that it is cut.
            if request.transport is not None:
                request.transport.abort()
        return answer.response or web.Response(status=502)

    def _is_open(self, path: str) -> bool:
        return path in self._paths or path.startswith(self._folders)

    async def _ask(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """The application behind the middleware: the engine."""
        del receive
        request: web.Request = scope[_REQUEST]
        asked = self._session.request(
            request.method,
            self._url(request),
            headers=_passed(request.headers),
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
        )
        async with asked as response:
            headers = [
                (name, value)
                for name, value in response.raw_headers
                if name.decode("latin-1").lower() not in _HOP
            ]
            start = {"type": "http.response.start", "status": response.status, "headers": headers}
            await send(start)
            async for part in response.content.iter_any():
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _url(self, request: web.Request) -> URL:
        asked = request.rel_url
        return URL.build(
            scheme=self._engine.scheme,
            authority=self._engine.authority,
            path=asked.raw_path,
            # Of a question the engine's log would have it.
            query_string="" if request.method == "POST" else asked.raw_query_string,
            encoded=True,
        )


class _Answer:
    """What a client is sent of an application's messages."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.response: web.StreamResponse | None = None
        """None until something was sent."""

    async def take(self, message: Message) -> None:
        """The next message."""
        if message["type"] == "http.response.start":
            headers: CIMultiDict[str] = CIMultiDict()
            for name, value in message["headers"]:
                headers.add(name.decode("latin-1"), value.decode("latin-1"))
            response = web.StreamResponse(status=message["status"], headers=headers)
            self.response = response
            await response.prepare(self._request)
            return
        assert self.response is not None, "a head comes before its body"
        if message.get("body"):
            await self.response.write(message["body"])
        if not message.get("more_body"):
            await self.response.write_eof()


async def _nothing() -> Message:
    """The request's body is read from the request itself."""
    return {"type": "http.disconnect"}


def _passed(headers: "CIMultiDict[str] | Any") -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP)


def _refusal(status: int, kind: str, said: str) -> web.Response:
    error = {"message": said, "type": kind, "param": None, "code": status}
    return web.Response(
        status=status, text=json.dumps({"error": error}), content_type="application/json"
    )


@contextlib.asynccontextmanager
async def serve(*, host: str, port: int, engine: URL, paths: Sequence[str]) -> AsyncIterator[int]:
    """A front that takes requests meanwhile; the port that it listens on."""
    # One connection a request: an engine closes idle ones when it likes, and a request on such a one is lost.
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        max_line_size=LONGEST_HEADER,
        max_field_size=LONGEST_HEADER,
    ) as session:
        application = web.Application()
        front = Front(session, engine, paths)
        application.router.add_route("*", "/{path:.*}", front.handle)
        runner = web.AppRunner(
            application,
            # Who goes away lets the engine stop its work.
            handler_cancellation=True,
            access_log=None,
            shutdown_timeout=5.0,
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port, backlog=2048).start()
            yield int(runner.addresses[0][1])
        finally:
            await runner.cleanup()
