"""A door in front of the API server that can be shut: connections through it break, and new ones are refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_CHUNK = 65536


class Gate:
    """Forwards TCP connections as they are: TLS and the users' certificates pass through it."""

    def __init__(self, host: str, port: int) -> None:
        """Forward to this address once it listens."""
        self._target = (host, port)
        self._open = True
        self._writers: set[asyncio.StreamWriter] = set()
        self._served: set[asyncio.Task[None]] = set()
        self.port = 0

    async def serve(self) -> asyncio.Server:
        """Listen on a free port of the loopback."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = int(server.sockets[0].getsockname()[1])
        return server

    @property
    def url(self) -> str:
        """The API server's URL through this gate."""
        return f"https://127.0.0.1:{self.port}"

    def shut(self) -> None:
        """Break every connection, and each new one at once."""
        self._open = False
        for writer in self._writers:
            writer.transport.abort()

    def open(self) -> None:
        """Let connections through again."""
        self._open = True

    async def emptied(self) -> None:
        """Wait until no connection is left; the gate is shut."""
        if self._served:
            await asyncio.wait(self._served)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._served.add(task)
        task.add_done_callback(self._served.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        try:
            to_reader, to_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, to_writer}
        self._writers |= pair
        try:
            await asyncio.gather(_pump(reader, to_writer), _pump(to_reader, writer))
        finally:
            self._writers -= pair
            for one in pair:
                one.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way until the other side ends or breaks."""
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def gate_to(host: str, port: int) -> AsyncIterator[Gate]:
    """An open gate to an address."""
    gate = Gate(host, port)
    server = await gate.serve()
    try:
        yield gate
    finally:
        server.close()
        gate.shut()
        await gate.emptied()
