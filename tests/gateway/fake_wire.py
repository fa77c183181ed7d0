"""FakeWire: an engine's end of the wire. It writes down every request as it comes, and takes nothing that is not one."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from deepseek_serving.gateway.endpoints import Endpoint

_ANSWER = b'{"object": "list", "data": []}'


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as its bytes were."""

    line: str
    headers: tuple[tuple[str, str], ...]
    """Names in lower case, in the order in which they came."""
    body: bytes

    def values(self, name: str) -> list[str]:
        """Of all headers of this name."""
        return [value for key, value in self.headers if key == name]


@dataclass(slots=True)
class FakeWire:
    """Answers each request with an empty list of models, whatever it asks for."""

    requests: list[Request] = field(default_factory=list)
    nonsense: list[bytes] = field(default_factory=list)
    """What came and was no request, or no whole one."""
    port: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._open):
            writer.close()
        await self._server.wait_closed()

    @property
    def endpoint(self) -> Endpoint:
        """As an EndpointSlice would name it."""
        return Endpoint("127.0.0.1", self.port, "wire")

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with contextlib.suppress(ConnectionError):
                while await self._answer(reader, writer):
                    pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; False when there is none any more."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                self.nonsense.append(error.partial)
            return False
        try:
            self.requests.append(await _read(head, reader))
        except (ValueError, asyncio.IncompleteReadError):
            self.nonsense.append(head)
            return False
        length = f"Content-Length: {len(_ANSWER)}\r\n\r\n".encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + length + _ANSWER)
        await writer.drain()
        return True


async def _read(head: bytes, reader: asyncio.StreamReader) -> Request:
    """The request of this head with its body; ValueError where its length may be read in two ways."""
    line, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    if line.count(" ") != 2 or not line.endswith(" HTTP/1.1"):
        raise ValueError(line)
    headers = tuple(_header(text) for text in lines)
    lengths = [value for name, value in headers if name == "content-length"]
    encodings = [value for name, value in headers if name == "transfer-encoding"]
    if len(lengths) + len(encodings) > 1 or encodings not in ([], ["chunked"]):
        raise ValueError(f"{lengths} {encodings}")
    if encodings:
        return Request(line, headers, await _chunks(reader))
    return Request(line, headers, await reader.readexactly(int(lengths[0]) if lengths else 0))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name or name != name.strip() or not text.replace("\t", " ").isprintable():
        raise ValueError(text)
    return name.lower(), value.strip()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise ValueError("a chunk does not end where it says")
    if await reader.readexactly(2) != b"\r\n":
        raise ValueError("trailers")
    return body
