"""The gate: bytes pass while it is open; shut, connections break and new ones get no answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from bench.reconcile.gate import Gate, gate_to


class Echo(asyncio.Protocol):
    """Sends back what it gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert isinstance(self._transport, asyncio.Transport)
        self._transport.write(data)


async def echo_server() -> tuple[asyncio.Server, tuple[str, int]]:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    return server, (host, port)


@asynccontextmanager
async def gate_to_an_echo() -> AsyncIterator[Gate]:
    server, address = await echo_server()
    async with server, gate_to(*address) as gate:
        yield gate


@asynccontextmanager
async def connection(
    gate: Gate,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """What a connection gets back; nothing where it is broken, whether it ends or is reset."""
    with suppress(ConnectionError):
        writer.write(b"hello")
        return await reader.read(100)
    return b""


async def test_an_open_gate_carries_bytes_both_ways() -> None:
    async with gate_to_an_echo() as gate, connection(gate) as streams:
        assert await answer(*streams) == b"hello"
        assert gate.url == f"https://127.0.0.1:{gate.port}"


async def test_a_gate_that_is_shut_breaks_what_goes_through_it() -> None:
    async with gate_to_an_echo() as gate, connection(gate) as streams:
        assert await answer(*streams) == b"hello"

        gate.shut()

        assert await answer(*streams) == b""


async def test_a_gate_that_is_shut_lets_nobody_in_until_it_is_opened() -> None:
    async with gate_to_an_echo() as gate:
        gate.shut()
        async with connection(gate) as streams:
            assert await answer(*streams) == b""

        gate.open()
        async with connection(gate) as streams:
            assert await answer(*streams) == b"hello"


async def test_a_gate_to_nowhere_lets_nobody_in() -> None:
    server, address = await echo_server()
    server.close()
    await server.wait_closed()

    async with gate_to(*address) as gate, connection(gate) as streams:
        assert await answer(*streams) == b""
