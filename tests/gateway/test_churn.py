"""Documents and pods that change all the time under load: nothing is lost but what ran on a killed process."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Answer, Gateway, until

SEED = 20_261_129
_CLIENTS = 8
_END = "data: [DONE]\n\n"


@dataclass(slots=True)
class Load:
    """Clients that ask one request after the other, every second of them for a stream."""

    gateway: Gateway
    answers: list[Answer] = field(default_factory=list)
    cut: int = 0
    """Streams that ended before their end."""
    lost: list[str] = field(default_factory=list)
    """All else that was not answered, in words."""
    _is_over: bool = False

    async def run(self) -> None:
        """Until told to stop."""
        await asyncio.gather(*(self._client(stream=number % 2 == 0) for number in range(_CLIENTS)))

    def stop(self) -> None:
        """After the requests that run."""
        self._is_over = True

    async def answers_more(self) -> None:
        """Until another one is answered."""
        before = len(self.answers)
        await until(lambda: len(self.answers) > before)

    async def _client(self, *, stream: bool) -> None:
        while not self._is_over:
            try:
                answer = await self.gateway.ask(stream=stream)
            except aiohttp.ClientError as error:
                if stream and isinstance(error, aiohttp.ClientPayloadError):
                    self.cut += 1
                else:
                    self.lost.append(repr(error))
                continue
            self.answers.append(answer)
            if answer.status != 200:
                self.lost.append(f"{answer.status} {answer.text}")
            elif stream and not answer.text.endswith(_END):
                self.cut += 1


@dataclass(slots=True)
class World:
    """Two revisions of two pods each, of which one pod at most is dead, and what is done to them."""

    gateway: Gateway
    random: random.Random
    engines: dict[str, list[FakeEngine]]
    dead: FakeEngine | None = None
    killed: int = 0
    """Requests that ran on processes as they were killed."""
    shared: int = 0

    async def step(self) -> None:
        """One change, and until Envoy follows it."""
        steps: list[Callable[[], Awaitable[object]]] = [
            *(self.weigh, self.weigh, self.move, self.move),
            *(self.kill, self.revive, self.mislead, self.restart),
        ]
        await self.random.choice(steps)()

    async def weigh(self) -> None:
        """Other weights, with or without somebody who stands in, and sometimes one revision alone."""
        first, second = self.random.sample(sorted(self.engines), 2)
        weight = self.random.randint(1, 100)
        routes = {first: weight, second: 100 - weight} if weight < 100 else {first: 100}
        then = {first: [second]} if self.random.random() < 0.5 else {}
        replicas = {name: len(pods) for name, pods in self.engines.items()}
        pins = self.random.random() < 0.5
        await self.gateway.tell(routes, then=then, replicas=replicas, pins=pins)

    async def share(self) -> None:
        """About half of the requests for each, and nobody stands in.

        Never the same halves: then Envoy has taken up this document, and so what the agent sent of pods before.
        """
        self.shared += 1
        first, second = sorted(self.engines)
        less = 50 - self.shared % 2
        await self.gateway.tell(
            {first: less, second: 100 - less}, replicas=dict.fromkeys(self.engines, 2)
        )

    async def move(self) -> None:
        """Other pods are ready; of each revision one that lives always is."""
        chosen = {}
        for name, pods in self.engines.items():
            first = self.random.choice([pod for pod in pods if pod is not self.dead])
            more = [pod for pod in pods if pod is not first and self.random.random() < 0.5]
            chosen[name] = [first, *more]
        self.gateway.pods(**chosen)

    async def kill(self) -> None:
        """A process ends while its pod is still said to be ready, and another one of its revision is."""
        if self.dead is not None:
            return
        self.gateway.pods(**self.engines)
        await self.share()
        name = self.random.choice(sorted(self.engines))
        self.dead = self.random.choice(self.engines[name])
        before = self.dead.aborted
        await self.dead.stop()
        self.killed += self.dead.aborted - before

    async def revive(self) -> None:
        """It listens again, where it did. Meanwhile its pod was not ready, and Envoy has heard of that."""
        if self.dead is None:
            return
        [name] = [name for name, pods in self.engines.items() if any(p is self.dead for p in pods)]
        self.ready_alone()
        await self.share()
        await until(lambda: _has_pods(self.gateway, name, 1))
        await self.dead.__aenter__()
        self.dead = None
        self.gateway.pods(**self.engines)

    def ready_alone(self) -> None:
        """All pods that live are ready, and no other."""
        alive = {
            name: [pod for pod in pods if pod is not self.dead]
            for name, pods in self.engines.items()
        }
        self.gateway.pods(**alive)

    async def mislead(self) -> None:
        """A document and an EndpointSlice that cannot be followed."""
        text = self.random.choice(["{", '{"format": 2}', "x" * 100_000])
        self.gateway.agent.documents_changed({"gateway": {"data": {"gateway.json": text}}})
        assert self.gateway.agent.report()["trouble"]

    async def restart(self) -> None:
        """The agent is another process; what it forgets is told to it again."""
        await self.gateway.exchange_agent()
        self.ready_alone()
        await self.weigh()


# When a server is stopped in mid-answer, aiohttp may leave a socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.campaign(has_short_form=True)
async def test_nothing_is_lost_in_any_sequence_of_changes(
    gateway: Gateway, *, in_full: bool
) -> None:
    seeds = range(SEED, SEED + 20) if in_full else [SEED]
    steps = 150 if in_full else 40
    for seed in seeds:
        load = await _churn(gateway, random.Random(seed), steps)
        assert load.lost == [], f"seed {seed}: {_unanswered(gateway)}"
        assert len(load.answers) > steps, f"seed {seed}"


def _unanswered(gateway: Gateway) -> list[dict[str, Any]]:
    """What Envoy's access log has of them."""
    return [line for line in gateway.lines if line["code"] != 200]


async def _churn(gateway: Gateway, chance: random.Random, steps: int) -> Load:
    async with AsyncExitStack() as stack:
        engines = {
            name: [await stack.enter_async_context(FakeEngine(f"{name}{n}")) for n in range(2)]
            for name in ("old", "new")
        }
        for engine in (pod for pods in engines.values() for pod in pods):
            engine.behave(first_token=0.02, tokens=20, between_tokens=0.01)
        world = World(gateway, chance, engines)
        gateway.pods(**engines)
        await gateway.tell({"old": 100}, replicas={"old": 2, "new": 2})
        load = Load(gateway)
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run())
            for _ in range(steps):
                await world.step()
                await load.answers_more()
            load.stop()
    assert load.cut <= world.killed
    assert gateway.agent.report()["refusals"] == 0
    return load


@pytest.mark.campaign
async def test_fifty_weight_changes_in_a_minute_lose_nothing(gateway: Gateway) -> None:
    changes, apart = 50, 1.2
    chance = random.Random(SEED)
    async with FakeEngine("old") as old, FakeEngine("new") as new:
        for engine in (old, new):
            engine.behave(first_token=0.01, between_tokens=0.01)
        gateway.pods(old=[old], new=[new])
        await gateway.tell({"old": 100}, replicas={"old": 1, "new": 1})
        load = Load(gateway)
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run())
            for _ in range(changes):
                weight = chance.randint(1, 99)
                weights = {"new": weight, "old": 100 - weight}
                await gateway.tell(weights, replicas={"old": 1, "new": 1})
                await asyncio.sleep(apart)
            await until(lambda: old.seen and new.seen)
            load.stop()

    assert load.lost == []
    assert load.cut == 0
    assert gateway.agent.report()["refusals"] == 0


async def test_a_pod_that_came_back_is_asked_when_it_is_the_only_one(gateway: Gateway) -> None:
    """It may still be left out for its failures: half a revision's pods at most, but then the others go."""
    async with FakeEngine("back") as back, FakeEngine("gone") as gone:
        gateway.pods(only=[back, gone])
        await gateway.tell({"only": 100}, replicas={"only": 2})
        await back.stop()
        await until(lambda: _is_left_out(gateway))
        await back.__aenter__()
        gateway.pods(only=[back])
        await until(lambda: _has_pods(gateway, "only", 1))
        answers = await gateway.ask_many(20)

    assert {answer.status for answer in answers} == {200}


async def _is_left_out(gateway: Gateway) -> bool:
    await gateway.ask_many(10)
    return await _value(gateway, "cluster.only.outlier_detection.ejections_active") == 1


async def _has_pods(gateway: Gateway, revision: str, count: int) -> bool:
    return await _value(gateway, f"cluster.{revision}.membership_total") == count


async def _value(gateway: Gateway, name: str) -> int:
    [found] = await gateway.admin.statistics(rf"^{name}$")
    return int(found["value"])
