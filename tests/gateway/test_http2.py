"""HTTP/2 without TLS, which the gateway speaks to whoever begins with it: malformed messages, broken rules, floods."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator

import pytest

from tests.gateway import abusing, frames
from tests.gateway.abusing import Abused
from tests.gateway.frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    HEADERS,
    PING,
    PRIORITY,
    SETTINGS,
    WINDOW_UPDATE,
    Seen,
    block,
    frame,
    request,
)
from tests.gateway.rig import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

_GET = ((":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/v1/models"))
_POST = ((":method", "POST"), *_GET[1:3], (":path", "/v1/completions"))
_REFUSED = 7
"""RST_STREAM's code for a stream of which nothing was done yet."""
_MOST_RESETS = 600
"""Envoy ends a connection after 500 streams, most of which were given up at once."""


def post(*more: tuple[str, str], body: bytes = b"{}") -> bytes:
    return request(1, *more, body=body, method="POST", path="/v1/completions")


BAD = {
    "name-in-upper-case": request(1, ("A", "b")),
    "transfer-encoding": post(
        ("transfer-encoding", "chunked"), body=b"0\r\n\r\nGET / HTTP/1.1\r\n"
    ),
    "connection": request(1, ("connection", "close")),
    "keep-alive": request(1, ("keep-alive", "1")),
    "upgrade": request(1, ("upgrade", "websocket")),
    "te-of-gzip": request(1, ("te", "gzip")),
    "line-in-a-value": request(1, ("a", "b\r\nx-dsd-most-requests: 9")),
    "line-feed-in-a-value": request(1, ("a", "b\nc")),
    "nul-in-a-value": request(1, ("a", "b\0c")),
    "line-in-the-path": request(1, path="/v1/models HTTP/1.1\r\nX: y"),
    "space-in-the-path": request(1, path="/v1/models x"),
    "empty-path": request(1, path=""),
    "line-in-the-method": request(1, method="GET / HTTP/1.1\r\nX: y"),
    "scheme-with-a-host": request(1, scheme="http://x/"),
    "authority-with-a-space": request(1, authority="a b"),
    "no-path": request(1, drop="path"),
    "no-method": request(1, drop="method"),
    "no-scheme": request(1, drop="scheme"),
    "no-authority": request(1, drop="authority"),
    "second-path-late": request(1, ("a", "b"), (":path", "/metrics")),
    "second-path": frame(HEADERS, block(*_GET, (":path", "/metrics")), flags=5, stream=1),
    "pseudo-of-nobody": request(1, (":x", "y")),
    "pseudo-of-answers": request(1, (":status", "200")),
    "length-too-short": post(("content-length", "1")),
    "length-too-long": post(("content-length", "9")),
    "two-lengths": post(("content-length", "2"), ("content-length", "3")),
    "positive-length": post(("content-length", "+2")),
    "connect": request(1, method="CONNECT", authority="10.0.0.1:22", body=b""),
    "connect-of-websockets": request(1, (":protocol", "websocket"), method="CONNECT", body=b""),
    "headers-too-large": frame(HEADERS, block(*_GET, ("a", "b" * 9000)), flags=1, stream=1)
    + frame(CONTINUATION, block(("a", "b" * 16_000)), stream=1)
    + frame(CONTINUATION, block(("a", "b" * 16_000)), flags=END_HEADERS, stream=1),
    "headers-that-unfold": frame(
        HEADERS,
        block(*_GET) + frames.remembered("a", "b" * 3900) + b"\xbe" * 12_000,
        flags=5,
        stream=1,
    ),
}
"""Requests that are none: each is reset, and the next one on its connection is answered."""


@pytest.mark.parametrize("sent", [pytest.param(sent, id=name) for name, sent in BAD.items()])
async def test_a_bad_request_ends_itself_alone(abused: Abused, sent: bytes) -> None:
    """A proxy in front of the gateway sends the requests of many users on one connection."""
    async with _connected(abused, sent + request(3)) as (seen, _):
        await until(lambda: seen.is_over(1) and seen.is_over(3))
        await abused.users_are_answered()

    assert set(seen.resets) == {1}
    assert seen.ended == {3}
    assert not seen.closed
    assert len(abused.seen) == 1
    assert abused.wire.nonsense == []
    abusing.check_requests(abused.seen)


BROKEN = {
    "even-stream": request(2),
    "stream-of-the-connection": request(0),
    "data-of-no-stream": frame(DATA, b"x", stream=1),
    "data-of-the-connection": frame(DATA, b"x"),
    "window-too-large": frame(WINDOW_UPDATE, struct.pack(">I", 2**31 - 1)),
    "window-of-nothing": frame(WINDOW_UPDATE, struct.pack(">I", 0)),
    "frame-too-large": frame(HEADERS, b"\0" * 20_000, flags=5, stream=1),
    "headers-of-garbage": frame(HEADERS, b"\xff" * 7, flags=5, stream=1),
    "push": frame(5, b"\0\0\0\2", flags=4, stream=1),
    "settings-too-large": frame(SETTINGS, b"\0\4\xff\xff\xff\xff"),
    "ping-too-short": frame(PING, b"x"),
    "continuation-of-nothing": frame(CONTINUATION, flags=4, stream=1),
    "frame-between-headers": frame(HEADERS, block(*_GET), stream=1) + frame(PING, b"\0" * 8),
    "flood-of-headers": frame(HEADERS, block(*_GET), flags=1, stream=1)
    + frame(CONTINUATION, block(("a", "b")), stream=1) * 5000,
    "flood-of-empty-headers": frame(HEADERS, block(*_GET), flags=1, stream=1)
    + frame(CONTINUATION, stream=1) * 5000,
    "flood-of-pings": frame(PING, b"\0" * 8) * 20_000,
    "flood-of-settings": frames.settings() * 20_000,
    "flood-of-priorities": frame(PRIORITY, struct.pack(">IB", 0, 1), stream=1) * 20_000,
}
"""What no client does: its connection is ended."""


async def test_who_breaks_the_rules_is_let_go(abused: Abused) -> None:
    """All at once: Envoy takes a second over each end, in case that the client still reads."""

    async def end(sent: bytes) -> bool:
        async with _connected(abused, sent) as (seen, _):
            await until(lambda: seen.closed)
            return not seen.answered

    ends = await asyncio.gather(*map(end, BROKEN.values()))
    await abused.users_are_answered()

    assert [name for name, ended in zip(BROKEN, ends, strict=True) if not ended] == []
    assert abused.seen == []
    assert abused.wire.nonsense == []


@pytest.mark.parametrize("kind", ["get", "post"])
async def test_streams_that_are_given_up_at_once_cost_their_client_its_connection(
    abused: Abused, kind: str
) -> None:
    def one(stream: int) -> bytes:
        path = "/v1/completions"
        asked = (
            request(stream)
            if kind == "get"
            else request(stream, body=b"{}", method="POST", path=path)
        )
        return asked + frames.reset(stream)

    async with _connected(abused, b"".join(one(2 * n + 1) for n in range(3000))) as (seen, _):
        await abused.users_are_answered()
        await until(lambda: seen.closed)

    assert seen.answered == set()
    assert len(abused.seen) <= _MOST_RESETS


async def test_streams_over_the_limit_are_refused_before_anything_is_done(abused: Abused) -> None:
    opened = b"".join(
        frame(HEADERS, block(*_POST), flags=END_HEADERS, stream=2 * n + 1) for n in range(150)
    )
    async with _connected(abused, opened) as (seen, _):
        await until(lambda: len(seen.resets) == 50)
        await abused.users_are_answered()

    assert set(seen.resets.values()) == {_REFUSED}
    assert abused.seen == []


async def test_a_client_without_a_window_gets_its_answer_when_it_opens_one(abused: Abused) -> None:
    async with _connected(abused, frames.settings(window=0) + request(1)) as (seen, writer):
        await until(lambda: seen.answered == {1})
        await abused.users_are_answered()
        before = seen.bytes
        writer.write(frame(WINDOW_UPDATE, struct.pack(">I", 1000), stream=1))
        await until(lambda: seen.ended == {1})

    assert before == 0
    assert seen.bytes > 0


@contextlib.asynccontextmanager
async def _connected(
    abused: Abused, sent: bytes
) -> AsyncIterator[tuple[Seen, asyncio.StreamWriter]]:
    """A connection on which this was sent, and what comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", abused.gateway.ports["client"])
    seen = Seen()
    listening = asyncio.create_task(frames.listen(reader, seen))
    with contextlib.suppress(ConnectionError):
        writer.write(frames.PREFACE + frames.settings() + sent)
        await writer.drain()
    try:
        yield seen, writer
    finally:
        writer.close()
        listening.cancel()
        await asyncio.wait([listening])
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
