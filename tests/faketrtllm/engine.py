"""FakeTrtllm: the HTTP surface of TensorRT-LLM 1.2, with latencies, lengths and failures that a test sets.

It computes nothing. Paths, and what each is like, are those of tensorrt_llm/serve/openai_server.py: a stream's
head is sent before anything is computed, /metrics is no page of Prometheus, that page is there only with
`return_perf_metrics`, and anybody may have the weights changed.
"""

import asyncio
import json
import time
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from deepseek_operator.engines.trtllm_options import Options
from deepseek_operator.engines.vllm_figures import FIRST_TOKEN_EDGES, PER_OUTPUT_TOKEN_EDGES

VERSION = "1.2.1"
REQUEST_ID = "x-request-id"
_LABELS = {"model_name": "undefined", "engine_type": "undefined"}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the engine answers; times in seconds."""

    first_token: float = 0.0
    between_tokens: float = 0.0
    tokens: int = 4
    reason: str = "stop"
    failing: float = 0.0
    """Of all requests that are answered 500."""
    failing_users: float = 0.0
    """And of those that come through a gateway, whose Envoy gives each a name (x-request-id): a warm-up fails no request."""
    silent: bool = False
    """A request gets its head, and never a token."""
    breaks_after: int | None = None
    """Closes the connection after so many tokens."""
    healthy: bool = True


class FakePage:
    """Its page of metrics. Names, labels and edges are the real one's; what was not yet, is not there."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        names = tuple(_LABELS)
        self._first_token = Histogram(
            "trtllm_time_to_first_token_seconds",
            "Histogram of time to first token in seconds.",
            names,
            buckets=FIRST_TOKEN_EDGES,
            registry=registry,
        )
        self._per_output_token = Histogram(
            "trtllm_time_per_output_token_seconds",
            "Histogram of time per output token in seconds.",
            names,
            buckets=PER_OUTPUT_TOKEN_EDGES,
            registry=registry,
        )
        self._ended = Counter(
            "trtllm_request_success_total",
            "Count of successfully processed requests.",
            (*names, "finished_reason"),
            registry=registry,
        )

    def count(self, behaviour: Behaviour, *, tokens: int) -> None:
        """One request that was answered to its end; a time of nothing is not counted."""
        self._ended.labels(**_LABELS, finished_reason=behaviour.reason).inc()
        self._first_token.labels(**_LABELS).observe(max(behaviour.first_token, 0.0005))
        if tokens > 1:
            self._per_output_token.labels(**_LABELS).observe(max(behaviour.between_tokens, 0.0005))

    def text(self) -> bytes:
        """As Prometheus would be told."""
        return generate_latest(self._registry)


@dataclass(slots=True)
class FakeTrtllm:
    """One engine, on a free port of this machine unless another is asked for."""

    model: str = "chat"
    options: Options = field(default_factory=dict)
    host: str = "127.0.0.1"
    port: int = 0
    behaviour: Behaviour = field(default_factory=Behaviour)
    seen: list[str] = field(default_factory=list)
    """Paths that were asked."""
    aborted: int = 0
    """Requests whose client went away before the end."""
    running: int = 0
    page: FakePage = field(default_factory=FakePage)
    _asked: int = 0
    _users: int = 0
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=64 * 1024 * 1024, middlewares=[self._note])
        add = application.router
        add.add_get("/health", self._health)
        add.add_get("/health_generate", self._health)
        add.add_get("/version", self._version)
        add.add_get("/v1/models", self._models)
        add.add_post("/v1/chat/completions", self._complete)
        add.add_post("/v1/completions", self._complete)
        add.add_get("/metrics", self._iterations)
        for path in ("/release_memory", "/resume_memory", "/update_weights"):
            add.add_post(path, self._changed)
        if self.options.get("return_perf_metrics"):
            add.add_get("/prometheus/metrics", self._metrics)
        # SIGTERM: nobody new is let in, and what runs may end, without a limit of its own.
        self._runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=3600)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port).start()
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
        """Nobody listens any more; returns when the last answer has ended."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def kill(self) -> None:
        """As a process that is killed: what runs is cut."""
        if self._runner is not None:
            self._runner._shutdown_timeout = 0.01
        await self.stop()

    def behave(self, **changes: Any) -> None:
        """From the next request on."""
        self.behaviour = replace(self.behaviour, **changes)

    @web.middleware
    async def _note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.seen.append(request.path)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(status=200 if self.behaviour.healthy else 503)

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": VERSION})

    async def _models(self, _: web.Request) -> web.Response:
        # No word of how long a sequence may be.
        card = {"id": self.model, "object": "model", "owned_by": "tensorrt_llm"}
        return web.json_response({"object": "list", "data": [card]})

    async def _iterations(self, _: web.Request) -> web.Response:
        return web.json_response([])

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self.page.text(), content_type="text/plain")

    async def _changed(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "success"})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json()
        except ValueError as error:
            return _refusal(400, f"{error}")
        self._asked += 1
        self._users += REQUEST_ID in request.headers
        self.running += 1
        try:
            fails_user = REQUEST_ID in request.headers and _falls_on(
                self._users, self.behaviour.failing_users
            )
            if fails_user or _falls_on(self._asked, self.behaviour.failing):
                return _refusal(500, "as the test wants it")
            return await self._answer(request, body, self.behaviour)
        except (asyncio.CancelledError, ConnectionResetError):
            self.aborted += 1
            raise
        finally:
            self.running -= 1

    async def _answer(
        self, request: web.Request, body: Any, behaviour: Behaviour
    ) -> web.StreamResponse:
        tokens = min(behaviour.tokens, int(body.get("max_tokens") or behaviour.tokens))
        if body.get("ignore_eos"):
            tokens = int(body.get("max_tokens") or tokens)
        if body.get("stream"):
            return await self._stream(request, body, behaviour, tokens)
        if behaviour.silent:
            await asyncio.Event().wait()
        await asyncio.sleep(behaviour.first_token + behaviour.between_tokens * (tokens - 1))
        self.page.count(behaviour, tokens=tokens)
        text = "".join(map(_token, range(tokens)))
        choice = {"index": 0, "finish_reason": behaviour.reason, **_whole(request.path, text)}
        choice["logprobs"] = _log_probabilities(tokens) if body.get("logprobs") else None
        return web.json_response(
            {**self._document(request.path), "choices": [choice], "usage": _usage(tokens)}
        )

    async def _stream(
        self, request: web.Request, body: Any, behaviour: Behaviour, tokens: int
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if behaviour.silent:
            await asyncio.Event().wait()
        await asyncio.sleep(behaviour.first_token)
        for number in range(tokens):
            if behaviour.breaks_after == number:
                assert request.transport is not None
                request.transport.abort()
                return response
            if number:
                await asyncio.sleep(behaviour.between_tokens)
            ended = behaviour.reason if number == tokens - 1 else None
            choice = {"index": 0, "finish_reason": ended, **_piece(request.path, _token(number))}
            await self._event(response, request.path, choices=[choice])
        self.page.count(behaviour, tokens=tokens)
        if (body.get("stream_options") or {}).get("include_usage"):
            await self._event(response, request.path, choices=[], usage=_usage(tokens))
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    async def _event(self, response: web.StreamResponse, path: str, **parts: Any) -> None:
        document = {**self._document(path), **parts}
        await response.write(f"data: {json.dumps(document)}\n\n".encode())

    def _document(self, path: str) -> dict[str, Any]:
        kind = "chat.completion" if "chat" in path else "text_completion"
        return {"id": "cmpl-fake", "object": kind, "created": int(time.time()), "model": self.model}


def _falls_on(number: int, share: float) -> bool:
    """Whether the request of this number is one of a share, evenly spread."""
    return int(number * share) > int((number - 1) * share)


def _token(number: int) -> str:
    return f"t{number} "


def _whole(path: str, text: str) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": text}} if "chat" in path else {"text": text}


def _piece(path: str, text: str) -> dict[str, Any]:
    return {"delta": {"role": "assistant", "content": text}} if "chat" in path else {"text": text}


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": 1 + tokens}


def _log_probabilities(tokens: int) -> dict[str, Any]:
    likely = [{"token": _token(number), "logprob": -0.1} for number in range(tokens)]
    return {"content": [{**one, "top_logprobs": [one]} for one in likely]}


def _refusal(status: int, said: str) -> web.Response:
    error = {"object": "error", "message": said, "type": "BadRequestError", "code": status}
    return web.json_response(error, status=status)
