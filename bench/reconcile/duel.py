"""One round of one operator, alone on the cluster: the same for both, so that rounds can be paired."""

import asyncio
import time
from dataclasses import dataclass

from bench.reconcile import audit, contenders, objects, tracking
from bench.reconcile.audit import AuditLog, Call
from bench.reconcile.cluster import Cluster
from bench.reconcile.connection import MERGE, Manifest
from bench.reconcile.processes import Operator
from deepseek_operator.kube import resources

DEADLINE_SECONDS = 300.0
RIGHT_SECONDS = 75.0
"""How long an object may take until it is right: longer than kopf's back-off, which is 60 s."""

EDITS = 30


@dataclass(frozen=True, slots=True)
class Burst:
    """Quick edits of one object: what they change, and how far apart they are."""

    field: str
    pause_seconds: float

    def spec(self, number: int) -> Manifest:
        """What edit `number` sets; the last differs from what was there before the first."""
        if self.field == "replicas":
            return {"replicas": 2 + (number + 1) % 2 if number < EDITS - 1 else 4}
        return {"engine": {"args": [f"--seed={number}"]}}


BURSTS = (
    Burst("replicas", 0.1),
    Burst("replicas", 0.0),
    Burst("engine arguments", 0.1),
    Burst("engine arguments", 0.0),
)


@dataclass(frozen=True, slots=True)
class Edited:
    """What a burst of edits caused; no seconds where the object never came to be right."""

    calls: int
    writes: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one operator; memory in MiB."""

    start_seconds: float
    empty_mib: float
    full_mib: float
    converge_seconds: float
    cpu_seconds: float
    calls: tuple[Call, ...]
    bursts: tuple[Edited, ...]


async def one_round(cluster: Cluster, user: str, *, number: int, count: int) -> Round:
    """Start, converge `count` objects, take four bursts of edits, stop."""
    namespace = f"{user}-{number}"
    await cluster.add_namespace(namespace)
    first = [f"edited-{at}" for at in range(len(BURSTS))]
    await cluster.create_all(objects.deepseek(name, namespace, replicas=2) for name in first)
    operator = contenders.contender(user, cluster, namespace)
    path = resources.DEPLOYMENT.path(namespace)
    with AuditLog(cluster.plane.audit_log, user) as log:
        async with tracking.following(
            cluster.api, path, objects.is_ready, named=tracking.owner_name
        ) as ready:
            with operator.started():
                return await _Course(cluster, namespace, operator, log, ready).run(first, count)


@dataclass(frozen=True, slots=True)
class _Course:
    """A round under way."""

    cluster: Cluster
    namespace: str
    operator: Operator
    log: AuditLog
    ready: tracking.Tracker

    async def run(self, first: list[str], count: int) -> Round:
        """The parts of a round, in order."""
        started = await self.ready.all_hold(first, seconds=DEADLINE_SECONDS)
        await tracking.until_idle(self.log)
        empty, began = self.operator.usage(), time.time()
        names = [f"o-{number}" for number in range(count)]
        await self.cluster.create_all(objects.deepseek(name, self.namespace) for name in names)
        converged = await self.ready.all_hold(names, seconds=DEADLINE_SECONDS)
        calls = await tracking.until_idle(self.log)
        full = self.operator.usage()
        bursts = [await self.edit(*pair) for pair in zip(first, BURSTS, strict=True)]
        return Round(
            start_seconds=started - self.operator.started_at,
            empty_mib=empty.rss_mib,
            full_mib=full.rss_mib,
            converge_seconds=converged - began,
            cpu_seconds=full.cpu_seconds - empty.cpu_seconds,
            calls=tuple(calls),
            bursts=tuple(bursts),
        )

    async def edit(self, name: str, burst: Burst) -> Edited:
        """Thirty edits, one after another."""
        path = resources.DEEPSEEK_DEPLOYMENT.path(self.namespace, name)
        manifest: Manifest = {}
        for number in range(EDITS):
            spec = {"spec": burst.spec(number)}
            manifest = await self.cluster.api.send("PATCH", path, spec, content=MERGE)
            await asyncio.sleep(burst.pause_seconds)
        ended = time.time()
        right = await self.until_right(manifest)
        calls = audit.counted(await tracking.until_idle(self.log))
        return Edited(
            calls=len(calls),
            writes=sum(call.is_write for call in calls),
            seconds=None if right is None else right - ended,
        )

    async def until_right(self, manifest: Manifest) -> float | None:
        """When the object's children were as its last spec asks for; None after the deadline."""
        deadline = time.time() + RIGHT_SECONDS
        name = manifest["metadata"]["name"]
        while time.time() < deadline:
            children = objects.by_owner(await self.cluster.children(self.namespace, name))
            if objects.is_right(manifest, children.get(name, {})):
                return time.time()
            await asyncio.sleep(0.1)
        return None
