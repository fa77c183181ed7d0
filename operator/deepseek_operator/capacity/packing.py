"""Whether pods of several sizes fit on nodes: each pod wholly on one node that it may run on. Pure."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

STEPS = 20_000
"""How many placements are tried before the answer is that it is not known."""

_DEEPEST = 200
"""Pods for which more than one placement is tried."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Equal pods: how many, the accelerators of one, and the nodes that they may run on."""

    pods: int
    size: int
    nodes: frozenset[str]


class _OutOfStepsError(Exception):
    """It takes too long to find out."""


def packs(batches: Sequence[Batch], free: Mapping[str, int], *, steps: int = STEPS) -> bool | None:
    """Whether all fit at once; None where that is not found out. Never true without a placement of every pod."""
    wanted = [batch for batch in batches if batch.pods and batch.size]
    if any(slots(batch, free) < batch.pods for batch in wanted):
        return False
    answers = [_packs_together(part, free, steps) for part in _apart(wanted)]
    if False in answers:
        return False
    return None if None in answers else True


def slots(batch: Batch, free: Mapping[str, int]) -> int:
    """How many of the batch's pods would fit if there were no other."""
    return sum(max(0, free.get(node, 0)) // batch.size for node in batch.nodes)


def _apart(batches: Sequence[Batch]) -> list[list[Batch]]:
    """In parts that have no node in common."""
    parts: list[tuple[set[str], list[Batch]]] = []
    for batch in batches:
        nodes, members = set(batch.nodes), [batch]
        others = []
        for part in parts:
            if part[0].isdisjoint(batch.nodes):
                others.append(part)
            else:
                nodes |= part[0]
                members += part[1]
        parts = [*others, (nodes, members)]
    return [members for _, members in parts]


def _packs_together(batches: Sequence[Batch], free: Mapping[str, int], steps: int) -> bool | None:
    # The larger first, and of equal ones those with less choice.
    ordered = sorted(batches, key=lambda batch: (-batch.size, len(batch.nodes)))
    left = {node: max(0, free.get(node, 0)) for batch in ordered for node in batch.nodes}
    if sum(batch.pods * batch.size for batch in ordered) > sum(left.values()):
        return False
    if len(ordered) == 1 or _fits_at_first_try(ordered, dict(left)):
        # Of one batch alone its places were counted.
        return True
    # Where all may run anywhere and each size divides the next, it does not matter where the larger ones are.
    if len({batch.nodes for batch in ordered}) == 1 and all(
        one.size % other.size == 0 for one, other in itertools.pairwise(ordered)
    ):
        return False
    if sum(batch.pods for batch in ordered) > _DEEPEST:
        return None
    try:
        return _Search(left, steps).places(ordered, 0)
    except _OutOfStepsError:
        return None


def _fits_at_first_try(batches: Sequence[Batch], left: dict[str, int]) -> bool:
    """Each pod where least is left over, and of those where the fewest others may go."""
    for number, batch in enumerate(batches):
        wanted_by = {node: sum(node in other.nodes for other in batches[number:]) for node in left}
        for _ in range(batch.pods):
            open_to_it = [node for node in batch.nodes if left[node] >= batch.size]
            if not open_to_it:
                return False
            best = min(open_to_it, key=lambda node: (wanted_by[node], left[node], node))
            left[best] -= batch.size
    return True


class _Search:
    """Every placement, but those that only exchange equal nodes."""

    def __init__(self, left: dict[str, int], steps: int) -> None:
        self._left = left
        self._steps = steps
        self._failed: set[tuple[int, int, tuple[tuple[int, tuple[bool, ...]], ...]]] = set()

    def places(self, batches: Sequence[Batch], placed: int) -> bool:
        """The pods of the first batch from the one numbered `placed` on, then those of the others."""
        if not batches:
            return True
        batch = batches[0]
        if placed == batch.pods:
            return self.places(batches[1:], 0)
        alike = {
            node: (count, tuple(node in other.nodes for other in batches))
            for node, count in self._left.items()
        }
        state = len(batches), placed, tuple(sorted(alike.values()))
        if state in self._failed:
            return False
        kinds = {alike[node]: node for node in batch.nodes if self._left[node] >= batch.size}
        for node in kinds.values():
            if self._steps <= 0:
                raise _OutOfStepsError
            self._steps -= 1
            self._left[node] -= batch.size
            if self.places(batches, placed + 1):
                return True
            self._left[node] += batch.size
        self._failed.add(state)
        return False
