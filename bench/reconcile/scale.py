"""What a number of objects costs this operator: to converge, to change, to take up after a restart, to keep."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.reconcile import audit, contenders, objects, tracking
from bench.reconcile.audit import AuditLog, Call, Pass
from bench.reconcile.cluster import Cluster
from bench.reconcile.connection import MERGE
from bench.reconcile.processes import Operator
from bench.reconcile.tracking import Tracker
from deepseek_operator.kube import resources

DEADLINE_SECONDS = 900.0

CHANGED = 10
"""Objects that get a new revision, at most."""

RESYNCS = 2
SHORTEST_RESYNC_SECONDS = 10.0
RESYNC_SECONDS_PER_OBJECT = 0.04
"""So that a resync has ended, on a small machine, long before the next begins."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the operator did for a purpose: how long it took, its calls, and its CPU time."""

    seconds: float
    calls: tuple[Call, ...]
    cpu_seconds: float

    @property
    def passes(self) -> dict[str, list[Pass]]:
        """The passes of each object."""
        return audit.passes(self.calls)


@dataclass(frozen=True, slots=True)
class Scale:
    """Everything measured with one number of objects; memory in MiB."""

    objects: int
    changed: int
    resyncs: int
    converging: Load
    changing: Load
    restarting: Load
    keeping: Load
    memory_empty: float
    memory_converged: float
    memory_kept: float


async def measure(cluster: Cluster, count: int) -> Scale:
    """All that is measured with `count` objects, in a namespace of their own."""
    namespace = f"scale-{count}"
    await cluster.add_namespace(namespace)
    path = resources.DEEPSEEK_DEPLOYMENT.path(namespace)
    names = [f"o-{number}" for number in range(count)]
    with AuditLog(cluster.plane.audit_log, contenders.OURS) as log:
        async with tracking.following(
            cluster.api, path, objects.is_settled, named=tracking.own_name
        ) as settled:
            work = _Work(cluster, log, settled, namespace)
            return await _measure(work, names)


async def _measure(work: "_Work", names: Sequence[str]) -> Scale:
    count = len(names)
    resync_seconds = max(SHORTEST_RESYNC_SECONDS, count * RESYNC_SECONDS_PER_OBJECT)
    with contenders.our_operator(work.cluster, work.namespace).started() as operator:
        await tracking.until_idle(work.log)
        empty = operator.usage()
        converging = await work.converge(operator, names)
        converged = operator.usage()
        changing = await work.change(operator, names[:CHANGED])
    work.log.read()
    restarted = contenders.our_operator(work.cluster, work.namespace, resync_seconds=resync_seconds)
    with restarted.started() as operator:
        restarting = await work.take_up(operator)
        keeping = await work.keep(operator, resync_seconds * RESYNCS)
        kept = operator.usage()
    return Scale(
        objects=count,
        changed=min(count, CHANGED),
        resyncs=RESYNCS,
        converging=converging,
        changing=changing,
        restarting=restarting,
        keeping=keeping,
        memory_empty=empty.rss_mib,
        memory_converged=converged.rss_mib,
        memory_kept=kept.rss_mib,
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """What is asked of the operator, and how it is seen to be done."""

    cluster: Cluster
    log: AuditLog
    settled: Tracker
    namespace: str

    async def converge(self, operator: Operator, names: Sequence[str]) -> Load:
        """From the first object created to the last one that serves."""
        before, began = operator.usage(), time.time()
        await self.cluster.create_all(objects.deepseek(name, self.namespace) for name in names)
        ended = await self.settled.all_hold(names, seconds=DEADLINE_SECONDS)
        calls = await tracking.until_idle(self.log)
        return Load(ended - began, tuple(calls), operator.usage().cpu_seconds - before.cpu_seconds)

    async def change(self, operator: Operator, names: Sequence[str]) -> Load:
        """From an edit that makes a new revision of some objects until those serve."""
        before, began = operator.usage(), time.time()
        for name in names:
            path = resources.DEEPSEEK_DEPLOYMENT.path(self.namespace, name)
            spec = {"engine": {"args": ["--seed=1"]}}
            await self.cluster.api.send("PATCH", path, {"spec": spec}, content=MERGE)
        calls = await tracking.until_idle(self.log)
        ended = await self.settled.all_hold(names, seconds=DEADLINE_SECONDS)
        return Load(ended - began, tuple(calls), operator.usage().cpu_seconds - before.cpu_seconds)

    async def take_up(self, operator: Operator) -> Load:
        """From the operator's start until it has seen to every object."""
        began = operator.started_at
        calls = await tracking.until_idle(self.log)
        last = max(call.seconds for call in audit.counted(calls))
        return Load(last - began, tuple(calls), operator.usage().cpu_seconds)

    async def keep(self, operator: Operator, seconds: float) -> Load:
        """While nothing happens but resyncs."""
        before = operator.usage()
        await asyncio.sleep(seconds)
        calls = self.log.read()
        return Load(seconds, tuple(calls), operator.usage().cpu_seconds - before.cpu_seconds)
