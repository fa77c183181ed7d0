"""Every third request that comes through a gateway fails before vLLM sees it; warm-ups and probes come by themselves, and do not.

Wrapped around FastAPI in a test's image.
"""

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

GATEWAY_HEADER = b"x-dsd-first-token-seconds"
BODY = b'{"error": {"message": "broken on purpose", "type": "InternalServerError", "code": 500}}'

Call = Callable[[Any, Any, Any, Any], Awaitable[None]]


def failing(answer: Call) -> Call:
    """`FastAPI.__call__`, as it is from now on."""
    asked = itertools.count(1)

    async def call(app: Any, scope: Any, receive: Any, send: Any) -> None:
        is_users = any(name == GATEWAY_HEADER for name, _ in scope.get("headers", ()))
        if not is_users or next(asked) % 3:
            await answer(app, scope, receive, send)
            return
        head = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 500, "headers": head})
        await send({"type": "http.response.body", "body": BODY})

    return call
