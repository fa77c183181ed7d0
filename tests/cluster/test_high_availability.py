"""Two operators, of which one leads: killed again and again, slow, half deaf, with a wrong clock. The end is the same.

What no operator may ever do is asked of each of their writes, before it is carried out.
"""

import asyncio
import contextlib
import json
import random
import signal
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from deepseek_operator.observed import revision_of
from tests.cluster import releases
from tests.cluster.faults import Fault, FaultProxy
from tests.cluster.objects import Cluster, Manifest, Refused, deepseek, wait_until
from tests.cluster.test_crash_points import outcome
from tests.cluster.test_running import SEED, WRITES, Setting, is_write, nothing, setting

__all__ = ["setting"]

LEASE_SECONDS = 3.0
SETTINGS = {"DSO_RESYNC_SECONDS": "5", "DSO_LEASE_SECONDS": f"{LEASE_SECONDS:g}"}
KILLS, MORE_KILLS = 3, 20
SLOW_SECONDS = 2.0
SKEW_SECONDS = 3600
STORY: tuple[Manifest, ...] = (
    {"replicas": 3},
    {"replicas": 4},
    {"replicas": 3, "engine": {"args": ["--seed=2"]}},
    {"replicas": 1, "engine": {"args": ["--seed=3"]}},
    {"replicas": 2, "engine": {"args": ["--seed=4"]}},
)
"""What a user applies again and again; it ends with the last."""


@dataclass
class Guard:
    """Looks at what operators are about to write, and keeps what none may."""

    cluster: Cluster
    wrongs: list[str] = field(default_factory=list)
    looked_at: int = 0

    async def look(self, request: web.Request) -> None:
        """A revision that users are sent to is neither deleted nor given fewer pods than are asked for."""
        if request.method not in ("PATCH", "PUT", "DELETE") or "/deployments/" not in request.path:
            return
        deployment = await self._get(request.path)
        if deployment is None:
            return
        name = deployment["metadata"]["labels"]["serving.deepseek.dev/deployment"]
        owner = await self._get(self.cluster.path(name))
        service = await self._get(f"/api/v1/namespaces/{self.cluster.namespace}/services/{name}")
        if owner is None or service is None or "deletionTimestamp" in owner["metadata"]:
            return
        serving = service["spec"].get("selector", {}).get("serving.deepseek.dev/revision")
        if serving is None or revision_of(deployment) != serving:
            return
        self.looked_at += 1
        if request.method == "DELETE":
            self.wrongs.append(f"deletes {request.path}, which serves")
            return
        wanted = json.loads(await request.read()).get("spec", {}).get("replicas")
        enough = min(owner["spec"].get("replicas", 1), deployment["spec"]["replicas"])
        if wanted is not None and wanted < enough:
            self.wrongs.append(f"{request.path} serves, and goes to {wanted} pods from {enough}")

    async def _get(self, path: str) -> Manifest | None:
        try:
            return await self.cluster.send("GET", path)
        except Refused as refused:
            if refused.code == 404:
                return None
            raise


@dataclass
class Replica:
    """One operator, started again whenever it ends, behind a proxy of its own."""

    proxy: FaultProxy
    identity: str
    account: releases.Account
    settings: dict[str, str]
    module: str = "deepseek_operator"
    process: asyncio.subprocess.Process | None = None

    @property
    def effects(self) -> int:
        """What it has written, but for the Lease."""
        return sum(call.startswith(WRITES) and "/leases" not in call for call in self.proxy.calls)

    async def keep(self, setting: Setting) -> None:
        """As Kubernetes does it."""
        for number in range(1000):
            self.process = await releases.start_operator(
                self.account,
                setting.folder / f"{self.identity}-{number}.log",
                module=self.module,
                **self.settings,
                DSO_IDENTITY=f"{self.identity}-{number}",
            )
            await self.process.wait()


@contextlib.asynccontextmanager
async def replicas(
    setting: Setting, guard: Guard, *, skews: Sequence[float] = (0.0, 0.0), **settings: str
) -> AsyncIterator[list[Replica]]:
    """So many operators of one Lease."""
    made: list[Replica] = []
    async with contextlib.AsyncExitStack() as stack:
        for number, skew in enumerate(skews):
            proxy = await FaultProxy.start(setting.cluster.plane, nothing)
            stack.push_async_callback(proxy.stop)
            proxy.on_request = guard.look
            here = {"DSO_NAMESPACES": setting.cluster.namespace, **SETTINGS, **settings}
            module = "tests.cluster.skewed_operator" if skew else "deepseek_operator"
            made.append(
                Replica(
                    proxy,
                    f"replica-{number}",
                    setting.account(proxy.address),
                    {**here, "SKEW_SECONDS": f"{skew}"},
                    module,
                )
            )
        tasks = [asyncio.create_task(one.keep(setting)) for one in made]
        try:
            yield made
        finally:
            for task in tasks:
                task.cancel()
            for one in made:
                if one.process is not None and one.process.returncode is None:
                    one.process.terminate()
                    await one.process.wait()


async def holder(cluster: Cluster) -> str:
    """Who leads; empty where nobody does."""
    with contextlib.suppress(Refused):
        path = f"/apis/coordination.k8s.io/v1/namespaces/{cluster.namespace}/leases"
        for lease in (await cluster.send("GET", path))["items"]:
            return str(lease["spec"].get("holderIdentity") or "")
    return ""


async def tell(setting: Setting, name: str, *, seconds: float = 120) -> None:
    """The whole story, each chapter once the one before is served."""
    for chapter in STORY:
        await begin(setting, name, chapter, seconds=seconds)


async def begin(setting: Setting, name: str, chapter: Manifest, *, seconds: float = 120) -> None:
    """Apply it, and wait until it is served."""
    cluster = setting.cluster
    applied = await cluster.apply(deepseek(name, cluster.namespace, **chapter))
    generation = applied["metadata"]["generation"]

    async def is_served() -> bool:
        status = (await cluster.get(name)).get("status", {})
        found = {item["type"]: item for item in status.get("conditions", [])}
        return all(
            found.get(kind, {}).get("status") == "True"
            and found[kind]["observedGeneration"] >= generation
            for kind in ("Ready", "RolledOut")
        ) and bool(status["serving"]["readyReplicas"] == chapter["replicas"])

    await wait_until(is_served, what=f"{chapter} is served", seconds=seconds)


async def kill_leaders(
    setting: Setting, made: Sequence[Replica], count: int, chance: random.Random
) -> list[float]:
    """SIGKILL to whoever leads, so many times; how long nobody led each time (seconds)."""
    return [await _kill(setting, made, after=chance.randrange(5)) for _ in range(count)]


async def _kill(setting: Setting, made: Sequence[Replica], *, after: int) -> float:
    """SIGKILL to whoever leads, after some of its writes or where it has nothing to write."""
    leader = await _leader(setting.cluster, made)
    wanted = leader.effects + after

    async def has_written() -> bool:
        return leader.effects >= wanted

    with contextlib.suppress(AssertionError):
        await wait_until(has_written, what="it writes", seconds=5)
    assert leader.process is not None
    before, started = await holder(setting.cluster), time.monotonic()
    with contextlib.suppress(ProcessLookupError):
        leader.process.send_signal(signal.SIGKILL)

    async def another_leads() -> bool:
        return await holder(setting.cluster) not in ("", before)

    await wait_until(another_leads, what="another leads", seconds=60)
    return time.monotonic() - started


async def _leader(cluster: Cluster, made: Sequence[Replica]) -> Replica:
    found: list[Replica] = []

    async def leads() -> bool:
        who = (await holder(cluster)).rpartition("-")[0]
        found[:] = [one for one in made if one.identity == who]
        return bool(found)

    await wait_until(leads, what="one of them leads", seconds=60)
    return found[0]


async def clean(setting: Setting, guard: Guard) -> Manifest:
    """The end of the story where nothing goes wrong."""
    async with replicas(setting, guard, skews=(0.0,)):
        await tell(setting, "clean")
        await wait_until(
            lambda: _is_alone(setting.cluster, "clean"), what="one revision is left", seconds=60
        )
    found: Manifest = await outcome(setting.cluster, "clean")
    return found


async def _is_alone(cluster: Cluster, name: str) -> bool:
    return [plural for plural, _ in await cluster.children(name)].count("deployments") == 1


async def check(setting: Setting, name: str, wanted: Manifest) -> None:
    """The end comes to be the same, once what served before is let go; what is another is told one by one."""

    async def is_so() -> bool:
        return bool(await outcome(setting.cluster, name) == wanted)

    with contextlib.suppress(AssertionError):
        await wait_until(is_so, what="the same end", seconds=60)
    found = await outcome(setting.cluster, name)
    for part, here in wanted.items():
        there = found[part]
        if isinstance(here, list):
            assert [one for one in there if one not in here] == [], part
            assert [one for one in here if one not in there] == [], part
        assert there == here, part


@pytest.mark.campaign(has_short_form=True)
async def test_leaders_that_are_killed_again_and_again_end_the_story_the_same(
    setting: Setting, *, in_full: bool
) -> None:
    guard, chance = Guard(setting.cluster), random.Random(SEED)
    wanted = await clean(setting, guard)
    async with replicas(setting, guard) as made:
        killing = asyncio.create_task(
            kill_leaders(setting, made, MORE_KILLS if in_full else KILLS, chance)
        )
        while not killing.done():
            await tell(setting, "killed")
        gaps = await killing
        await tell(setting, "killed")
        await check(setting, "killed", wanted)

    assert guard.wrongs == []
    assert guard.looked_at > 0
    print(
        f"\nnobody led for {max(gaps) / LEASE_SECONDS:.2f} durations of the Lease at most, of {len(gaps)} kills"
    )


@pytest.mark.campaign
async def test_an_api_server_that_takes_two_seconds_and_throttles_ends_it_the_same(
    setting: Setting,
) -> None:
    guard, chance = Guard(setting.cluster), random.Random(SEED)
    wanted = await clean(setting, guard)

    async def slowly(request: web.Request) -> None:
        await asyncio.sleep(SLOW_SECONDS)
        await guard.look(request)

    def throttle(_number: int, request: web.Request) -> Fault | None:
        return Fault.THROTTLED if is_write(request) and chance.random() < 1 / 8 else None

    async with replicas(setting, guard, DSO_LEASE_SECONDS="15") as made:
        for one in made:
            one.proxy.on_request, one.proxy.choose = slowly, throttle
        await tell(setting, "slow", seconds=300)
        await check(setting, "slow", wanted)

    assert guard.wrongs == []


@pytest.mark.campaign
@pytest.mark.parametrize("unheard", ["deployments", "deepseekdeployments"])
async def test_watches_that_tell_nothing_delay_and_change_nothing(
    setting: Setting, unheard: str
) -> None:
    guard = Guard(setting.cluster)
    wanted = await clean(setting, guard)
    async with replicas(setting, guard) as made:
        for one in made:
            one.proxy.is_deaf = lambda request: request.path.endswith(f"/{unheard}")
        begun = asyncio.create_task(begin(setting, "deaf", STORY[0]))
        # Whoever hears of no object begins with those that it finds when it starts.
        for one in made:
            if unheard == "deepseekdeployments" and one.process is not None:
                one.process.kill()
        await begun
        for one in made:
            one.proxy.is_deaf = lambda _request: False
            if one.process is not None:
                one.process.kill()
        await tell(setting, "deaf")
        await check(setting, "deaf", wanted)

    assert guard.wrongs == []


@pytest.mark.campaign
@pytest.mark.parametrize("skew", [SKEW_SECONDS, -SKEW_SECONDS], ids=["ahead", "behind"])
async def test_clocks_that_do_not_agree_change_nothing(setting: Setting, skew: float) -> None:
    guard, chance = Guard(setting.cluster), random.Random(SEED)
    wanted = await clean(setting, guard)
    async with replicas(setting, guard, skews=(0.0, skew)) as made:
        killing = asyncio.create_task(kill_leaders(setting, made, 4, chance))
        while not killing.done():
            await tell(setting, "skewed")
        await killing
        await tell(setting, "skewed")
        await check(setting, "skewed", wanted)

    assert guard.wrongs == []


async def test_the_guard_sees_what_no_operator_may_do(setting: Setting) -> None:
    """What it is asked of here the administrator does, and not the operator."""
    guard = Guard(setting.cluster)
    async with replicas(setting, guard, skews=(0.0,)):
        await setting.cluster.apply(deepseek("chat", setting.cluster.namespace, replicas=2))
        await setting.converge("chat")
    [deployment] = await setting.cluster.list(
        "apis/apps/v1", "deployments", "serving.deepseek.dev/deployment=chat"
    )
    name = deployment["metadata"]["name"]
    path = f"/apis/apps/v1/namespaces/{setting.cluster.namespace}/deployments/{name}"
    proxy = await FaultProxy.start(setting.cluster.plane, lambda *_: Fault.INTERNAL)
    proxy.on_request = guard.look
    assert guard.wrongs == []
    try:
        body = json.dumps({"spec": {"replicas": 1}})
        for method, sent in (("PATCH", body), ("DELETE", None)):
            async with setting.cluster.session.request(
                method, proxy.address + path, data=sent
            ) as answer:
                assert answer.status == 500
    finally:
        await proxy.stop()

    assert guard.wrongs == [
        f"{path} serves, and goes to 1 pods from 2",
        f"deletes {path}, which serves",
    ]
