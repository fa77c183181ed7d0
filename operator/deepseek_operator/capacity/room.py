"""Whether pods would find accelerators: the cluster as it was read, what is wanted of it, and the answer. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from deepseek_operator.capacity.holders import Holder
from deepseek_operator.capacity.nodes import Node
from deepseek_operator.capacity.packing import Batch, packs
from deepseek_operator.capacity.placing import Placement, keeps_off


@dataclass(frozen=True, slots=True)
class Cluster:
    """Nodes with accelerators and who holds them."""

    nodes: tuple[Node, ...] = ()
    holders: tuple[Holder, ...] = ()
    unread: str = ""
    """Why nothing is known of them; empty: they were read."""
    grows: str = ""
    """By what nodes are added for pods that wait; empty: by nothing that is known of."""
    held: Mapping[str, int] = field(default_factory=dict)
    """Accelerators by node that somebody holds without asking for them as a resource: devices of allocated claims."""

    def held_by(self, namespace: str, owner: str, revision: str) -> tuple[Holder, ...]:
        """The pods of an object's revision that hold accelerators."""
        wanted = namespace, owner, revision
        return tuple(
            one for one in self.holders if (one.namespace, one.owner, one.revision) == wanted
        )


@dataclass(frozen=True, slots=True)
class Want:
    """Equal pods that are to have room, and what they are for people."""

    what: str
    pods: int
    size: int
    """Accelerators of one pod."""
    placement: Placement

    @property
    def accelerators(self) -> int:
        """Of all of them."""
        return self.pods * self.size


class Fit(StrEnum):
    """Whether there is room."""

    YES = "Yes"
    NO = "No"
    """Whatever is placed where."""
    UNKNOWN = "Unknown"
    """Nodes cannot be read, pods of lower priority would have to go, or no placement was found in time."""


def fit(cluster: Cluster, wants: Sequence[Want], *, without: Iterable[Holder] = ()) -> Fit:
    """Whether all pods fit at once beside those that hold accelerators, but for the holders in `without`."""
    wanted = [want for want in wants if want.accelerators]
    if not wanted:
        return Fit.YES
    if cluster.unread:
        return Fit.UNKNOWN
    batches = [
        Batch(want.pods, want.size, frozenset(node.name for node in open_nodes(cluster, want)))
        for want in wanted
    ]
    gone = frozenset(without)
    found = packs(batches, free(cluster, without=gone))
    if found is None or found:
        return Fit.YES if found else Fit.UNKNOWN
    # None of a batch is placed where a pod of its own priority would have to go; of several the highest counts.
    highest = max((_priority(cluster, want.placement) for want in wanted), key=_or_highest)
    yielding = free(cluster, without=gone, above=highest) if highest != _NEVER else None
    return Fit.NO if yielding is None or packs(batches, yielding) is False else Fit.UNKNOWN


_NEVER = -(2**31)
"""Below every priority: nobody makes way."""


def free(
    cluster: Cluster, *, without: Iterable[Holder] = (), above: int | None = _NEVER
) -> dict[str, int]:
    """Accelerators of each node that nobody holds.

    Holders of a priority below `above` are taken for gone; with None all of them.
    """
    gone = frozenset(without)
    left = {node.name: node.accelerators - cluster.held.get(node.name, 0) for node in cluster.nodes}
    for holder in cluster.holders:
        makes_way = above is None or holder.priority < above
        if holder.node in left and holder not in gone and not makes_way:
            left[holder.node] -= holder.accelerators
    return {name: max(0, count) for name, count in left.items()}


def open_nodes(cluster: Cluster, want: Want) -> list[Node]:
    """Nodes that the pods may run on, whoever is there."""
    return [node for node in cluster.nodes if keeps_off(node, want.placement) is None]


def _priority(cluster: Cluster, placement: Placement) -> int | None:
    """The number of a priority class, as pods of it show it; None where it is set and none is there."""
    if not placement.preempts:
        return _NEVER
    if not placement.priority_class:
        return 0
    for holder in cluster.holders:
        if holder.priority_class == placement.priority_class:
            return holder.priority
    return None


def _or_highest(priority: int | None) -> float:
    return float("inf") if priority is None else priority
