"""Sends a file as a real server does, or as badly as the rules say."""

import asyncio
import contextlib
import os
import re
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aiohttp import web

from tests.hub.rules import Faults, Rule, Rules

CHUNK_BYTES = 2**20
SETTLE_SECONDS = 10.0


@dataclass(frozen=True)
class Served:
    """One answered request; `sent` counts bytes of content that went out."""

    method: str
    path: str
    range: str
    status: int
    sent: int
    authorized: bool


class Log:
    """What was asked for and how much was sent; whoever reads it waits for answers under way."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._served: list[Served] = []
        self._under_way = 0

    def begin(self) -> None:
        """An answer begins."""
        with self._changed:
            self._under_way += 1

    def end(self, served: Served) -> None:
        """It has ended."""
        with self._changed:
            self._under_way -= 1
            self._served.append(served)
            self._changed.notify_all()

    def read(self) -> list[Served]:
        """All so far."""
        with self._changed:
            self._settle()
            return list(self._served)

    def sent(self, pattern: str = "") -> int:
        """Bytes of content sent for paths in which the pattern is found."""
        return sum(one.sent for one in self.read() if re.search(pattern, one.path))

    def clear(self) -> None:
        """Forget all."""
        with self._changed:
            self._settle()
            self._served.clear()

    def _settle(self) -> None:
        # The client has its last byte a moment before the server notes that it sent it.
        self._changed.wait_for(lambda: not self._under_way, SETTLE_SECONDS)


class Shaper:
    """Shares a number of bytes a second between all answers."""

    def __init__(self, bytes_per_second: float) -> None:
        self._rate = bytes_per_second
        self._free_at = 0.0

    async def take(self, size: int) -> None:
        """Return when this many bytes may go out."""
        now = time.monotonic()
        # A pause that came out a little long is made up for; idle time is not saved.
        self._free_at = max(self._free_at, now - 0.02) + size / self._rate
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)


class Sender:
    """Answers with content."""

    def __init__(self, rules: Rules, log: Log, *, bytes_per_second: float | None = None) -> None:
        self.rules = rules
        self.log = log
        self._shaper = Shaper(bytes_per_second) if bytes_per_second else None
        self.closing = asyncio.Event()

    async def early(self, request: web.Request) -> tuple[Faults, web.StreamResponse | None]:
        """The faults of this request, and the answer where they forbid a better one."""
        faults = self.rules.for_answer(request.path, request.method)
        hops = int(request.query.get("hop", "0"))
        if (rule := faults.get("redirect")) and hops < rule.count:
            target = request.url.update_query(hop=hops + 1)
            return faults, web.Response(status=302, headers={"Location": str(target)})
        if rule := faults.get("status"):
            return faults, web.Response(status=rule.status, headers=rule.headers, text="no")
        return faults, None

    async def file(
        self,
        request: web.Request,
        path: Path,
        *,
        headers: Mapping[str, str] | None = None,
        faults: Faults | None = None,
    ) -> web.StreamResponse:
        """Answer with a file or the part of it that was asked for."""
        if faults is None:
            faults, answer = await self.early(request)
            if answer is not None:
                return answer
        response, span = self._head(request, os.stat(path).st_size, headers, faults)  # noqa: PTH116
        sent = 0
        self.log.begin()
        try:
            await response.prepare(request)
            if request.method != "HEAD":
                with path.open("rb") as content, contextlib.suppress(ConnectionError):
                    async for count in self._send(request, response, content, span, faults):
                        sent += count
        finally:
            self.log.end(
                Served(
                    method=request.method,
                    path=request.path,
                    range=request.headers.get("Range", ""),
                    status=response.status,
                    sent=sent,
                    authorized="Authorization" in request.headers,
                )
            )
        return response

    def _head(
        self,
        request: web.Request,
        size: int,
        headers: Mapping[str, str] | None,
        faults: Faults,
    ) -> tuple[web.StreamResponse, tuple[int, int]]:
        """The answer without its content, and which part of the file that is."""
        if rule := faults.get("truncate"):
            size = min(size, rule.at)
        start, end, status = _range(request, size, ignored=bool(faults.get("ignore-ranges")))
        if faults.get("other-range") and start:
            start -= 1
        response = web.StreamResponse(status=status, headers=dict(headers or {}))
        response.content_length = end - start
        if status == 416:
            response.headers["Content-Range"] = f"bytes */{size}"
        if status == 206:
            response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        if not faults.get("ignore-ranges"):
            response.headers["Accept-Ranges"] = "bytes"
        return response, (start, end)

    async def _send(
        self,
        request: web.Request,
        response: web.StreamResponse,
        content: BinaryIO,
        span: tuple[int, int],
        faults: Faults,
    ) -> AsyncIterator[int]:
        """Send the span, as far as the faults allow; yields the number of bytes before each step."""
        start, end = span
        transport = request.transport
        assert transport is not None
        cut = next((rule for name in CUTS if (rule := faults.get(name))), None)
        stop = min(end, start + cut.after) if cut else end
        for position in range(start, stop, self._step(faults)):
            count = min(self._step(faults), stop - position)
            await self._pace(count, faults.get("slow"))
            if transport.is_closing():
                raise ConnectionResetError("the client has gone")
            # Told before: of a step that a client does not live to the end of, it may have had a part.
            yield count
            flip = faults.get("flip")
            if (flip and position <= flip.at < position + count) or request.scheme == "https":
                await response.write(_read(content, position, count, flip))
            else:
                await asyncio.get_running_loop().sendfile(transport, content, position, count)
        if cut and stop < end:
            await self._cut(cut, transport)
        else:
            await response.write_eof()

    def _step(self, faults: Faults) -> int:
        slow = faults.get("slow")
        return min(CHUNK_BYTES, max(slow.rate // 20, 1)) if slow else CHUNK_BYTES

    async def _pace(self, count: int, slow: Rule | None) -> None:
        if slow:
            await asyncio.sleep(count / slow.rate)
        elif self._shaper:
            await self._shaper.take(count)

    async def _cut(self, rule: Rule, transport: asyncio.Transport) -> None:
        match rule.fault:
            case "stall":
                while not transport.is_closing() and not self.closing.is_set():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self.closing.wait(), 0.1)
            case "reset":
                # With no time to linger the kernel sends a reset instead of an orderly end.
                linger = struct.pack("ii", 1, 0)
                transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, linger
                )
                transport.abort()
        transport.close()


CUTS = ("short", "reset", "stall")


def _range(request: web.Request, size: int, *, ignored: bool) -> tuple[int, int, int]:
    """First byte, end and status of what was asked for."""
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
    if not match or ignored:
        return 0, size, 200
    start = int(match[1])
    end = min(int(match[2]) + 1, size) if match[2] else size
    return (start, end, 206) if start < end else (0, 0, 416)


def _read(content: BinaryIO, position: int, count: int, flip: Rule | None) -> bytes:
    content.seek(position)
    chunk = bytearray(content.read(count))
    if flip and position <= flip.at < position + count:
        chunk[flip.at - position] ^= 0xFF
    return bytes(chunk)


def files_of(directory: Path) -> Iterator[tuple[str, Path]]:
    """Relative names and places of all files in a directory."""
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            yield path.relative_to(directory).as_posix(), path
