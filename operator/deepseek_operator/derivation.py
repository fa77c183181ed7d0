"""What a serving block leaves open, derived: one replica on the product that it names. Pure.

On one node, or on several where one does not hold it.

Nothing is derived for what is not known (no product, a model outside the catalog, flags that are not modelled): then the pods are as the block and the engine's own defaults make them, and a sentence says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deepseek_operator import overriding
from deepseek_operator.api.analysis import seconds_of_limit
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.api.workload import Workload
from deepseek_operator.capacity.placing import Placement, placement_of
from deepseek_operator.capacity.products import only_product
from deepseek_operator.capacity.room import Cluster
from deepseek_operator.catalog import accelerators, engines, facts
from deepseek_operator.catalog.catalog import Catalog, may_be_refused
from deepseek_operator.errors import Stalled
from deepseek_operator.sizing import cpu, layouts, reasons, remedies
from deepseek_operator.sizing.size import Sized, size
from deepseek_operator.sizing.terms import (
    ASSUMED,
    CannotRunError,
    Layout,
    Pool,
    Question,
)
from deepseek_operator.sizing.terms import Workload as Load

WhatIf = Callable[[Question], Question]
"""What is asked in place of what a block says: a plan asks what would be if."""

PRODUCT, NODE_SIZE = "product", "nodeSize"
"""Of frozen values: what the nodes had when the revision was made."""


def _as_it_is(question: Question) -> Question:
    return question


@dataclass(frozen=True, slots=True)
class Derived:
    """What came of a block: a sized replica, or why nothing was derived."""

    sized: Sized | None
    why_not: str = ""
    chosen: str = ""
    """Why this product, where the block names none."""
    product: str | None = None
    """The product, as the nodes' label names it, that the pods are tied to; None: to none."""


def derive(
    block: ServingBlock,
    *,
    catalog: Catalog,
    field: str,
    rdma: bool,
    cluster: Cluster | None = None,
    what_if: WhatIf = _as_it_is,
) -> Derived:
    """One replica for the block, which stands in `field`; Stalled where it cannot run as asked.

    Where it names no product it is that of the cluster's nodes, if all that its pods may run on have the same one.
    `rdma` says whether nodes exchange by it.
    """
    product = block.accelerator.product
    if cluster is not None and leaves_product_open(block, catalog):
        found = only_product(cluster, _placement(block), catalog.accelerators)
        if isinstance(found, str):
            return _not_derived(block, field, f"accelerator.product is not set, and {found}")
        value, sizes = found.product.value, found.node_sizes
        derived = derive_on(
            value, sizes, block, catalog=catalog, field=field, rdma=rdma, what_if=what_if
        )
        why = (
            f"accelerator.product is not set, and all {len(sizes)} nodes that these pods may run on have this one, "
            f"at most {sizes[0]} of it each"
        )
        return replace(derived, chosen=why)
    why_not = _unknown(block, catalog)
    if why_not is None:
        derived = _sized(block, catalog, field, rdma=rdma, what_if=what_if)
        return replace(derived, product=product)
    derived = _not_derived(block, field, why_not)
    return replace(derived, why_not=f"{why_not}{_cache_of_cpu(block, catalog)}", product=product)


def derive_on(
    product: str,
    node_sizes: Sequence[int],
    block: ServingBlock,
    *,
    catalog: Catalog,
    field: str,
    rdma: bool,
    what_if: WhatIf = _as_it_is,
) -> Derived:
    """One replica on nodes with this product, of which each has so many; as if the block named the product."""
    accelerator = block.accelerator.model_copy(update={"product": product})
    named = block.model_copy(update={"accelerator": accelerator})
    derived = _sized(named, catalog, field, rdma=rdma, node_sizes=node_sizes, what_if=what_if)
    return replace(derived, product=product)


def leaves_product_open(block: ServingBlock, catalog: Catalog) -> bool:
    """Whether a replica would be derived if the block named a product."""
    return block.accelerator.product is None and _unknown(block, catalog) == _NO_PRODUCT


_NO_PRODUCT = "accelerator.product is not set"


def _placement(block: ServingBlock) -> Placement:
    """Where the pods of a block may run, before anything of it is resolved."""
    pod = block.pod.model_dump(by_alias=True, exclude_none=True)
    return placement_of(pod)


def _not_derived(block: ServingBlock, field: str, why_not: str) -> Derived:
    would_do_nothing = (
        ("workload", block.workload),
        ("quantization", block.quantization),
        ("accelerator.attention", block.accelerator.attention),
        ("accelerator.decodeTimes", block.accelerator.decode_times),
    )
    for name, value in would_do_nothing:
        if value not in (None, "auto"):
            remedy = "correct that" if overriding.is_mistake(why_not) else "remove it"
            raise Stalled(
                Reason.CANNOT_RUN,
                f"{field}.{name}: nothing is derived from it, as {why_not}; {remedy}",
            )
    return Derived(None, why_not)


def _cache_of_cpu(block: ServingBlock, catalog: Catalog) -> str:
    """What is known of a CPU engine all the same, as the rest of a sentence."""
    model = catalog.models.get(block.model)
    if block.accelerator.kind != "CPU" or model is None:
        return ""
    asked = {one.name: one.value for one in block.pod.env}.get(cpu.CACHE_VARIABLE, cpu.CACHE_GIB)
    try:
        gib = int(asked or 0)
    except ValueError:
        return ""
    tokens = cpu.cache_tokens(model.dimensions, layers=model.layers, gib=gib)
    return (
        f"; its KV cache of {gib} GiB ({cpu.CACHE_VARIABLE}) holds {tokens} tokens" if gib else ""
    )


def load_of(workload: Workload | None) -> Load:
    """The requests that a replica is made for, whatever their number."""
    if workload is None:
        return ASSUMED
    first = workload.time_to_first_token
    return Load(
        input_tokens=workload.input_tokens,
        output_tokens=workload.output_tokens,
        time_to_first_token=None if first is None else seconds_of_limit(first),
        time_per_output_token=seconds_of_limit(workload.time_per_output_token),
    )


def frozen(derived: Derived) -> dict[str, Any]:
    """What a ControllerRevision keeps of it, for status and for the number of replicas."""
    sized = derived.sized
    if sized is None:
        return {"notDerived": derived.why_not}
    question = sized.question
    return {
        "accelerator": question.pool.product,
        "engine": f"{question.engine.name} {question.engine.version}",
        "requestsPerSecond": sized.rate,
        "values": [
            *_chosen(derived, question.pool.node_size),
            *(
                {
                    "name": one.name,
                    "value": one.value,
                    "why": one.why,
                    **({"set": True} if one.is_set else {}),
                }
                for one in (*reasons.reasons(sized), reasons.pace(sized))
            ),
        ],
        **({"missed": list(sized.missed)} if sized.missed else {}),
    }


def _chosen(derived: Derived, node_size: int) -> list[dict[str, Any]]:
    """The product and the size of its nodes, where the block names none."""
    if not derived.chosen:
        return []
    why = "GPUs of a node that it is laid out for, the largest size of which there are enough nodes"
    return [
        {"name": PRODUCT, "value": derived.product, "why": derived.chosen},
        {"name": NODE_SIZE, "value": f"{node_size}", "why": why},
    ]


def _unknown(block: ServingBlock, catalog: Catalog) -> str | None:
    """Why nothing can be derived, or None."""
    if block.accelerator.kind == "CPU":
        return "accelerator.kind is CPU, and only GPUs are sized"
    if block.model not in catalog.models:
        return f"{block.model} is not in the catalog"
    unmodelled = overriding.words_of(block.engine.name).unknown(block.engine.args)
    if unmodelled is not None:
        return unmodelled
    return None if block.accelerator.product else _NO_PRODUCT


def _sized(
    block: ServingBlock,
    catalog: Catalog,
    field: str,
    *,
    rdma: bool,
    node_sizes: Sequence[int] = (),
    what_if: WhatIf,
) -> Derived:
    """`node_sizes` are of the nodes that there are; where these are not looked at, of the largest that are made."""
    try:
        node_size = max(node_sizes, default=None)
        question = what_if(_question(block, catalog, rdma=rdma, node_size=node_size))
    except CannotRunError as error:
        raise _stalled(error, field, block.engine.name) from error
    try:
        return Derived(size(question))
    except CannotRunError as error:
        if error.field == "accelerator" and _may_be_smaller(question, block):
            return Derived(
                None,
                f"as published {block.model} does not fit there, and what the source that is set holds is not known",
            )
        return _over_nodes(question, error, field, node_sizes)


def _over_nodes(
    question: Question, alone: CannotRunError, field: str, node_sizes: Sequence[int]
) -> Derived:
    """The replica over as few nodes as hold it; `alone` is why one node does not.

    Over the largest nodes of which there are as many as it takes; where there are of no size, over the largest. Where
    none hold it, it is told what is missing on as many as are tried, unless there is one node alone.
    """
    if alone.field != "accelerator" or question.overrides.accelerators is not None:
        raise _stalled(alone, field, question.engine.name) from alone
    sizes = sorted({question.pool.node_size, *node_sizes}, reverse=True)
    tried = [_over_nodes_of(each, question) for each in sizes]
    found = [one for one in tried if isinstance(one, Sized)]
    if found:
        there = (one for one in found if _are_there(one, node_sizes))
        return Derived(next(there, found[0]))
    wide = next((one for one in tried if isinstance(one, CannotRunError)), alone)
    refused = alone if len(node_sizes) == 1 else wide
    raise _stalled(refused, field, question.engine.name) from refused


def _over_nodes_of(node_size: int, question: Question) -> Sized | CannotRunError:
    several = node_size * remedies.MANY_NODES
    pool = replace(question.pool, count=several, node_size=node_size)
    try:
        return size(replace(question, pool=pool))
    except CannotRunError as error:
        return error


def _are_there(sized: Sized, node_sizes: Sequence[int]) -> bool:
    """Whether so many nodes have what it takes of each."""
    enough = [each for each in node_sizes if each >= sized.question.pool.node_size]
    return len(enough) >= sized.layout.nodes


def _may_be_smaller(question: Question, block: ServingBlock) -> bool:
    """Whether weights of the user's own may fit where the published ones do not, laid out as the block says."""
    tensor = block.accelerator.count or question.model.accelerators.count
    return (
        block.source is not None
        and question.overrides.quantization == "auto"
        and block.workload is None
        and layouts.refusal(question, Layout(tensor=tensor)) is None
    )


def _question(
    block: ServingBlock, catalog: Catalog, *, rdma: bool, node_size: int | None
) -> Question:
    """What is asked of one node of the product, or of as many as the block's number of GPUs takes.

    Of the largest size that there is, unless the cluster's is known.
    """
    value = block.accelerator.product or ""
    name, entry = _product(value, catalog)
    engine = engines.newest(block.engine.name, catalog.engines)
    if engine is None:
        raise CannotRunError("engine.name", f"the catalog has no version of {block.engine.name}")
    node, count = node_size or entry.gpus_of(value), block.accelerator.count
    refused = refusal_of_count(count, name, node)
    if refused is not None:
        raise refused
    return Question(
        model_name=block.model,
        model=catalog.models[block.model],
        engine=engine,
        pool=Pool(name, entry, count=max(node, count or 0), node_size=node),
        workload=load_of(block.workload),
        overrides=overriding.overrides_of(block),
        products=catalog.accelerators,
        rdma=rdma,
    )


def refusal_of_count(count: int | None, product: str, node: int) -> CannotRunError | None:
    """Why so many GPUs of one replica are on no nodes of `node` of them, or None."""
    if (
        count is None
        or count <= node
        or (count % node == 0 and count <= node * remedies.MANY_NODES)
    ):
        return None
    return CannotRunError(
        "accelerator.count",
        f"{count} GPUs of one replica are not on whole nodes: a node of {product} has {node}; set at most {node}, or a "
        f"multiple of it up to {node * remedies.MANY_NODES}, or leave count out",
    )


def _product(value: str, catalog: Catalog) -> tuple[str, accelerators.Accelerator]:
    """The catalog's entry for a node label's value."""
    known = catalog.accelerators
    name = accelerators.product_name(value, known)
    if name is None:
        near = ", ".join(
            known[one].labels.gpu_operator[0]
            for one in facts.nearest(value.removeprefix("NVIDIA-"), known)
        )
        raise CannotRunError(
            "accelerator.product",
            f"{value} is not in the catalog (nearest: {near}); use the value of a node's label, or leave product out, "
            f"choose nodes by pod.nodeSelector and set accelerator.count{may_be_refused(catalog)}",
        )
    if accelerators.node_label(value, known) is None:
        labels = known[name].labels.gpu_operator
        raise CannotRunError(
            "accelerator.product",
            f"no node is labelled {value}; write what nodes with it have as nvidia.com/gpu.product: "
            f"{' or '.join(labels)}",
        )
    return name, known[name]


def _stalled(error: CannotRunError, field: str, engine: str) -> Stalled:
    name = overriding.field_of(error.field, engine)
    return Stalled(Reason.CANNOT_RUN, f"{field}.{name}: {error.message}")
