"""FakeEngine: speaks OpenAI's API as vLLM does, with latencies, lengths and failures that a test sets, and counts them.

It computes nothing. tests/e2e compares the shape of its answers with those of a real vLLM.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.typedefs import Handler

from deepseek_serving.gateway.endpoints import Endpoint
from tests.gateway.fake_metrics import FakeMetrics


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the engine answers; times in seconds."""

    status: int = 200
    first_token: float = 0.0
    between_tokens: float = 0.0
    tokens: int = 4
    reason: str = "stop"
    """Why its answers end."""
    silent: bool = False
    """Takes the request and never answers."""
    drops: bool = False
    """Takes the request and closes the connection."""
    breaks_after: int | None = None
    """Closes the connection after so many tokens."""


@dataclass(slots=True)
class FakeEngine:
    """One pod's engine, on a free port of this machine."""

    name: str
    model: str = "chat"
    behaviour: Behaviour = field(default_factory=Behaviour)
    seen: list[dict[str, Any]] = field(default_factory=list)
    """The headers of the requests that reached it."""
    aborted: int = 0
    """Streams whose client went away before the end."""
    running: int = 0
    port: int = 0
    host: str = "127.0.0.1"
    metrics: FakeMetrics = field(default_factory=lambda: FakeMetrics("chat"))
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_post("/v1/chat/completions", self._complete)
        application.router.add_post("/v1/completions", self._complete)
        for path, answer in _AT_ONCE.items():
            application.router.add_post(path, self._answering(answer))
        application.router.add_get("/v1/models", self._models)
        application.router.add_get("/health", self._health)
        application.router.add_get("/metrics", self._metrics)
        # Another process counts anew.
        self.metrics = FakeMetrics(self.model)
        self._runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """As a process that is killed: what runs is cut, and nobody listens any more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def endpoint(self) -> Endpoint:
        """As an EndpointSlice would name it."""
        return Endpoint(self.host, self.port, self.name)

    def behave(self, **changes: Any) -> None:
        """From the next request on."""
        self.behaviour = replace(self.behaviour, **changes)

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self.metrics.page(), content_type="text/plain")

    def _count(self, path: str, behaviour: Behaviour) -> None:
        self.metrics.answer(path, 200)
        self.metrics.count(
            first_token=behaviour.first_token,
            per_output_token=behaviour.between_tokens,
            tokens=behaviour.tokens,
            reason=behaviour.reason,
        )

    async def _models(self, request: web.Request) -> web.Response:
        self.seen.append(dict(request.headers))
        entry = {"id": self.model, "object": "model", "owned_by": "vllm"}
        return web.json_response({"object": "list", "data": [entry]})

    def _answering(self, answer: Callable[[str], Any]) -> Handler:
        async def answered(request: web.Request) -> web.Response:
            self.seen.append(dict(request.headers))
            if self.behaviour.status != 200:
                return _refusal(self.behaviour.status, "refused by the test", {})
            return web.json_response(answer(self.model))

        return answered

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json()
        except ValueError:
            return _refusal(400, "the body is no JSON", {})
        self.seen.append(dict(request.headers))
        behaviour = self.behaviour
        if self.running >= int(request.headers.get("x-dsd-most-requests", "1000000")):
            # As our middleware in vLLM refuses what is too much.
            return _refusal(429, "queue-full", {"Retry-After": "1"})
        self.running += 1
        try:
            if behaviour.silent:
                await asyncio.Event().wait()
            if behaviour.drops:
                assert request.transport is not None
                request.transport.abort()
            if behaviour.status != 200:
                self.metrics.answer(request.path, behaviour.status)
                return _refusal(behaviour.status, "refused by the test", {})
            if body.get("stream"):
                return await self._stream(request, behaviour)
            await asyncio.sleep(
                behaviour.first_token + behaviour.between_tokens * (behaviour.tokens - 1)
            )
            self._count(request.path, behaviour)
            return web.json_response(self._answer(request.path, behaviour))
        except (asyncio.CancelledError, ConnectionResetError):
            self.aborted += 1
            raise
        finally:
            self.running -= 1

    async def _stream(self, request: web.Request, behaviour: Behaviour) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        # Headers with the first token, as our middleware in vLLM holds them; or not at all.
        patience = float(request.headers.get("x-dsd-first-token-seconds", "inf"))
        await asyncio.sleep(min(behaviour.first_token, patience))
        if behaviour.first_token > patience:
            return _refusal(504, "first-token", {})
        await response.prepare(request)
        for number in range(behaviour.tokens):
            if behaviour.breaks_after == number:
                assert request.transport is not None
                request.transport.abort()
                return response
            if number:
                await asyncio.sleep(behaviour.between_tokens)
            await response.write(self._chunk(request.path, f"t{number} ", None))
        self._count(request.path, behaviour)
        await response.write(self._chunk(request.path, "", behaviour.reason))
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    def _chunk(self, path: str, text: str, reason: str | None) -> bytes:
        said = {"text": text} if path == _COMPLETIONS else {"delta": {"content": text}}
        kind = "text_completion" if path == _COMPLETIONS else "chat.completion.chunk"
        choice = {"index": 0, **said, "finish_reason": reason}
        chunk = {**_head(kind, self.model), "choices": [choice]}
        return f"data: {json.dumps(chunk)}\n\n".encode()

    def _answer(self, path: str, behaviour: Behaviour) -> dict[str, Any]:
        text = "".join(f"t{number} " for number in range(behaviour.tokens))
        message = {"message": {"role": "assistant", "content": text}}
        said = {"text": text} if path == _COMPLETIONS else message
        kind = "text_completion" if path == _COMPLETIONS else "chat.completion"
        usage = {
            "prompt_tokens": 1,
            "completion_tokens": behaviour.tokens,
            "total_tokens": 1 + behaviour.tokens,
        }
        choice = {"index": 0, **said, "finish_reason": behaviour.reason}
        return {**_head(kind, self.model), "choices": [choice], "usage": usage}


_COMPLETIONS = "/v1/completions"


def _head(kind: str, model: str) -> dict[str, Any]:
    return {"id": "fake-1", "object": kind, "created": 1, "model": model}


def _embeddings(model: str) -> dict[str, Any]:
    one = {"object": "embedding", "index": 0, "embedding": [0.0, 1.0]}
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return {**_head("list", model), "data": [one], "usage": usage}


def _tokens(_: str) -> dict[str, Any]:
    return {"count": 2, "max_model_len": 4096, "tokens": [1, 2]}


def _text(_: str) -> dict[str, Any]:
    return {"prompt": "hello"}


_AT_ONCE = {"/v1/embeddings": _embeddings, "/tokenize": _tokens, "/detokenize": _text}


def _refusal(status: int, why: str, headers: dict[str, str]) -> web.Response:
    error = {"message": why, "type": "error", "param": None, "code": status}
    return web.json_response({"error": error}, status=status, headers=headers)
