"""What rolling an object out needs at once, and which strategy has room for it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from deepseek_operator.api.types import DeepSeekDeploymentSpec
from deepseek_operator.capacity import nodes, placing, room, words
from deepseek_operator.capacity.holders import Holder
from deepseek_operator.capacity.nodes import Node
from deepseek_operator.capacity.placing import Placement
from deepseek_operator.capacity.room import Cluster, Fit, Want
from deepseek_operator.catalog.accelerators import LABELS, Accelerator
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.cli.questions import Block
from deepseek_operator.rollout.revisions import revision_key
from deepseek_operator.sizing.fleet import Fleet
from deepseek_operator.sizing.size import Sized
from deepseek_operator.sizing.terms import Pool


@dataclass(frozen=True, slots=True)
class Planned:
    """One block of an object, decided."""

    block: Block
    sized: Sized
    fleet: Fleet
    enough: bool = True
    """Whether there are accelerators for it beside the blocks before it."""
    there: int = 0
    """Accelerators of the nodes that its pods may run on, whoever holds them."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to roll it out."""

    strategies: tuple[str, ...]
    """None: nothing serves yet, or the same revision goes on."""
    accelerators: int
    """Of the object at the peak."""
    fit: Fit
    missing: str
    """What is needed and what there is; empty where it fits."""


@dataclass(frozen=True, slots=True)
class Stock:
    """Accelerators of one product, on all nodes."""

    product: str
    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Peak:
    """What there is, and what each way needs of it."""

    stocks: tuple[Stock, ...]
    ways: tuple[Way, ...]
    strategy: str
    """As the object has it."""
    unread: str = ""
    is_alone: bool = False
    """Whether it is not known what serves now, so that it is not counted."""
    begins: str = ""
    """The field of what the first rollout begins with, which is counted; empty: with nothing else."""

    @property
    def lacks(self) -> bool:
        """Whether the object's own strategy has no room."""
        return all(way.fit is Fit.NO for way in self.ways if self._is_meant(way))

    @property
    def auto(self) -> str:
        """What Auto would be; empty where nothing is to be chosen."""
        beside = [way for way in self.ways if "Canary" in way.strategies]
        instead = [way for way in self.ways if "Replace" in way.strategies]
        if not beside or not instead:
            return ""
        if beside[0].fit is not Fit.NO:
            return "Canary"
        return "" if instead[0].fit is Fit.NO else "Replace"

    def _is_meant(self, way: Way) -> bool:
        return self.strategy == "Auto" or not way.strategies or self.strategy in way.strategies


@dataclass(frozen=True, slots=True)
class Owner:
    """The object in the cluster."""

    namespace: str
    name: str
    serving: str | None
    """The revision that serves."""


def peak_of(
    blocks: Sequence[Planned],
    cluster: Cluster,
    *,
    known: Catalog,
    spec: DeepSeekDeploymentSpec,
    owner: Owner | None = None,
    serving: Planned | None = None,
) -> Peak:
    """Of an object in a cluster (`owner`), or of one alone; `serving` is what its first rollout begins with."""
    found = _Peak(blocks, cluster, known.accelerators, spec, owner, serving)
    return Peak(
        stocks=found.stocks(),
        ways=found.ways(),
        strategy=spec.rollout.strategy,
        unread=cluster.unread,
        is_alone=owner is None,
        begins="" if serving is None else serving.block.field,
    )


def placed(
    planned: Planned,
    before: Sequence[Planned],
    cluster: Cluster,
    *,
    known: Mapping[str, Accelerator],
    is_named: bool,
) -> Planned:
    """With whether there are nodes for it beside the blocks before it, whoever holds their accelerators now.

    `is_named`: by the command line, so that nothing is known of the nodes that could keep pods off.
    """
    empty = Cluster(nodes=cluster.nodes)
    wants = [_want(one, empty, known, is_named=is_named) for one in (*before, planned)]
    sizes = [node.accelerators for node in room.open_nodes(empty, wants[-1])]
    layout = planned.sized.layout
    replicas = sum(size // layout.accelerators_each for size in sizes) // layout.nodes
    return replace(
        planned,
        fleet=replace(planned.fleet, there=replicas),
        enough=room.fit(empty, wants) is not Fit.NO,
        there=sum(sizes),
    )


def cluster_of(pools: Sequence[Pool]) -> Cluster:
    """Nodes as the command line tells of them, with nobody on them."""
    found = []
    for number, pool in enumerate(pools):
        label = {LABELS["gpuOperator"]: pool.accelerator.labels.gpu_operator[0]}
        whole, rest = divmod(pool.count, pool.node_size)
        sizes = [pool.node_size] * whole + ([rest] if rest else [])
        found += [
            Node(f"{number}-{place}", label, accelerators=size) for place, size in enumerate(sizes)
        ]
    return Cluster(nodes=tuple(found))


def pools_of(cluster: Cluster, known: Mapping[str, Accelerator]) -> list[Pool]:
    """Whole GPUs of the catalog on nodes that take pods, whoever holds them now; by product and size of the node."""
    counts: dict[tuple[str, int], int] = {}
    for node in cluster.nodes:
        product = nodes.product_of(node, known)
        if product is not None and node.accelerators and not node.closed:
            place = product.name, node.accelerators
            counts[place] = counts.get(place, 0) + node.accelerators
    return [Pool(name, known[name], count, size) for (name, size), count in sorted(counts.items())]


def open_pools(cluster: Cluster, block: Block, known: Mapping[str, Accelerator]) -> list[Pool]:
    """Those of the nodes that a block's pods may run on, as the operator chooses them."""
    placement = _placement(block)
    there = (node for node in cluster.nodes if placing.keeps_off(node, placement) is None)
    return pools_of(replace(cluster, nodes=tuple(there)), known)


def _placement(block: Block) -> Placement:
    return placing.placement_of(block.serving.pod.model_dump(by_alias=True, exclude_none=True))


def _want(
    planned: Planned,
    cluster: Cluster,
    known: Mapping[str, Accelerator],
    *,
    is_named: bool,
    what: str = "",
) -> Want:
    """All of its pods, as many of a replica as it has nodes."""
    layout = planned.sized.layout
    label, value = _label(planned, cluster, known)
    placement = Placement(node_selector={}) if is_named else _placement(planned.block)
    return Want(
        what=what,
        pods=planned.fleet.replicas * layout.nodes,
        size=layout.accelerators_each,
        placement=replace(placement, node_selector={**placement.node_selector, label: value}),
    )


def _label(planned: Planned, cluster: Cluster, known: Mapping[str, Accelerator]) -> tuple[str, str]:
    """By which nodes of the product are known here."""
    name = planned.sized.question.pool.product
    for node in cluster.nodes:
        product = nodes.product_of(node, known)
        if product is not None and product.name == name:
            return product.label, product.value
    return LABELS["gpuOperator"], known[name].labels.gpu_operator[0]


@dataclass(frozen=True, slots=True)
class _Peak:
    blocks: Sequence[Planned]
    cluster: Cluster
    known: Mapping[str, Accelerator]
    spec: DeepSeekDeploymentSpec
    owner: Owner | None
    serving: Planned | None

    def stocks(self) -> tuple[Stock, ...]:
        free = room.free(self.cluster)
        found: dict[str, Stock] = {}
        for node in self.cluster.nodes:
            name = nodes.called(node, self.known)
            before = found.get(name, Stock(name, 0, 0))
            found[name] = Stock(
                name, before.total + node.accelerators, before.free + free[node.name]
            )
        return tuple(stock for stock in found.values() if stock.total)

    def ways(self) -> tuple[Way, ...]:
        wants = [self._want(one) for one in self.blocks]
        serving = self.owner.serving if self.owner else None
        if self.serving is None and serving in (None, self._key(self.blocks[0])):
            return (self._way((), wants, ()),)
        keys = {self._key(one) for one in self.blocks}
        before = serving if self.serving is None else self._key(self.serving)
        leaving = () if before in keys else self._placed(before)
        first = [] if self.serving is None else [self._want(self.serving)]
        provider = self.spec.gateway.provider
        beside = ("BlueGreen",) if provider == "None" else ("Canary", "BlueGreen")
        found = [self._way(beside, [*wants, *first], ())]
        if provider != "GatewayAPI":
            found.append(self._way(("Replace",), wants, leaving))
        return tuple(found)

    def _way(
        self, strategies: tuple[str, ...], wants: list[Want], leaving: Sequence[Holder]
    ) -> Way:
        fit = room.fit(self.cluster, wants, without=leaving)
        missing = ""
        if fit is not Fit.YES:
            missing = words.shortage(self.cluster, wants, known=self.known, without=leaving)
        ours = [one for one in self.cluster.holders if self._is_ours(one) and one not in leaving]
        held = sum(one.accelerators for one in ours)
        return Way(strategies, held + sum(want.accelerators for want in wants), fit, missing)

    def _want(self, planned: Planned) -> Want:
        """Its pods that do not run yet."""
        what = "" if planned is self.blocks[0] else planned.block.field
        is_named = self.owner is None
        want = _want(planned, self.cluster, self.known, is_named=is_named, what=what)
        return replace(want, pods=max(0, want.pods - len(self._placed(self._key(planned)))))

    def _key(self, planned: Planned) -> str:
        return revision_key(planned.block.serving, warmed=self.spec.warmup.enabled)

    def _placed(self, key: str | None) -> list[Holder]:
        return [
            one
            for one in self.cluster.holders
            if key is not None and self._is_ours(one) and one.revision == key and not one.is_ending
        ]

    def _is_ours(self, holder: Holder) -> bool:
        owner = self.owner
        return owner is not None and (holder.namespace, holder.owner) == (
            owner.namespace,
            owner.name,
        )
