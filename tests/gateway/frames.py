"""Frames of HTTP/2 (RFC 9113) as a client that means no good writes them, and what comes back."""

import asyncio
import struct
from dataclasses import dataclass, field

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = 0, 1, 2, 3, 4
PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4

INITIAL_WINDOW = 4
"""Setting: how much of an answer may come before more is asked for."""
CANCEL = 8


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    """One frame."""
    return (
        struct.pack(">I", len(payload))[1:]
        + bytes([kind, flags])
        + struct.pack(">I", stream)
        + payload
    )


def settings(**values: int) -> bytes:
    """A frame of settings; `window` is the only one that is needed."""
    ids = {"window": INITIAL_WINDOW}
    return frame(SETTINGS, b"".join(struct.pack(">HI", ids[k], v) for k, v in values.items()))


def block(*headers: tuple[str, str]) -> bytes:
    """Headers as HPACK (RFC 7541) literals that nobody is to remember."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in headers)


def remembered(name: str, value: str) -> bytes:
    """A header as a literal for the table: the byte 0xBE names the last of them."""
    return b"\x40" + _text(name) + _text(value)


def _text(text: str) -> bytes:
    raw = text.encode("latin-1")
    if len(raw) < 127:
        return bytes([len(raw)]) + raw
    rest, length = len(raw) - 127, b"\x7f"
    while rest >= 128:
        length += bytes([rest % 128 + 128])
        rest //= 128
    return length + bytes([rest]) + raw


def request(
    stream: int, *more: tuple[str, str], body: bytes | None = None, drop: str = "", **pseudo: str
) -> bytes:
    """A request; `more` and the values of pseudo headers may be what they may not."""
    named = {"method": "GET", "scheme": "http", "authority": "x", "path": "/v1/models", **pseudo}
    headers = [(f":{name}", value) for name, value in named.items() if name != drop]
    flags = END_HEADERS | (0 if body is not None else END_STREAM)
    sent = frame(HEADERS, block(*headers, *more), flags=flags, stream=stream)
    return sent if body is None else sent + frame(DATA, body, flags=END_STREAM, stream=stream)


def reset(stream: int, code: int = CANCEL) -> bytes:
    """Not wanted any more."""
    return frame(RST_STREAM, struct.pack(">I", code), stream=stream)


@dataclass(slots=True)
class Seen:
    """What came back on a connection."""

    answered: set[int] = field(default_factory=set)
    """Streams that got headers."""
    ended: set[int] = field(default_factory=set)
    """Of these, those whose answer is whole."""
    resets: dict[int, int] = field(default_factory=dict)
    """By stream, why."""
    goaway: int | None = None
    """Why the gateway wants no more of this connection."""
    closed: bool = False
    bytes: int = 0
    """Of answers' bodies."""
    acknowledged: int = 0
    """Pings that were answered."""

    def is_over(self, stream: int) -> bool:
        """Whether nothing more is to come for it."""
        done = stream in self.ended or stream in self.resets
        return done or self.closed or self.goaway not in (None, 0)


async def listen(reader: asyncio.StreamReader, seen: Seen) -> None:
    """Until the connection ends."""
    try:
        while True:
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3]))
            _take(seen, head, payload)
    except (asyncio.IncompleteReadError, ConnectionError):
        seen.closed = True


def _take(seen: Seen, head: bytes, payload: bytes) -> None:
    kind, flags, stream = head[3], head[4], int.from_bytes(head[5:9]) & 0x7FFFFFFF
    if kind == HEADERS:
        seen.answered.add(stream)
    elif kind == DATA:
        seen.bytes += len(payload)
    elif kind == RST_STREAM:
        seen.resets[stream] = int.from_bytes(payload)
    elif kind == GOAWAY:
        seen.goaway = int.from_bytes(payload[4:8])
    elif kind == PING and flags & ACK:
        seen.acknowledged += 1
    if kind in (HEADERS, DATA) and flags & END_STREAM:
        seen.ended.add(stream)
