"""What a gateway does as its memory, its connections and its clients' patience run out; the real Envoy."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from deepseek_serving.gateway.overload import Room
from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Gateway, running_gateway, until

MIB = 1024 * 1024
_PARTS = 40
_PART = b"x" * 100_000
_HEAD = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (
    _PARTS * len(_PART)
)


def _memory(gateway: Gateway) -> int:
    """Bytes of an Envoy's own, its program's file left out."""
    assert gateway.process is not None
    lines = Path(f"/proc/{gateway.process.pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("RssAnon:")]
    return int(line.split()[1]) * 1024


async def _value(gateway: Gateway, name: str) -> int:
    """Of one of Envoy's statistics."""
    found = await gateway.admin.statistics(rf"^{name}$")
    return sum(int(item["value"]) for item in found if "value" in item)


async def test_half_sent_bodies_take_no_more_memory_than_there_is(tmp_path: Path) -> None:
    """They would take 240 MB of a container that has 192 MiB; who is answered meanwhile is not cut."""
    room = Room(memory_bytes=192 * MIB)
    async with running_gateway(tmp_path, room) as gateway, FakeEngine("one") as one:
        one.behave(tokens=300, between_tokens=0.01)
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        running = asyncio.create_task(gateway.ask(stream=True))
        await until(lambda: one.running == 1)
        peak = asyncio.create_task(_peak(gateway, running))
        await asyncio.gather(*(_send_half(gateway) for _ in range(60)))
        answer = await running
        one.behave(tokens=1)
        # Before Envoy is asked anything: one that took all of it answers late.
        assert await peak < room.memory_bytes
        await until(lambda: _is_answered(gateway))
        is_shed = await _value(gateway, "overload.*http1_server_abort_dispatch.shed_load_count")

    assert answer.text.endswith("data: [DONE]\n\n")
    assert is_shed > 0


async def _peak(gateway: Gateway, running: asyncio.Task[Any]) -> int:
    """The most memory that it took while this ran."""
    peak = 0
    while not running.done():
        peak = max(peak, _memory(gateway))
        await asyncio.sleep(0.01)
    return peak


async def _send_half(gateway: Gateway) -> None:
    """All of a body but its last part, unless it is cut."""
    reader, writer = await _open(gateway)
    writer.write(_HEAD)
    with contextlib.suppress(ConnectionError, TimeoutError):
        for _ in range(_PARTS - 1):
            writer.write(_PART)
            await writer.drain()
            # As a client on a network: the next part comes when others had their turn.
            await asyncio.sleep(0.02)
        await asyncio.wait_for(reader.read(1), 0.5)
    await _close(writer)


async def _is_answered(gateway: Gateway) -> bool:
    with contextlib.suppress(OSError):
        return (await gateway.ask()).status == 200
    return False


async def test_connections_over_the_limit_are_closed_and_the_others_served(tmp_path: Path) -> None:
    room = Room(files=1024)
    async with running_gateway(tmp_path, room) as gateway, FakeEngine("one") as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        # The user's own connection is one of them.
        assert (await gateway.ask()).status == 200
        kept = [await _open(gateway) for _ in range(room.connections - 1)]
        await until(lambda: _is(gateway, "http.clients.downstream_cx_active", room.connections))
        more = [await _open(gateway) for _ in range(10)]
        ends = await asyncio.gather(*(_end(reader) for reader, _ in more))
        beside = await gateway.ask()
        probed = await gateway.session.get(f"http://127.0.0.1:{gateway.ports['probe']}/ready")
        for _, writer in (*kept, *more):
            await _close(writer)

    assert room.connections == 384
    assert ends == [b""] * 10
    assert beside.status == 200
    assert probed.status == 200


_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _open(gateway: Gateway) -> _Connection:
    return await asyncio.open_connection("127.0.0.1", gateway.ports["client"])


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def _end(reader: asyncio.StreamReader) -> bytes:
    """What comes until the gateway closes."""
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionResetError:
        return b""
    except TimeoutError:
        return b"still open"


async def _is(gateway: Gateway, name: str, value: int) -> bool:
    return await _value(gateway, name) == value


async def test_a_client_that_does_not_read_is_let_go_and_its_engine_with_it(
    gateway: Gateway,
) -> None:
    async with FakeEngine("one") as one:
        one.behave(tokens=1_000_000)
        gateway.pods(only=[one])
        await gateway.tell(
            {"only": 100}, limits={"responseSeconds": 0.5, "betweenTokensSeconds": 0.5}
        )
        _, writer = await _open(gateway)
        body = b'{"stream": true}'
        head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % len(body) + body)
        await until(lambda: one.running == 1)
        before = _memory(gateway)
        await until(lambda: one.aborted == 1)
        held = _memory(gateway) - before
        one.behave(tokens=1)
        beside = await gateway.ask()
        await _close(writer)

    assert beside.status == 200
    assert held < 8 * MIB


@pytest.mark.parametrize("size", [100, 900_000], ids=["short", "long"])
async def test_a_request_of_any_length_is_tried_again(gateway: Gateway, size: int) -> None:
    """Though a connection's buffer is shorter: the filter that waits for the whole of it makes room."""
    async with FakeEngine("one") as one, FakeEngine("two") as two:
        one.behave(status=503)
        two.behave(status=503)
        gateway.pods(only=[one, two])
        await gateway.tell({"only": 100}, replicas={"only": 2})
        await gateway.ask(text="x" * size)

    assert (len(one.seen), len(two.seen)) == (1, 1)


async def test_a_long_answer_is_not_cut_by_what_ends_silent_ones(gateway: Gateway) -> None:
    """All times of a stream are those of its silences."""
    async with FakeEngine("one") as one:
        one.behave(tokens=15, between_tokens=0.1)
        gateway.pods(only=[one])
        await gateway.tell(
            {"only": 100}, limits={"responseSeconds": 0.3, "betweenTokensSeconds": 0.3}
        )
        answer = await gateway.ask(stream=True)

    assert answer.text.endswith("data: [DONE]\n\n")


@pytest.mark.campaign(has_short_form=True)
async def test_users_are_served_beside_idle_connections(tmp_path: Path, *, in_full: bool) -> None:
    """10,000 of them, each of which was used once."""
    count = 10_000 if in_full else 500
    async with running_gateway(tmp_path) as gateway, FakeEngine("one") as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        before = _memory(gateway)
        idle: list[_Connection] = []
        for _ in range(count // 100):
            idle += await asyncio.gather(*(_open_and_ask(gateway) for _ in range(100)))
        answers = await gateway.ask_many(4_000 if in_full else 200, stream=True)
        open_now = await _value(gateway, "http.clients.downstream_cx_active")
        each = (_memory(gateway) - before) / count
        again = [await _ask(*connection) for connection in idle]
        for _, writer in idle:
            await _close(writer)

    assert {answer.status for answer in answers} == {200}
    assert all(answer.text.endswith("data: [DONE]\n\n") for answer in answers)
    assert open_now >= count
    assert again == [200] * count
    assert each < 32 * 1024


async def _open_and_ask(gateway: Gateway) -> _Connection:
    reader, writer = await _open(gateway)
    assert await _ask(reader, writer) == 200
    return reader, writer


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    writer.write(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
    await reader.readexactly(int(length))
    return int(head.split()[1])


@pytest.mark.campaign
async def test_who_sends_a_request_by_and_by_is_answered_408(gateway: Gateway) -> None:
    """A head within 10 s and a body within 60 s, however many bytes come meanwhile."""

    async def answer(begun: bytes, more: bytes) -> bytes:
        reader, writer = await _open(gateway)
        writer.write(begun)
        # Not to its end: whoever goes on sending to who has closed is reset.
        reading = asyncio.create_task(asyncio.wait_for(reader.read(4096), 90))
        while not reading.done():
            with contextlib.suppress(ConnectionError):
                writer.write(more)
                await writer.drain()
            await asyncio.sleep(0.5)
        await _close(writer)
        return await reading

    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        slow = answer(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n", b"A: b\r\n"), answer(_HEAD, b" ")
        answers = await asyncio.gather(*slow)
        beside = await gateway.ask()

    assert [text.split()[1] for text in answers] == [b"408", b"408"]
    assert all(b"invalid_request_error" in text for text in answers)
    assert beside.status == 200
    assert len(one.seen) == 1
