"""What goes wrong behind the operators' backs, and which of the two puts it right: both at the same time."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bench.reconcile import contenders, mishaps, objects, tracking
from bench.reconcile.cluster import Cluster
from bench.reconcile.gate import Gate, gate_to
from bench.reconcile.mishaps import Mishap
from bench.reconcile.processes import Operator
from deepseek_operator.api.names import API_VERSION, KIND
from deepseek_operator.kube import resources

DEADLINE_SECONDS = 75.0
"""How long something may stay wrong: longer than kopf's back-off, which is 60 s."""

FIRST_DEADLINE_SECONDS = 180.0
SETTLING_SECONDS = 8.0
"""So that what an operator still does by itself is not taken for a repair."""

OUTAGE_SECONDS = 5.0
NEW_OBJECTS = 4
POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Side:
    """One operator, its namespace, and its way to the API server."""

    namespace: str
    operator: Operator
    gate: Gate


@dataclass(frozen=True, slots=True)
class Arena:
    """A cluster with both operators on it."""

    cluster: Cluster
    sides: dict[str, Side]
    """By user."""


Step = Callable[[Arena, Sequence[str]], Awaitable[None]]
"""What is done to the operators, given the names of the objects that something happens to."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happened, to how many objects, and after how long each was right again."""

    when: str
    what: str
    objects: int
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """The verdicts on each operator by its user, and how often each ended by itself."""

    verdicts: dict[str, list[Verdict]]
    ends: dict[str, int]


async def nothing(_: Arena, __: Sequence[str]) -> None:
    """The operators run."""


async def shut_gates(arena: Arena, _: Sequence[str]) -> None:
    """Both operators lose the API server."""
    for side in arena.sides.values():
        side.gate.shut()


async def open_gates(arena: Arena, _: Sequence[str]) -> None:
    """Both operators get it back after a while."""
    await asyncio.sleep(OUTAGE_SECONDS)
    for side in arena.sides.values():
        side.gate.open()


async def restart_apiserver(arena: Arena, names: Sequence[str]) -> None:
    """The API server crashes and comes back with its watch cache empty: old watches expire (410)."""
    await asyncio.to_thread(arena.cluster.plane.restart_apiserver)
    await arena.cluster.until_served()
    await open_gates(arena, names)


async def stop(arena: Arena, _: Sequence[str]) -> None:
    """Both operators are told to end."""
    for side in arena.sides.values():
        await asyncio.to_thread(side.operator.stop)


async def start(arena: Arena, _: Sequence[str]) -> None:
    """Both operators are started."""
    for side in arena.sides.values():
        side.operator.start()


async def crash(arena: Arena, names: Sequence[str]) -> None:
    """Each operator is killed as soon as the first object has a child, and started again."""

    async def kill(side: Side) -> None:
        while not await arena.cluster.children(side.namespace, names[0]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.to_thread(side.operator.kill)
        side.operator.start()

    await asyncio.gather(*map(kill, arena.sides.values()))


@dataclass(frozen=True, slots=True)
class Phase:
    """A state of affairs and what happens in it: before and after it, the operators run."""

    when: str
    before: Step
    after: Step
    happens: dict[str, Mishap]


PHASES = (
    Phase(
        "both run",
        nothing,
        nothing,
        {
            "Deployment deleted": mishaps.delete_deployment,
            "client Service deleted": mishaps.delete_service,
            "Deployment scaled to 0 by hand": mishaps.scale_by_hand,
            "object deleted and created anew at once": mishaps.create_anew,
        },
    ),
    Phase(
        f"connections cut for {OUTAGE_SECONDS:.0f} s",
        shut_gates,
        open_gates,
        {
            "spec edited": mishaps.edit,
            "Deployment deleted": mishaps.delete_deployment,
            "object deleted and created anew at once": mishaps.create_anew,
        },
    ),
    Phase(
        "connections cut, API server restarted",
        shut_gates,
        restart_apiserver,
        {"spec edited": mishaps.edit, "Deployment deleted": mishaps.delete_deployment},
    ),
    Phase(
        "stopped, then started again",
        stop,
        start,
        {
            "spec edited": mishaps.edit,
            "Deployment deleted": mishaps.delete_deployment,
            "object deleted and created anew at once": mishaps.create_anew,
        },
    ),
    Phase("killed at the first child", nothing, crash, {"objects created": mishaps.create}),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One mishap of a phase, and the names of the objects that it happens to."""

    phase: Phase
    what: str
    names: tuple[str, ...]

    @property
    def happens(self) -> Mishap:
        """The mishap."""
        return self.phase.happens[self.what]


def cases(size: int, phases: Sequence[Phase] = PHASES) -> list[Case]:
    """Every mishap of every phase, each with `size` objects of its own."""
    listed = [(phase, what) for phase in phases for what in phase.happens]
    return [
        Case(phase, what, tuple(f"case-{number}-{at}" for at in range(_many(size, phase, what))))
        for number, (phase, what) in enumerate(listed)
    ]


def _many(size: int, phase: Phase, what: str) -> int:
    """More new objects than an operator has workers, so that not all are made at a stroke."""
    return NEW_OBJECTS * size if phase.happens[what] is mishaps.create else size


async def run(cluster: Cluster, *, size: int) -> Lost:
    """Every phase, one after another, with `size` objects a mishap."""
    listed = cases(size)
    verdicts: dict[str, list[Verdict]] = {contenders.OURS: [], contenders.PLAIN: []}
    async with _arena(cluster) as arena:
        await _set_up(arena, [case for case in listed if case.happens is not mishaps.create])
        for _, group in itertools.groupby(listed, key=lambda case: case.phase.when):
            for user, found in (await _play(arena, list(group))).items():
                verdicts[user] += found
            await asyncio.sleep(SETTLING_SECONDS)
        ends = {user: side.operator.unasked_ends for user, side in arena.sides.items()}
    return Lost(verdicts, ends)


@asynccontextmanager
async def _arena(cluster: Cluster) -> AsyncIterator[Arena]:
    """Both operators behind a gate each, running."""
    endpoints, sides = cluster.plane.endpoints, {}
    async with AsyncExitStack() as stack:
        for user in (contenders.OURS, contenders.PLAIN):
            namespace = f"{user}-lost"
            await cluster.add_namespace(namespace)
            gate = await stack.enter_async_context(gate_to(endpoints.host, endpoints.apiserver))
            operator = contenders.contender(user, cluster, namespace, server=gate.url)
            stack.callback(operator.stop)
            operator.start()
            sides[user] = Side(namespace, operator, gate)
        yield Arena(cluster, sides)


async def _set_up(arena: Arena, listed: Sequence[Case]) -> None:
    """Objects that nothing happened to yet."""
    names = [name for case in listed for name in case.names]
    for side in arena.sides.values():
        manifests = [objects.deepseek(name, side.namespace) for name in names]
        await arena.cluster.create_all(manifests)
    for side in arena.sides.values():
        right = await _until_right(arena, side, names, seconds=FIRST_DEADLINE_SECONDS)
        if missing := set(names) - right.keys():
            raise tracking.Late(f"{side.operator.user} never served {', '.join(sorted(missing))}")
    await asyncio.sleep(SETTLING_SECONDS)


async def _play(arena: Arena, group: Sequence[Case]) -> dict[str, list[Verdict]]:
    """One phase: its mishaps, and the verdict on each."""
    phase, names = group[0].phase, [name for case in group for name in case.names]
    await phase.before(arena, names)
    await asyncio.gather(
        *(
            case.happens(arena.cluster, objects.deepseek(name, side.namespace))
            for case in group
            for name in case.names
            for side in arena.sides.values()
        )
    )
    await phase.after(arena, names)
    found = await asyncio.gather(
        *(
            _until_right(arena, side, names, seconds=DEADLINE_SECONDS)
            for side in arena.sides.values()
        )
    )
    return {
        user: [_verdict(case, right) for case in group]
        for user, right in zip(arena.sides, found, strict=True)
    }


def _verdict(case: Case, right: Mapping[str, float]) -> Verdict:
    seconds = [right[name] for name in case.names if name in right]
    return Verdict(case.phase.when, case.what, len(case.names), tuple(sorted(seconds)))


async def _until_right(
    arena: Arena, side: Side, names: Sequence[str], *, seconds: float
) -> dict[str, float]:
    """After how long each object was right, and stayed so; those that never were are left out."""
    began, since = time.time(), dict[str, float]()
    while len(since) < len(names) and time.time() - began < seconds:
        side.operator.keep_running()
        right = await _right(arena.cluster, side.namespace, names)
        now = time.time() - began
        since = {name: since.get(name, now) for name in names if name in right}
        await asyncio.sleep(POLL_SECONDS)
    return since


async def _right(cluster: Cluster, namespace: str, names: Sequence[str]) -> set[str]:
    """Those of the objects that are as their spec asks for."""
    path = resources.DEEPSEEK_DEPLOYMENT.path(namespace)
    listed = (await cluster.api.send("GET", path))["items"]
    children = objects.by_owner(await cluster.children(namespace))
    return {
        name
        for item in listed
        if (name := item["metadata"]["name"]) in names
        and objects.is_right(
            {**item, "kind": KIND, "apiVersion": API_VERSION}, children.get(name, {})
        )
    }
