"""Long requests behind the others in an engine that schedules by priority.

vLLM reads `priority` in a request's body (0 by default, smaller is earlier) where it was started with
`--scheduling-policy=priority`. What a request has to say is added at the end of its body, which is
not read for that: of two equal keys in JSON the last one counts. Nothing but the standard library.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

PRIORITY_VARIABLE = "DEEPSEEK_LONG_PRIORITY"
"""Of the engine's environment: the priority of long requests; not set where it does not schedule by it."""

PATHS = frozenset({"/v1/chat/completions", "/v1/completions"})
"""Whose bodies have the field, and are what an engine spends its time on."""

_SPACE = b" \t\r\n"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


def behind(receive: Receive, priority: int) -> Receive:
    """`receive`, by which the body, if it is an object, has this priority whatever its client says.

    The length that the headers name is then too small; servers read to the end of the messages.
    """
    held = b""

    async def changed() -> Message:
        nonlocal held
        message = await receive()
        if message["type"] != "http.request":
            return message
        body = held + message.get("body", b"")
        if message.get("more_body"):
            body, held = _parted(body)
            return {**message, "body": body}
        held = b""
        return {**message, "body": _with_priority(body, priority)}

    return changed


def _parted(body: bytes) -> tuple[bytes, bytes]:
    """What can be passed on, and what may be the end: the last sign with the space behind it."""
    end = max(0, len(body.rstrip(_SPACE)) - 1)
    return body[:end], body[end:]


def _with_priority(end: bytes, priority: int) -> bytes:
    stripped = end.rstrip(_SPACE)
    if not stripped.endswith(b"}"):
        return end
    return stripped[:-1] + b',"priority":%d}' % priority
