"""Requests by size: how many long ones an engine may have at once, and what is said of each. Pure.

A gateway says from how many bytes on a body is long. Its length is in the request's headers, as a gateway
sends a request once it is whole: nobody reads a body for this. Nothing but the standard library: it runs in
the engine's image.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from deepseek_serving.engine import headers
from deepseek_serving.engine.headers import Headers

LONG_BYTES_HEADER = b"x-dsd-long-bytes"
"""Bodies of so many bytes are long; without it there are no classes."""
MOST_LONG_HEADER = b"x-dsd-most-long-requests"
"""How many long requests an engine may have at once, whatever it was made for."""
CLASS_HEADER = b"x-dsd-class"
"""On an answer: `long` or `short`."""
LONG, SHORT = b"long", b"short"

MOST_LONG_VARIABLE = "DEEPSEEK_MOST_LONG_REQUESTS"
"""Of the engine's environment: how many long requests its replica was sized for."""

PART_OF_QUEUE = 16
"""Where neither says it: of 1024 requests 64, a quarter of the sequences that vLLM runs at once."""

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


def is_long(given: Headers) -> bool | None:
    """Whether a request is long; None where its gateway knows no classes.

    A body that does not say its length may have any: no gateway of ours sends one.
    """
    given = tuple(given)
    least = headers.number(given, LONG_BYTES_HEADER)
    if least is None:
        return None
    length = headers.value(given, b"content-length")
    if length is None:
        return headers.value(given, b"transfer-encoding") is not None
    return (headers.positive(length.decode("latin-1")) or 0) >= least


def most_long(given: Headers, *, sized: int | None, most: int) -> int:
    """How many long requests there may be: as the gateway says, as the replica was sized, or a part of all.

    `most` is how many of any size; long ones alone never fill it, unless the gateway says so.
    """
    told = headers.number(given, MOST_LONG_HEADER)
    return told or max(1, min(sized or most // PART_OF_QUEUE, most // 2))


def naming(given: Headers, send: Send) -> Send:
    """`send`, by which each answer says the class of its request; as it is where there are none."""
    long = is_long(given)
    if long is None:
        return send

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            head = (CLASS_HEADER, LONG if long else SHORT)
            message = {**message, "headers": [*message.get("headers", ()), head]}
        await send(message)

    return named
