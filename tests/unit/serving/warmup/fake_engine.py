"""An engine and its pod's warden in one small server: the OpenAI API with programmable faults.

Time is a clock that only the engine turns, so what the runner measures is what the test set.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from deepseek_serving.warmup.plan import DECODE_TOKENS
from tests.unit.serving.warmup.samples import RESTARTED, START, TOKEN

Body = dict[str, Any]


class Clock:
    """Stands still until it is turned; the engine may wait until somebody has looked at it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._looked = asyncio.Event()

    def __call__(self) -> float:
        self._looked.set()
        return self.now

    async def seen(self) -> None:
        self._looked.clear()
        await self._looked.wait()


@dataclass
class FakeEngine:
    """What the engine says, and what it was asked."""

    clock: Clock = field(default_factory=Clock)
    model: str = "chat"
    names: tuple[str, ...] = ("chat",)
    model_length: int | None = 4096
    unhealthy: int = 0
    """Answers to /health before the first good one."""
    cold_seconds: float = 0.1
    """Until the answer begins, the first time that a shape is asked."""
    warm_seconds: float = 0.1
    token_seconds: float = 0.0
    text: tuple[str, ...] = ("It", " is", " Paris", ",", " yes.")
    logprobs: tuple[Any, ...] = (-0.1, -0.2)
    thinking_field: str = ""
    """Under which name the text comes, where not as content."""
    usage: bool = True
    silent: bool = False
    """Never gives a first token."""
    last_words: bytes = b"data: [DONE]\n\n"
    """Of a stream."""
    refuse: Callable[[Body], tuple[int, str] | None] = lambda _: None
    start: str | None = START
    probed_at: float | None = None
    """When the readiness probe ran; None: just before each question."""
    token: str = TOKEN
    warden_ill: int = 0
    """Answers of the warden that fail before the first good one."""
    warden_silent: bool = False
    """It never answers."""
    restarts_before_warm: bool = False
    """Only the warden sees it."""
    vanishes_at: int = 0
    """The number of the request whose connection is cut."""
    on_request: Callable[["FakeEngine", int], None] = lambda *_: None
    barrier: asyncio.Barrier | None = None
    """Decoding requests wait here for each other."""
    asked: list[tuple[str, Body]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    url: str = ""
    _shapes: Counter[str] = field(default_factory=Counter)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["FakeEngine"]:
        app = web.Application(client_max_size=1 << 24)
        app.router.add_get("/health", self._health)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_post("/v1/completions", self._complete)
        app.router.add_get("/start", self._start)
        app.router.add_post("/warm", self._warm)
        async with TestServer(app) as server:
            self.url = str(server.make_url("/")).rstrip("/")
            try:
                yield self
            finally:
                self._ended.set()

    def bodies(self, *names: str) -> list[Body]:
        """The requests that have all these fields."""
        return [body for _, body in self.asked if all(name in body for name in names)]

    async def _health(self, _: web.Request) -> web.Response:
        self.unhealthy -= 1
        return web.Response(status=503 if self.unhealthy >= 0 else 200)

    async def _models(self, _: web.Request) -> web.Response:
        cards = [{"id": name, "max_model_len": self.model_length} for name in self.names]
        return web.json_response({"object": "list", "data": cards})

    async def _start(self, _: web.Request) -> web.Response:
        if self.warden_silent:
            await self._ended.wait()
        self.warden_ill -= 1
        if self.warden_ill >= 0:
            return web.Response(status=503, text="not yet")
        self.clock.now += 0.001
        age = None if self.start is None else self.clock.now - (self.probed_at or self.clock.now)
        return web.json_response({"processStart": self.start, "ageSeconds": age, "warm": False})

    async def _warm(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"error": "the token is another"}, status=401)
        named = (await request.json())["processStart"]
        if self.restarts_before_warm:
            self.start = RESTARTED
        if named != self.start:
            return web.json_response({"error": "another process runs"}, status=409)
        self.opened.append(named)
        return web.json_response({"processStart": named, "warm": True})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append((request.path, body))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.on_request(self, len(self.asked))
            refusal = self.refuse(body)
            if refusal is not None:
                return web.Response(status=refusal[0], text=refusal[1])
            if len(self.asked) == self.vanishes_at and request.transport is not None:
                request.transport.abort()
            if self.barrier is not None and body["max_tokens"] == DECODE_TOKENS:
                await self.barrier.wait()
            if self.silent:
                await self._ended.wait()
            self.clock.now += self._delay(request.path, body)
            if body.get("stream"):
                return await self._stream(request, body)
            return self._whole(request.path, body)
        finally:
            self.at_once -= 1

    def _delay(self, path: str, body: Body) -> float:
        prompt = body.get("prompt")
        length = len(prompt) if isinstance(prompt, list) else 0
        shape = f"{path} {sorted(body)} {length} {body['temperature']} {body['max_tokens']}"
        self._shapes[shape] += 1
        return self.cold_seconds if self._shapes[shape] == 1 else self.warm_seconds

    def _whole(self, path: str, body: Body) -> web.Response:
        said: Body = {"text": "".join(self.text)}
        if "chat" in path:
            said = {"message": self._said("".join(self.text), role="assistant")}
        choices = [{**said, "logprobs": self._logprobs(body), "finish_reason": "stop"}]
        document = {"model": self.model, "choices": choices if self.text else []}
        # As Python's json does, and servers that do not look: NaN stands there as NaN.
        return web.Response(
            text=json.dumps({**document, **self._usage()}), content_type="application/json"
        )

    async def _stream(self, request: web.Request, body: Body) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b": keep-alive\n\n")
        if "chat" in request.path:
            await self._event(response, {"delta": {"role": "assistant", "content": ""}})
        for number, piece in enumerate(self.text):
            if number:
                self.clock.now += self.token_seconds
            choice: Body = {"text": piece}
            if "chat" in request.path:
                choice = {"delta": self._said(piece), "logprobs": self._logprobs(body)}
            await self._event(response, choice)
            if self.token_seconds:
                await self.clock.seen()
        usage = {"model": self.model, "choices": [], **self._usage()}
        await response.write(f"data: {json.dumps(usage)}\r\n\r\n".encode() + self.last_words)
        return response

    async def _event(self, response: web.StreamResponse, choice: Body) -> None:
        document = {"model": self.model, "choices": [{"index": 0, **choice}]}
        await response.write(f"data: {json.dumps(document)}\n\n".encode())

    def _said(self, text: str, **more: str) -> Body:
        if self.thinking_field:
            return {**more, "content": None, self.thinking_field: text}
        return {**more, "content": text}

    def _usage(self) -> Body:
        return {"usage": {"completion_tokens": len(self.text)}} if self.usage else {}

    def _logprobs(self, body: Body) -> Body | None:
        if not body.get("logprobs"):
            return None
        content = [
            {
                "token": piece,
                "logprob": value,
                "top_logprobs": [
                    {"token": piece, "logprob": value},
                    {"token": "London", "logprob": -3.5},
                ],
            }
            for piece, value in zip(self.text, self.logprobs, strict=False)
        ]
        return {"content": content}
