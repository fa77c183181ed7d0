"""The two servers that a warm-up talks to: the engine and the pod's warden."""

import asyncio
import json
import math
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from deepseek_serving.warmup.answers import Answer, EventDecoder, parse, refused
from deepseek_serving.warmup.failures import Failure, Reason
from deepseek_serving.warmup.requests import Request

Clock = Callable[[], float]
"""Seconds that only ever grow."""

WARDEN_SECONDS = 10.0
"""The warden only reads and writes small files."""

_LINE_BYTES = 1 << 20
"""Of one part of a stream at most; the log-probabilities of a token are a few hundred."""

_DONE = "[DONE]"

FEWEST_GAPS = 4
"""Between tokens, for a mean that is more than chance: a server may send two tokens in one part."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one answer; one that comes whole has its first token when it comes."""

    first_token: float
    inter_token: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """The engine's process as its readiness probe saw it, so many seconds ago."""

    start: str | None
    age_seconds: float


@asynccontextmanager
async def open_session() -> AsyncIterator[aiohttp.ClientSession]:
    """A session that opens a connection for each request, as many at once as asked for.

    Each HTTP process of an engine takes its share of new connections, and a kept one may be closed
    by the server just when it is used again.
    """
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        timeout=aiohttp.ClientTimeout(total=None),
        read_bufsize=_LINE_BYTES,
    ) as session:
        yield session


class _Server:
    """Requests to one address; what is no answer is a Failure."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url.rstrip("/")

    @asynccontextmanager
    async def sent(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request, its body still to be read."""
        said = {"Content-Type": "application/json"} if body is not None else {}
        try:
            async with self._session.request(
                method,
                self._url + path,
                data=body,
                headers={**said, **(headers or {})},
                allow_redirects=False,
            ) as response:
                if response.status != 200:
                    text = (await response.read()).decode(errors="replace")
                    message = f"{method} {path}: status {response.status}: {text[:200]}"
                    raise refused(message, status=response.status)
                yield response
        except (aiohttp.ClientError, OSError) as error:
            message = f"{method} {path}: {type(error).__name__}: {error}"
            raise Failure(Reason.NOT_ANSWERING, message) from error


class Engine:
    """An engine's OpenAI API."""

    def __init__(self, session: aiohttp.ClientSession, url: str, *, clock: Clock) -> None:
        self._server = _Server(session, url)
        self._clock = clock

    async def check_health(self) -> None:
        """Raise Failure unless it answers at all."""
        async with self._server.sent("GET", "/health"):
            pass

    async def models(self) -> dict[str, int | None]:
        """The served names, each with the longest sequence where the engine tells."""
        async with self._server.sent("GET", "/v1/models") as response:
            document = parse(await response.read())
        listed = document.get("data") if isinstance(document, dict) else None
        cards = [card for card in listed or [] if isinstance(card, dict)]
        return {str(card.get("id")): card.get("max_model_len") for card in cards}

    async def ask(self, request: Request) -> tuple[Answer, Timing]:
        """The whole answer, and how long it took."""
        encoded = request.encode()
        began = self._clock()
        async with self._server.sent("POST", request.endpoint, encoded) as response:
            if request.streams:
                return await self._listen(response, began)
            answer = Answer()
            answer.add(parse(await response.read()))
            return answer, Timing(self._clock() - began)

    async def _listen(
        self, response: aiohttp.ClientResponse, began: float
    ) -> tuple[Answer, Timing]:
        answer = Answer()
        spoke: list[float] = []
        async for event in _events(response.content):
            if event == _DONE:
                first = spoke[0] if spoke else self._clock()
                gaps = answer.tokens - 1
                between = (spoke[-1] - first) / gaps if gaps >= FEWEST_GAPS and spoke else None
                return answer, Timing(first - began, between)
            if answer.add(parse(event)):
                spoke.append(self._clock())
        raise Failure(Reason.NOT_ANSWERING, f"{response.url.path}: the stream broke off")


async def _events(lines: AsyncIterable[bytes]) -> AsyncIterator[str]:
    decoder = EventDecoder()
    async for line in lines:
        event = decoder.take(line)
        if event is not None:
            yield event
    event = decoder.take(b"")
    if event is not None:
        yield event


class Warden:
    """The server beside the engine that keeps the pod's first lock."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        *,
        token: str,
        patience_seconds: float = WARDEN_SECONDS,
    ) -> None:
        self._server = _Server(session, url)
        self._token = token
        self._patience_seconds = patience_seconds

    async def seen(self) -> Seen:
        """The engine's process as its readiness probe last saw it."""
        document = await self._ask("GET", "/start")
        start, age = document.get("processStart"), document.get("ageSeconds")
        return Seen(start, math.inf if age is None else float(age))

    async def open(self, start: str) -> None:
        """Say that exactly this process is warm."""
        body = json.dumps({"processStart": start}).encode()
        try:
            await self._ask("POST", "/warm", body, {"Authorization": f"Bearer {self._token}"})
        except Failure as failure:
            if failure.status != 409:
                raise
            raise Failure(Reason.RESTARTED, f"{start} is not the engine's process") from failure

    async def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        try:
            async with (
                asyncio.timeout(self._patience_seconds),
                self._server.sent(method, path, body, headers) as response,
            ):
                document = parse(await response.read())
        except TimeoutError as error:
            message = f"{method} {path}: the warden is silent"
            raise Failure(Reason.NOT_ANSWERING, message) from error
        return document if isinstance(document, dict) else {}
