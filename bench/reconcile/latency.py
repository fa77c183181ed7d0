"""How long an edit takes to its pods' Deployment while many are edited, and how long a dead leader is missed."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.reconcile import contenders, markdown, objects, tracking
from bench.reconcile.audit import AuditLog, Call
from bench.reconcile.cluster import Cluster
from bench.reconcile.connection import MERGE
from bench.reconcile.processes import Operator
from bench.reconcile.tracking import Tracker
from deepseek_operator.kube import resources

OBJECTS = 100
REVISIONS = 3
EDITS_A_SECOND = 10.0
KILLS = 5
DEADLINE_SECONDS = 300.0
GOAL_SECONDS = 5.0
GOAL_FAILOVER_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Latency:
    """What was measured; seconds."""

    objects: int
    to_children: Sequence[float]
    """From an edit that makes a revision to the request that makes its Deployment, of each edit."""
    to_failover: Sequence[float]
    """From the end of the leader to the Deployment of an edit of that moment."""


async def measure(cluster: Cluster, *, count: int = OBJECTS, kills: int = KILLS) -> Latency:
    """Two operators of one Lease, and objects that all get new revisions."""
    namespace = f"latency-{count}"
    await cluster.add_namespace(namespace)
    path = resources.DEEPSEEK_DEPLOYMENT.path(namespace)
    names = [f"o-{number}" for number in range(count)]
    pair = [contenders.our_operator(cluster, namespace) for _ in range(2)]
    # Each tells who it is by the number of its pod.
    pair[1].pods = 1000
    with AuditLog(cluster.plane.audit_log, contenders.OURS) as log:
        async with tracking.following(
            cluster.api, path, objects.is_settled, named=tracking.own_name
        ) as settled:
            work = _Work(cluster, log, settled, namespace)
            with pair[0].started(), pair[1].started():
                await cluster.create_all(objects.deepseek(name, namespace) for name in names)
                await settled.all_hold(names, seconds=DEADLINE_SECONDS)
                edited = await work.edit_all(names)
                missed = [await work.miss(pair, names[0]) for _ in range(kills)]
    return Latency(count, edited, missed)


@dataclass
class _Work:
    """What is asked of the operators, and how it is seen to be done."""

    cluster: Cluster
    log: AuditLog
    settled: Tracker
    namespace: str
    seeds: int = 0

    async def edit_all(self, names: Sequence[str]) -> list[float]:
        """Edit all of them, one after the other at a steady rate, once for each revision."""
        found: list[float] = []
        for _ in range(REVISIONS):
            self.log.read()
            begun: dict[str, float] = {}
            next_at = time.monotonic()
            for name in names:
                await asyncio.sleep(max(0.0, next_at - time.monotonic()))
                next_at += 1 / EDITS_A_SECOND
                begun[name] = await self._edit(name)
            await self.settled.all_hold(names, seconds=DEADLINE_SECONDS)
            calls = await tracking.until_idle(self.log)
            found += [made_after(calls, name, at) - at for name, at in begun.items()]
        return found

    async def miss(self, pair: Sequence[Operator], name: str) -> float:
        """Kill whoever leads, edit an object at once, and start what was killed again once it is seen to."""
        self.log.read()
        holder = await self._holder()
        [leader] = [one for one in pair if holder.endswith(f"-{one.pods}")]
        leader.kill()
        at = await self._edit(name)
        await self.settled.all_hold([name], seconds=DEADLINE_SECONDS)
        calls = await tracking.until_idle(self.log)
        leader.pods += 1
        leader.start()
        return made_after(calls, name, at) - at

    async def _edit(self, name: str) -> float:
        """A new revision; when it was asked for."""
        self.seeds += 1
        path = resources.DEEPSEEK_DEPLOYMENT.path(self.namespace, name)
        at = time.time()
        spec = {"engine": {"args": [f"--seed={self.seeds}"]}}
        edited = await self.cluster.api.send("PATCH", path, {"spec": spec}, content=MERGE)
        # The watch tells of it a moment later, and until then the object looks as if all of it were done.
        self.settled.note({"type": "MODIFIED", "object": edited}, time.time())
        return at

    async def _holder(self) -> str:
        path = resources.LEASE.path(self.namespace)
        [lease] = (await self.cluster.api.send("GET", path))["items"]
        return str(lease["spec"]["holderIdentity"])


def made_after(calls: Sequence[Call], name: str, at: float) -> float:
    """When a Deployment of this object was first made after a moment; infinite where it was not."""
    return min(
        (
            call.seconds
            for call in calls
            if (call.verb, call.resource, call.owner) == ("create", "deployments", name)
            and call.seconds >= at
        ),
        default=math.inf,
    )


def report(found: Latency) -> str:
    """The table."""
    ordered = sorted(found.to_children)
    high = ordered[math.ceil(0.99 * len(ordered)) - 1]
    most = max(found.to_failover)
    rows = [
        [
            f"an edit to its Deployment, s (raw): median / 99 % of {len(ordered)}",
            f"{markdown.number(ordered[len(ordered) // 2])} / {markdown.number(high)}",
            f"99 % < {GOAL_SECONDS:g}",
            markdown.yes_or_no(holds=high < GOAL_SECONDS),
        ],
        [
            f"the same with the leader killed, s (raw): median / most of {len(found.to_failover)}",
            markdown.middle_and_most(found.to_failover),
            f"< {GOAL_FAILOVER_SECONDS:g}",
            markdown.yes_or_no(holds=most < GOAL_FAILOVER_SECONDS),
        ],
    ]
    header = [f"{found.objects} objects x {REVISIONS} revisions", "", "goal", "met"]
    return markdown.table(header, rows)
