"""An engine with as many requests as it may have refuses the next at once, before any work.

vLLM queues without end, and a gateway knows only the requests that it sent itself. How many there may be
a gateway says in the request's headers; without them nothing is refused. Of these only so many may be long:
those would fill the queue that short ones wait in. A request that was refused may go
to another pod, or to another revision. Nothing but the standard library: it runs in the engine's image.
"""

import json
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from deepseek_serving.engine import classes, headers, priority

MOST_REQUESTS_HEADER = b"x-dsd-most-requests"
REASON_HEADER = b"x-dsd-reason"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Bounded:
    """An ASGI middleware; one for the whole server."""

    def __init__(self, app: App, environment: Mapping[str, str] = os.environ) -> None:
        """`app` answers the requests; `environment` says what its pod was made for."""
        self._app = app
        self._running = 0
        self._long = 0
        self._sized = headers.positive(environment.get(classes.MOST_LONG_VARIABLE, ""))
        self._priority = headers.positive(environment.get(priority.PRIORITY_VARIABLE, ""))

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request; those of gateways count, whatever they ask."""
        given = scope["headers"] if scope["type"] == "http" else ()
        most = headers.number(given, MOST_REQUESTS_HEADER)
        if most is None:
            await self._app(scope, receive, send)
            return
        if self._running >= most:
            await _refuse(send, f"the queue is full ({most} requests)", b"queue-full", pause=b"1")
            return
        long = classes.is_long(given) or False
        if long:
            most_long = classes.most_long(given, sized=self._sized, most=most)
            if self._long >= most_long:
                said = f"there are {most_long} long requests already"
                await _refuse(send, said, b"long-requests-full", pause=b"5")
                return
            if self._priority is not None and scope.get("path") in priority.PATHS:
                receive = priority.behind(receive, self._priority)
        await self._answer(scope, receive, send, long=long)

    async def _answer(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send, *, long: bool
    ) -> None:
        self._running += 1
        self._long += long
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1
            self._long -= long


async def _refuse(send: Send, said: str, reason: bytes, *, pause: bytes) -> None:
    """`pause` in seconds: a long request ends later than one of any kind."""
    error = {
        "message": f"{said}: try again",
        "type": "rate_limit_error",
        "param": None,
        "code": 429,
    }
    body = json.dumps({"error": error}).encode()
    head = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", pause),
        (REASON_HEADER, reason),
    ]
    await send({"type": "http.response.start", "status": 429, "headers": head})
    await send({"type": "http.response.body", "body": body})
