"""What one object with all that is on by default costs: gateway, warm-up, weights that were fetched before.

One alone: calls that are for a whole namespace, as the list of its volumes, then belong to its passes too.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from bench.reconcile import audit, contenders, markdown, objects, tracking
from bench.reconcile.audit import AuditLog, Call, Pass
from bench.reconcile.cluster import Cluster
from deepseek_operator.api import names
from deepseek_operator.kube import resources
from tests.cluster.objects import filled_claim

NAME = "default"
SOURCE = "hf://example/tiny"
DEFAULTS = {"source": SOURCE, "warmup": {}, "gateway": {}}
RESYNCS = 2
RESYNC_SECONDS = 10.0
DEADLINE_SECONDS = 300.0

MOST_PASSES = 3
MOST_CALLS = 10


@dataclass(frozen=True, slots=True)
class Default:
    """The passes up to the last that wrote, and those of the resyncs after it."""

    converging: tuple[Pass, ...]
    steady: tuple[Pass, ...]


async def measure(cluster: Cluster) -> Default:
    """One object from its creation until it has been served for two resyncs."""
    namespace = "all-defaults"
    await cluster.add_namespace(namespace)
    for path, manifest in filled_claim(SOURCE, namespace).items():
        await cluster.api.send("POST", path, manifest)
    path = resources.DEEPSEEK_DEPLOYMENT.path(namespace)
    operator = contenders.our_operator(cluster, namespace, resync_seconds=RESYNC_SECONDS)
    with AuditLog(cluster.plane.audit_log, contenders.OURS) as log, operator.started():
        async with tracking.following(
            cluster.api, path, objects.is_settled, named=tracking.own_name
        ) as settled:
            await cluster.create(objects.deepseek(NAME, namespace, **DEFAULTS))
            await settled.all_hold([NAME], seconds=DEADLINE_SECONDS)
        calls = await tracking.until_idle(log)
        await asyncio.sleep(RESYNCS * RESYNC_SECONDS)
        return Default(tuple(audit.converging(passes(calls))), tuple(passes(log.read())))


def passes(calls: Iterable[Call]) -> list[Pass]:
    """The passes over the only object that there is: all that is called until the next one begins."""
    found: list[list[Call]] = []
    for call in sorted(audit.counted(calls), key=lambda call: call.seconds):
        if call.starts_pass:
            found.append([call])
        elif found and (call.resource != names.PLURAL or call.subresource):
            found[-1].append(call)
    return [tuple(one) for one in found]


def report(found: Default) -> str:
    """Its table, goals beside it."""
    steady = [len(one) for one in found.steady]
    writes = sum(call.is_write for one in found.steady for call in one)
    rows = [
        _row("passes to converge", [len(found.converging)], MOST_PASSES),
        _row(
            "calls a pass while converging, median / most", _lengths(found.converging), MOST_CALLS
        ),
        _row("steady: calls a pass, median / most", steady, MOST_CALLS),
        _row("steady: writes", [writes], 0),
    ]
    return markdown.table(["figure", "one object with all defaults", "goal", "met"], rows)


def _lengths(listed: Iterable[Pass]) -> list[int]:
    return [len(one) for one in listed]


def _row(name: str, values: list[int], most: int) -> list[str]:
    said = markdown.middle_and_most(values) if "median" in name else markdown.number(values[0])
    goal = f"≤ {most}" if most else "0"
    return [name, said, goal, markdown.yes_or_no(holds=max(values) <= most)]
