"""What pods need of the cluster's accelerators and what there is, in a sentence. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from deepseek_operator.capacity import nodes, room
from deepseek_operator.capacity.holders import Holder
from deepseek_operator.capacity.nodes import Node
from deepseek_operator.capacity.placing import keeps_off
from deepseek_operator.capacity.room import Cluster, Want
from deepseek_operator.catalog.accelerators import Accelerator

_MOST_KINDS = 3
"""Of nodes that are told apart in one sentence."""


def shortage(
    cluster: Cluster,
    wants: Sequence[Want],
    *,
    known: Mapping[str, Accelerator],
    without: Iterable[Holder] = (),
) -> str:
    """What is needed, what is free of it and what keeps the pods off the rest: `needs 16 x H200 in nodes of 8; 8 free`."""
    wanted = [want for want in wants if want.accelerators]
    if cluster.unread:
        return f"{_needs(cluster, wanted, known)}; what is free is not known: {cluster.unread}"
    gone = frozenset(without)
    left = room.free(cluster, without=gone)
    said = [_needs(cluster, wanted, known)]
    told: set[str] = set()
    for want in wanted:
        there = _there(cluster, want, left, known)
        if there not in told:
            told.add(there)
            said.append(there)
    return "; ".join(said)


def _needs(cluster: Cluster, wanted: Sequence[Want], known: Mapping[str, Accelerator]) -> str:
    parts = []
    for number, want in enumerate(wanted):
        nodes_of = f" in nodes of {want.size}" if want.size > 1 else ""
        what = f" for {want.what}" if number or want.what else ""
        parts.append(f"{want.accelerators} x {_asked(cluster, want, known)}{nodes_of}{what}")
    return "needs " + " and ".join(parts)


def _asked(cluster: Cluster, want: Want, known: Mapping[str, Accelerator]) -> str:
    """The product that the pods ask for, as the catalog calls it."""
    for label, value in want.placement.products.items():
        sample = Node(name="", labels={label: value})
        found = nodes.product_of(sample, known)
        return found.name if found else value
    kinds = {nodes.called(node, known) for node in room.open_nodes(cluster, want)}
    return kinds.pop() if len(kinds) == 1 else nodes.GPU_RESOURCE


def _there(
    cluster: Cluster, want: Want, left: Mapping[str, int], known: Mapping[str, Accelerator]
) -> str:
    """What is free for the pods, and what they do not reach."""
    of_product = [node for node in cluster.nodes if _is_asked_for(node, want)]
    if not any(node.accelerators for node in of_product):
        return _none(cluster, of_product, known)
    open_to = room.open_nodes(cluster, want)
    said = _free([left[node.name] for node in open_to], want)
    return said + _kept_off(of_product, want, left)


def _free(on_nodes: Sequence[int], want: Want) -> str:
    """How many are free, and where these seem to be enough why they are not."""
    total = sum(on_nodes)
    usable = sum(count - count % want.size for count in on_nodes)
    if not usable and total >= want.size:
        return f"{total} free, at most {max(on_nodes)} of them on one node"
    if usable < want.accelerators <= total:
        return f"{total} free, {usable} of them in nodes of {want.size}"
    return f"{total} free"


def _is_asked_for(node: Node, want: Want) -> bool:
    return all(node.labels.get(label) == value for label, value in want.placement.products.items())


def _none(cluster: Cluster, of_product: Sequence[Node], known: Mapping[str, Accelerator]) -> str:
    """Where no node has any that they ask for."""
    slices = Counter[str]()
    for node in of_product:
        slices.update(node.slices or {})
    if slices:
        parts = " and ".join(f"{count} x {name}" for name, count in sorted(slices.items()))
        return f"no whole ones there: they are divided into {parts}"
    if any(node.devices for node in of_product):
        return (
            f"{_some(of_product)} with {sum(node.devices for node in of_product)} as devices alone: no DeviceClass has "
            f"extendedResourceName {nodes.GPU_RESOURCE}"
        )
    if of_product:
        return f"{_some(of_product)} offer none: their driver or device plugin does not run"
    there = Counter[str]()
    for node in cluster.nodes:
        there[nodes.called(node, known)] += node.accelerators
    found = " and ".join(f"{count} x {name}" for name, count in there.most_common(_MOST_KINDS))
    return f"no node has any; there are {found}" if +there else "no node has any accelerators"


def _kept_off(of_product: Sequence[Node], want: Want, left: Mapping[str, int]) -> str:
    """Free ones that the pods do not reach, by why."""
    behind: dict[str, list[Node]] = {}
    for node in of_product:
        why = keeps_off(node, want.placement)
        if why is not None and left[node.name]:
            behind.setdefault(why, []).append(node)
    most = sorted(behind.items(), key=lambda item: -sum(left[node.name] for node in item[1]))
    said = [
        f"{sum(left[node.name] for node in there)} more on {_some(there)} {_described(why)}"
        for why, there in most[:_MOST_KINDS]
    ]
    return "".join(f", {one}" for one in said)


def _described(why: str) -> str:
    return f"that is {why}" if why in ("cordoned", "not ready") else why


def _some(there: Sequence[Node]) -> str:
    return f"node {there[0].name}" if len(there) == 1 else f"{len(there)} nodes"
