"""Streams that begin with their first token, or not at all: an ASGI middleware of vLLM's API server.

vLLM says 200 before it has computed anything, and once it has, nobody can send the request elsewhere. So the
head of a stream is held until its first part comes. One that is late is answered 504 and aborted in the
engine; one that falls silent later is cut, for its head is gone. How long both may take a gateway says in
the request's headers; without them nothing is held.

Given to vLLM as `--middleware=deepseek_serving.engine.hold.FirstToken`, it runs in the engine's image, with
nothing but the standard library.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from deepseek_serving.engine import classes, headers
from deepseek_serving.engine.bounded import Bounded
from deepseek_serving.engine.headers import Headers

FIRST_TOKEN_HEADER = b"x-dsd-first-token-seconds"
BETWEEN_TOKENS_HEADER = b"x-dsd-between-tokens-seconds"
REASON_HEADER = b"x-dsd-reason"
"""On the answer to a stream that was late: why."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class StreamSilentError(Exception):
    """A stream that had begun was silent for too long: its connection is closed."""


class FirstToken:
    """The middleware; one for the whole server. It keeps the numbers of requests and names their classes, too."""

    def __init__(self, app: App) -> None:
        """`app` answers the requests."""
        self._app = Bounded(app)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope.get("method") == "POST":
            # No question needs it, and the server's own log of requests, which reads it later, would have it: people
            # put keys there.
            scope["query_string"] = b""
        send = classes.naming(scope["headers"], send)
        first = _seconds(scope["headers"], FIRST_TOKEN_HEADER)
        if first is None:
            await self._app(scope, receive, send)
            return
        between = _seconds(scope["headers"], BETWEEN_TOKENS_HEADER)
        await _Stream(send, first=first, between=between).carry(self._app, scope, receive)


class _Stream:
    """One answer on its way, which may turn out to be no stream."""

    def __init__(self, send: Send, *, first: float, between: float | None) -> None:
        self._send = send
        self._first = first
        self._between = between
        self._head: Message | None = None
        self._deadline: float | None = None
        self._moved = asyncio.Event()
        self._begun = False

    async def carry(self, app: App, scope: MutableMapping[str, Any], receive: Receive) -> None:
        """To its end, or until it is late."""
        answering = asyncio.ensure_future(app(scope, receive, self._take))
        try:
            while not answering.done():
                await self._wait(answering)
                if not answering.done() and self._is_late():
                    await self._give_up(answering)
                    return
            answering.result()
        finally:
            # The client went away: so does the work.
            answering.cancel()

    async def _wait(self, answering: "asyncio.Future[None]") -> None:
        """Until the answer has ended, its deadline has come, or it has got one."""
        moved = asyncio.ensure_future(self._moved.wait())
        now = asyncio.get_running_loop().time()
        left = None if self._deadline is None else max(0.0, self._deadline - now)
        try:
            waited: set[asyncio.Future[Any]] = {answering, moved}
            await asyncio.wait(waited, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            moved.cancel()
        self._moved.clear()

    def _is_late(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self._deadline is not None and now >= self._deadline

    async def _give_up(self, answering: "asyncio.Future[None]") -> None:
        answering.cancel()
        await asyncio.wait({answering})
        if self._begun:
            raise StreamSilentError(f"no token for {self._between:g} s")
        said = f"no first token within {self._first:g} s"
        error = {"message": said, "type": "timeout", "param": None, "code": 504}
        body = json.dumps({"error": error}).encode()
        head = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (REASON_HEADER, b"first-token"),
        ]
        await self._send({"type": "http.response.start", "status": 504, "headers": head})
        await self._send({"type": "http.response.body", "body": body})

    async def _take(self, message: Message) -> None:
        """What the app sends, in its place."""
        if message["type"] == "http.response.start" and _is_stream(message):
            self._head = message
            self._set_deadline(self._first)
            # There is a deadline now, and nobody knows of it yet.
            self._moved.set()
            return
        if self._head is not None and (message.get("body") or not message.get("more_body")):
            head, self._head, self._begun = self._head, None, True
            await self._send(head)
        if self._head is None:
            if self._begun:
                self._set_deadline(self._between)
            await self._send(message)

    def _set_deadline(self, seconds: float | None) -> None:
        loop = asyncio.get_running_loop()
        self._deadline = None if seconds is None else loop.time() + seconds


def _is_stream(head: Message) -> bool:
    """Whether an answer comes in parts, and is one that should: not a refusal."""
    kind = headers.value(head.get("headers", ()), b"content-type") or b""
    return head["status"] == 200 and kind.startswith(b"text/event-stream")


def _seconds(given: Headers, name: bytes) -> float | None:
    """What a header says; nothing where it is missing or no positive number."""
    try:
        seconds = float(headers.value(given, name) or b"")
    except ValueError:
        return None
    return seconds if seconds > 0 else None
