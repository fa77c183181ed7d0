"""Holds requests that find no replica until one is there: the place that Envoy sends them to meanwhile.

Envoy cannot wait for a pod by itself: without one it refuses at once. So while a revision has none, its cluster has this
place. It keeps the request until Envoy has been told of a pod, and then answers that it is to be tried elsewhere, as the
place that passes on does (bootstrap.py): Envoy has kept all of it for that. Where a fallback may answer, it says so at
once, and only notes that somebody has asked.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPMethod
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from deepseek_serving.gateway import limits, retries
from deepseek_serving.gateway.chains import HOLD_HEADER, PASS, revision_of
from deepseek_serving.gateway.document import Document, Hold
from deepseek_serving.gateway.endpoints import Endpoints

RETRY_SECONDS = 30
"""How long clients are told to wait that are refused: a replica takes minutes."""

ATTEMPT_HEADER = "x-envoy-attempt-count"
"""Envoy's: the how manieth try it is."""
_ASKED_SECONDS = 20.0
"""How long the operator's question stays open."""
_CHUNK = 64 * 1024
_LONGEST = 4 * 1024 * limits.HEADERS_KIB
"""Bytes of a header's line: more than Envoy lets in with what it adds."""


class End(StrEnum):
    """What became of a request that found no replica."""

    PASSED = "passed"
    """It went on to the fallback at once."""
    WOKEN = "woken"
    """It went on to a replica once one was there."""
    FULL = "full"
    """It was refused, for as many waited as may."""
    LATE = "late"
    """It was refused, for none came in time."""
    GONE = "gone"
    """Its client went away."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What a configuration of Envoy means for requests that find no replica."""

    rule: Hold | None
    awake: frozenset[str]
    """Revisions with pods."""

    @classmethod
    def of(cls, document: Document, endpoints: Endpoints) -> "Followed":
        """With the pods that are ready."""
        return cls(
            document.hold, frozenset(revision for revision, pods in endpoints.items() if pods)
        )

    async def begins(self, held: "Held") -> None:
        """Before Envoy is told: to who is not there any more nobody is sent."""
        await held.follow(self.rule, held.awake & self.awake)

    async def holds(self, held: "Held") -> None:
        """Once Envoy follows it."""
        await held.follow(self.rule, self.awake)


@dataclass(slots=True)
class Held:
    """The requests that wait, by the revision whose turn it is."""

    clock: Callable[[], float] = time.monotonic
    rule: Hold | None = None
    """None: nobody waits."""
    awake: frozenset[str] = frozenset()
    """Revisions of which Envoy has pods."""
    ended: Counter[End] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    _asked: dict[str, float] = field(default_factory=dict)
    """When somebody last asked for a revision and found none of its replicas."""
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def follow(self, rule: Hold | None, awake: frozenset[str]) -> None:
        """From now on, as Envoy has been told."""
        async with self._changed:
            self.rule, self.awake = rule, awake
            self._changed.notify_all()

    async def come(self, revision: str, *, passes: bool = False, again: bool = False) -> End:
        """A request has come that is meant for a revision; what becomes of it, once that is known.

        `passes`: who stands in is tried next; `again`: it was, and had no pod either.
        """
        if revision in self.awake:
            return self._end(End.WOKEN)
        await self._note(revision)
        if passes:
            return self._end(End.LATE if again else End.PASSED)
        if self.rule is None or self.waiting.total() >= self.rule.requests:
            return self._end(End.FULL)
        with self._place(revision):
            try:
                async with asyncio.timeout(self.rule.seconds), self._changed:
                    await self._changed.wait_for(lambda: revision in self.awake)
            except TimeoutError:
                return self._end(End.LATE)
            except asyncio.CancelledError:
                self._end(End.GONE)
                raise
        return self._end(End.WOKEN)

    async def somebody(self) -> None:
        """Until a request waits, or the next one has come."""
        asked = dict(self._asked)
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self.waiting.total()) or self._asked != asked)

    def report(self) -> dict[str, Any]:
        """For the operator: how many wait, and how many seconds ago the last one came, by revision."""
        now = self.clock()
        return {
            "held": {name: count for name, count in self.waiting.items() if count},
            "asked": {name: round(now - at, 3) for name, at in self._asked.items()},
            "ended": {str(end): self.ended[end] for end in End},
        }

    def _end(self, end: End) -> End:
        self.ended[end] += 1
        return end

    async def _note(self, revision: str) -> None:
        async with self._changed:
            self._asked[revision] = self.clock()
            self._changed.notify_all()

    @contextmanager
    def _place(self, revision: str) -> Iterator[None]:
        self.waiting[revision] += 1
        try:
            yield
        finally:
            self.waiting[revision] -= 1


def application(held: Held, served_name: Callable[[], str]) -> web.Application:
    """What Envoy reaches in the place of a pod."""

    async def come(request: web.Request) -> web.StreamResponse:
        how, _, name = request.headers.get(HOLD_HEADER, "").partition(":")
        revision, passes = revision_of(name), how == PASS
        if request.method == HTTPMethod.GET:
            # Who reads which models there are asks none of them anything: that wakes nobody.
            has_other = passes or revision in held.awake
            return _pass_on(held) if has_other else _models(request, served_name())
        await _drop(request)
        again = request.headers.get(ATTEMPT_HEADER, "1") != "1"
        return _ANSWERS[await held.come(revision, passes=passes, again=again)](held)

    told = web.Application()
    told.router.add_route("*", "/{path:.*}", come)
    return told


def question(held: Held, *, seconds: float = _ASKED_SECONDS) -> Handler:
    """The operator's: whether a request waits, or comes while the question is open."""

    async def asked(_: web.Request) -> web.StreamResponse:
        try:
            async with asyncio.timeout(seconds):
                await held.somebody()
        except TimeoutError:
            return web.Response(text="nobody\n")
        return web.Response(text="asked\n")

    return asked


async def serve(told: web.Application, port: int) -> web.AppRunner:
    """Listen, on this pod's loopback; a client that goes away ends what it asked."""
    runner = web.AppRunner(
        told,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=1.0,
        # Envoy has let in what comes here: nothing of it is refused, and no body is read.
        max_line_size=_LONGEST,
        max_field_size=_LONGEST,
        auto_decompress=False,
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


async def _drop(request: web.Request) -> None:
    """Envoy has the body, and sends it again."""
    while await request.content.read(_CHUNK):
        pass


def _models(request: web.Request, name: str) -> web.Response:
    entry = {"id": name, "object": "model", "owned_by": "deepseek-serving"}
    wanted = request.path.removeprefix("/v1/models").strip("/")
    if not wanted:
        return web.json_response({"object": "list", "data": [entry]})
    if wanted == name:
        return web.json_response(entry)
    return _refused(404, f"there is no model {wanted[:64]!r}", "invalid_request_error")


def _refused(status: int, said: str, kind: str, **headers: str) -> web.Response:
    error = {"message": said, "type": kind, "param": None, "code": status}
    return web.json_response({"error": error}, status=status, headers=headers)


def _pass_on(_: Held) -> web.Response:
    return web.Response(status=retries.PASSED)


def _full(held: Held) -> web.Response:
    most = held.rule.requests if held.rule else 0
    said = f"no replica of the model runs yet, and {most} requests wait for one already: try again"
    return _refused(429, said, "rate_limit_error", **_LATER)


def _late(held: Held) -> web.Response:
    seconds = held.rule.seconds if held.rule else 0
    said = f"no replica of the model has come to answer within {seconds:g} s: try again"
    return _refused(503, said, "service_unavailable", **_LATER)


_LATER = {"Retry-After": str(RETRY_SECONDS)}
_ANSWERS: dict[End, Callable[[Held], web.Response]] = {
    End.PASSED: _pass_on,
    End.WOKEN: _pass_on,
    End.FULL: _full,
    End.LATE: _late,
}
