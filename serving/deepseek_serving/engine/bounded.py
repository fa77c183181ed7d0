"""An engine with as many requests as it may have refuses the next at once, before any work.

vLLM queues without end, and a gateway knows only the requests that it sent itself. How many there may be
a gateway says in the request's headers; without them nothing is refused. A request that was refused may go
to another pod, or to another revision. Nothing but the standard library: it runs in the engine's image.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

MOST_REQUESTS_HEADER = b"x-dsd-most-requests"
REASON_HEADER = b"x-dsd-reason"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Bounded:
    """An ASGI middleware; one for the whole server."""

    def __init__(self, app: App) -> None:
        """`app` answers the requests."""
        self._app = app
        self._running = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request; those of gateways count, whatever they ask."""
        most = _most(scope["headers"]) if scope["type"] == "http" else None
        if most is None:
            await self._app(scope, receive, send)
            return
        if self._running >= most:
            await _refuse(send, most)
            return
        self._running += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1


async def _refuse(send: Send, most: int) -> None:
    said = f"the queue is full ({most} requests): try again"
    error = {"message": said, "type": "rate_limit_error", "param": None, "code": 429}
    body = json.dumps({"error": error}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", b"1"),
        (REASON_HEADER, b"queue-full"),
    ]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _most(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """What the header says; nothing where it is missing or no positive number."""
    for name, value in headers:
        if bytes(name).lower() == MOST_REQUESTS_HEADER:
            text = bytes(value).decode("latin-1").strip()
            return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else None
    return None
