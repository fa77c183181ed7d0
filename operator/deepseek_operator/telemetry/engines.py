"""Asks engines for their own counters.

A page costs an engine some milliseconds of the loop that also sends its answers, and the operator about one
to read. Passes over a rollout come every two seconds, stretches of figures end after 15: so a pod is asked
every ten, and in between what it said last stands. Of many pods of a revision the first 16 by name speak
for all: names are random, and what status keeps of each must find room there.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from deepseek_operator.engines import choice
from deepseek_operator.engines.choice import Telling
from deepseek_operator.engines.contract import PORT
from deepseek_operator.engines.figures import Engine, EngineFigures, Sample, Stretch, stretch
from deepseek_operator.observed import Manifest, restarts_of, revision_of
from deepseek_operator.telemetry import bodies
from deepseek_operator.telemetry.gateways import is_ready

AskEngines = Callable[[Sequence[Manifest]], Awaitable[tuple[Engine, ...]]]
"""From the pods of revisions to what the engine of each of them counted."""

EACH_SECONDS = 10.0
"""How long what a pod said stands."""

MOST_PODS = 16
"""Of each revision that are asked."""

_RECENT_SECONDS = 60.0
"""A stretch between two pages is no longer than this: a longer one has idle and busy times in it."""
_AT_ONCE = 16
_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Said:
    at: float
    figures: EngineFigures | None
    stretch: Stretch | None = None
    earlier: EngineFigures | None = None
    apart_seconds: float = 0.0


class Engines:
    """Asks over one session; a pod that does not answer in time is one without figures."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        port: int = PORT,
        clock: Callable[[], float] = time.monotonic,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        """`port` is the same on every pod; a page has so long to come, in seconds, once it is asked for."""
        self._session = session
        self._clock = clock
        self._port = port
        self._timeout_seconds = timeout_seconds
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._said: dict[str, _Said] = {}
        self._before: dict[str, _Said] = {}
        """What each pod said before, as long as that is of the present."""

    async def ask(self, pods: Sequence[Manifest]) -> tuple[Engine, ...]:
        """Those that serve, at once but for a bound; a pod that does not serve may be warming up."""
        self._forget()
        return tuple(await asyncio.gather(*map(self._one, chosen(pods))))

    async def _one(self, pod: Manifest) -> Engine:
        said = await self._answer(pod) if is_ready(pod) else None
        if said is None:
            return engine_of(pod, None)
        return replace(
            engine_of(pod, said.figures),
            stretch=said.stretch,
            earlier=said.earlier,
            apart_seconds=said.apart_seconds,
        )

    async def _answer(self, pod: Manifest) -> _Said | None:
        address = pod.get("status", {}).get("podIP")
        telling = choice.telling(pod.get("spec", {}))
        if address is None or telling is None:
            return None
        # Another process says something else, and that at once.
        key = f"{pod['metadata'].get('uid')}/{restarts_of(pod)}/{address}"
        said = self._said.get(key)
        if said is None:
            async with self._room:
                figures = await self._page(str(address), telling)
            said = self._said[key] = self._after(key, figures, self._clock())
        return said

    def _after(self, key: str, figures: EngineFigures | None, at: float) -> _Said:
        """With what the pod said before, if that is of the present."""
        before = self._before.get(key)
        if figures is None or before is None or before.figures is None:
            return _Said(at, figures)
        seconds = at - before.at
        found = stretch(before.figures.decoded, figures.decoded, seconds=seconds)
        return _Said(at, figures, found, before.figures, seconds)

    def _forget(self) -> None:
        now = self._clock()
        past = {key: said for key, said in self._said.items() if said.at <= now - EACH_SECONDS}
        before = {**self._before, **past}
        self._before = {
            key: said for key, said in before.items() if said.at > now - _RECENT_SECONDS
        }
        self._said = {key: said for key, said in self._said.items() if key not in past}

    async def _page(self, address: str, telling: Telling) -> EngineFigures | None:
        text = await bodies.page(
            self._session, address, self._port, telling.path, seconds=self._timeout_seconds
        )
        try:
            found = None if text is None else samples(text.decode(), telling.names)
            return None if found is None else telling.read(found)
        except ValueError:
            return None


def samples(text: str, names: frozenset[str]) -> list[Sample]:
    """The samples of a page that are read; ValueError where it is no such page."""
    wanted = "\n".join(line for line in text.splitlines() if _name(line) in names)
    return [
        Sample(sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(wanted + "\n")
        for sample in family.samples
    ]


def _name(line: str) -> str:
    return line.partition("{")[0].partition(" ")[0]


def chosen(pods: Iterable[Manifest]) -> list[Manifest]:
    """The pods that are asked: not those on their way out, and of each revision the first by name."""
    found: dict[str, list[Manifest]] = {}
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["name"])):
        key = revision_of(pod)
        if key is not None and "deletionTimestamp" not in pod["metadata"]:
            found.setdefault(key, []).append(pod)
    return [pod for group in found.values() for pod in group[:MOST_PODS]]


def engine_of(pod: Manifest, figures: EngineFigures | None) -> Engine:
    """A pod's engine."""
    return Engine(
        pod=str(pod["metadata"]["name"]),
        revision=revision_of(pod) or "",
        is_ready=is_ready(pod),
        restarts=restarts_of(pod),
        figures=figures,
        address=str(pod.get("status", {}).get("podIP") or ""),
        ready_after=_ready_after(pod),
    )


def _ready_after(pod: Manifest) -> float | None:
    """Seconds from a pod's creation to when it last began to serve; None while it does not."""
    created = pod["metadata"].get("creationTimestamp")
    for condition in pod.get("status", {}).get("conditions") or ():
        since = condition.get("lastTransitionTime")
        if condition["type"] == "Ready" and condition["status"] == "True" and since and created:
            ready = datetime.fromisoformat(since) - datetime.fromisoformat(created)
            return max(0.0, ready.total_seconds())
    return None


async def ask_no_engine(pods: Sequence[Manifest]) -> tuple[Engine, ...]:
    """Where engines cannot be reached."""
    return tuple(engine_of(pod, None) for pod in chosen(pods))
