"""A fake engine that answers from a table and a fake judge over TLS: enough for an examination, and no more."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

Body = dict[str, Any]


@dataclass
class FakeEngine:
    """`says` has the answer to each last message; whatever else is asked is answered "?"."""

    says: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    """Of the first requests; then 200."""
    raw: bytes | None = None
    """Sent in place of an answer."""
    silent: bool = False
    asked: list[Body] = field(default_factory=list)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: int = 0
    most_at_once: int = 0
    url: str = ""
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["FakeEngine"]:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        async with TestServer(app) as server:
            self.url = str(server.make_url("/")).rstrip("/")
            try:
                yield self
            finally:
                self._ended.set()

    async def _complete(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body)
        self.was_asked.set()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            # Others may come in meanwhile.
            await asyncio.sleep(0)
            return await self._answer(body)
        finally:
            self.at_once -= 1

    async def _answer(self, body: Body) -> web.Response:
        if self.silent:
            await self._ended.wait()
        status = self.statuses.pop(0) if self.statuses else 200
        if status != 200:
            return web.Response(status=status, headers={"Location": "/elsewhere"})
        if self.raw is not None:
            return web.Response(body=self.raw)
        text = self.says.get(body["messages"][-1]["content"], "?")
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"completion_tokens": len(text.split())}
        return web.json_response({"choices": [choice], "usage": usage})


@dataclass
class FakeJudge:
    """What it is posted, and what it answers."""

    answer: bytes = b'{"pass": true, "reason": "fine"}'
    status: int = 200
    silent: bool = False
    posted: list[tuple[Body, str | None]] = field(default_factory=list)
    followed: int = 0
    url: str = ""
    authority: Path = Path()
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def serve(self, folder: Path) -> AsyncIterator["FakeJudge"]:
        app = web.Application()
        app.router.add_post("/ok", self._judge)
        app.router.add_route("*", "/elsewhere", self._elsewhere)
        certificate = trustme.CA()
        self.authority = folder / "authority.pem"
        certificate.cert_pem.write_to_path(str(self.authority))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        server = TestServer(app, scheme="https")
        await server.start_server(ssl=context)
        self.url = f"https://127.0.0.1:{server.port}/ok"
        try:
            yield self
        finally:
            self._ended.set()
            await server.close()

    async def _judge(self, request: web.Request) -> web.Response:
        self.posted.append((await request.json(), request.headers.get("Authorization")))
        if self.silent:
            await self._ended.wait()
        headers = {"Location": "/elsewhere"} if self.status // 100 == 3 else {}
        return web.Response(status=self.status, body=self.answer, headers=headers)

    async def _elsewhere(self, _: web.Request) -> web.Response:
        self.followed += 1
        return web.Response(body=self.answer)
