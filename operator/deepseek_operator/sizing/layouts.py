"""Ways to spread one replica over GPUs: which are legal, and which are worth trying."""

import math
from collections.abc import Callable, Iterator

from deepseek_operator.sizing.terms import CannotRunError, Layout, Question

_BLOCK = 128
"""Weights that share a scale in DeepSeek's FP8: a slice of a matrix has to be whole blocks."""


def refusal(question: Question, layout: Layout) -> str | None:
    """Why a layout cannot run, or None; the name of what is wrong comes first."""
    return next((found for check in _CHECKS if (found := check(question, layout))), None)


def _slices_are_not_whole(question: Question, layout: Layout) -> str | None:
    part = _undivided(question, layout)
    if part is None:
        return None
    legal = ", ".join(map(str, legal_tensor_sizes(question)))
    return f"tensor: {layout.tensor} {part} of {question.model_name}; use one of {legal}"


def _undivided(question: Question, layout: Layout) -> str | None:
    """What tensor parallelism would not split into whole slices, in words that follow the size; None: nothing."""
    size, tensor = question.model.dimensions, layout.tensor
    if size.heads % tensor:
        return f"does not divide the {size.heads} attention heads"
    kv_heads = size.kv_heads or tensor
    if kv_heads % tensor and tensor % kv_heads:
        # Several on a GPU, or one on several: vLLM's QKVParallelLinear, TensorRT-LLM's duplicate_kv_weight.
        return f"neither divides the {kv_heads} key-value heads nor is a multiple of them"
    for name, width in _widths(question, layout):
        if width % tensor:
            return f"does not divide the {width} columns of the {name}"
    return None


def _widths(question: Question, layout: Layout) -> Iterator[tuple[str, int]]:
    """Inner widths of the MLPs that tensor parallelism splits."""
    size, experts = question.model.dimensions, question.model.experts
    if experts is None or size.dense_layers:
        yield "dense layers", size.dense_width
    if experts is None:
        return
    width = size.expert_width or 0
    # TensorRT-LLM splits these over as many GPUs as divide them (modeling_deepseekv3.py).
    if experts.shared and question.engine.name == "vllm":
        yield "shared experts", experts.shared * width
    if not layout.expert:
        yield "experts", width


def _tensor_beyond_the_node(question: Question, layout: Layout) -> str | None:
    node = question.pool.node_size
    if layout.tensor <= node:
        return None
    return (
        f"tensor: {layout.tensor} GPUs of tensor parallelism exchange results twice a layer and have to be on one "
        f"node, which has {node}; use at most {node}, and pipeline for the rest"
    )


def _blocks_do_not_divide(question: Question, layout: Layout) -> str | None:
    if question.model.experts is None:
        return None
    for name, width in _widths(question, layout):
        blocks = width // _BLOCK
        if blocks % layout.tensor:
            return (
                f"tensor: {layout.tensor} does not divide the {blocks} blocks of {_BLOCK} weights of the {name}; "
                "use 1, 2, 4, 8 or 16"
            )
    return None


def _ranks_without_experts(question: Question, layout: Layout) -> str | None:
    if layout.data == 1 or question.model.experts is not None:
        return None
    return (
        f"data: {question.model_name} has no experts, so {layout.data} data-parallel ranks are only {layout.data} "
        "replicas; set replicas instead"
    )


def _ranks_with_slices(question: Question, layout: Layout) -> str | None:
    if layout.data == 1 or layout.expert or question.model.experts is None:
        return None
    return f"data: {_SLICED}"


_SLICED = (
    "ranks that attend for themselves have experts spread over them, and expert parallelism is switched off; leave one of "
    "the two out"
)


def _ranks_of_several(question: Question, layout: Layout) -> str | None:
    engine = question.engine
    if min(layout.tensor, layout.data) == 1 or engine.parallelism.tensor_in_ranks:
        return None
    return (
        f"data: {layout.data} ranks of {layout.tensor} GPUs each are none that {engine.name} {engine.version} has: each "
        "GPU attends for itself, or all of them together; leave tensor or data out"
    )


def _engine_cannot(question: Question, layout: Layout) -> str | None:
    can = question.engine.parallelism
    sizes = (("data", layout.data, can.data_expert), ("pipeline", layout.pipeline, can.pipeline))
    for name, size, able in sizes:
        if size > 1 and not able:
            return f"{name}: {question.engine.name} {question.engine.version} cannot; leave it out"
    return None


def _experts_do_not_divide(question: Question, layout: Layout) -> str | None:
    experts, engine, group = question.model.experts, question.engine, layout.expert_parallel
    if experts is None or not layout.expert or engine.parallelism.uneven_experts:
        return None
    if experts.routed % group == 0:
        return None
    # Of GPUs on one node, or of whole nodes: other numbers are no layout.
    node = question.pool.node_size
    fitting = [size for size in range(1, node + 1) if experts.routed % size == 0]
    if group > node:
        fitting += [
            size for size in range(2 * node, experts.routed + 1, node) if experts.routed % size == 0
        ]
    name = "data" if layout.data > 1 else "tensor"
    return (
        f"{name}: {group} does not divide the {experts.routed} experts of {question.model_name}, and {engine.name} "
        f"{engine.version} starts only with as many on each GPU; use one of {', '.join(map(str, fitting))}"
    )


def _more_stages_than_layers(question: Question, layout: Layout) -> str | None:
    layers = question.model.layers
    if layout.pipeline <= layers:
        return None
    return f"pipeline: {layout.pipeline} stages are more than the {layers} layers; use at most {layers}"


def _drafts_in_a_pipeline(question: Question, layout: Layout) -> str | None:
    if layout.pipeline == 1 or not question.overrides.mtp_tokens:
        return None
    return (
        f"pipeline: {question.model_name}'s module that drafts cannot run beside {layout.pipeline} stages; set "
        "mtpTokens to 0"
    )


_CHECKS: tuple[Callable[[Question, Layout], str | None], ...] = (
    _slices_are_not_whole,  # vLLM and TensorRT-LLM refuse to start
    _tensor_beyond_the_node,  # it would run at a crawl
    _blocks_do_not_divide,  # a slice of FP8 weights has to be whole blocks
    _ranks_without_experts,  # vLLM refuses to start
    _ranks_with_slices,  # memory and pace of these are not known
    _ranks_of_several,
    _engine_cannot,
    _experts_do_not_divide,  # TensorRT-LLM refuses to start (fused_moe/interface.py), vLLM gives some GPUs one more
    _more_stages_than_layers,
    _drafts_in_a_pipeline,  # vLLM refuses to start (vllm-project/recipes issue 875), and of TensorRT-LLM it is not known
)


def legal_tensor_sizes(question: Question) -> list[int]:
    """Sizes of tensor parallelism that split heads and MLPs into whole slices and fit a node."""
    fitting = (size for size in (1, 2, 4, 8, 16) if size <= question.pool.node_size)
    return [size for size in fitting if _undivided(question, Layout(tensor=size)) is None]


def candidates(question: Question) -> Iterator[list[Layout]]:
    """Layouts to try, in groups of equally many GPUs, fewest first; CannotRunError for what is set and illegal."""
    asked = question.overrides
    if asked.tensor or asked.pipeline or asked.data:
        yield [_asked(question)]
        return
    counts = [asked.accelerators] if asked.accelerators else _counts(question)
    _check_ranks(question, counts)
    for count in counts:
        found = [
            layout
            for layout in _of(question, count)
            if refusal(question, layout) is None and _attends_as_asked(question, layout)
        ]
        if found:
            yield found
        elif asked.accelerators:
            raise CannotRunError("accelerator.count", _no_layout(question, count))


def _no_layout(question: Question, count: int) -> str:
    """Why there is none of exactly so many GPUs: of the one that is as asked, if any is."""
    tried = sorted(_of(question, count), key=lambda layout: not _attends_as_asked(question, layout))
    if not tried:
        node = question.pool.node_size
        return f"{count} GPUs are not on whole nodes of {node}; set at most {node}, or a multiple of it"
    return (refusal(question, tried[0]) or "tensor: no layout").partition(": ")[2]


def _attends_as_asked(question: Question, layout: Layout) -> bool:
    asked = question.overrides.attention_ranks
    return asked is None or asked == (layout.data > 1)


def _check_ranks(question: Question, counts: list[int]) -> None:
    """Refuse ranks that are set where there can be none."""
    if not question.overrides.attention_ranks:
        return
    if question.model.experts is None:
        raise CannotRunError(
            "attentionRanks",
            f"{question.model_name} has no experts, so ranks that attend for themselves are only replicas; leave it out "
            "and set replicas instead",
        )
    if question.overrides.expert_parallel is False:
        raise CannotRunError("attentionRanks", _SLICED)
    nodes = math.ceil(min(counts, default=0) / question.pool.node_size)
    if nodes > 1 and not question.rdma:
        raise CannotRunError(
            "attentionRanks",
            f"{_exchange(nodes)} (multiNode.rdma of the chart); leave it out",
        )
    if max(counts, default=0) == 1:
        raise CannotRunError(
            "attentionRanks",
            "a replica of 1 GPU has no ranks to attend for themselves; leave it out, or set accelerator.count higher",
        )


def _exchange(nodes: int) -> str:
    return f"ranks on {nodes} nodes exchange with experts twice a layer, which takes RDMA between them, and none is set up"


def _check_nodes(question: Question, layout: Layout) -> None:
    """Refuse sizes that are set and do not go on nodes: each has as many GPUs, and a group of tensor parallelism is on one."""
    nodes, count, node = layout.nodes, layout.accelerators, question.pool.node_size
    if count % (nodes * layout.tensor):
        sizes = {"tensor": layout.tensor, "pipeline": layout.pipeline, "data": layout.data}
        said = " x ".join(f"{name} {size}" for name, size in sizes.items() if size > 1)
        raise CannotRunError(
            next(name for name, size in sizes.items() if size > 1),
            f"{said} = {count} GPUs are {count / nodes:g} on each of {nodes} nodes of {node}, and each has to have whole "
            f"groups of {layout.tensor}; set sizes that make {node * (nodes - 1)} or {node * nodes} GPUs",
        )
    if layout.data > 1 and nodes > 1 and not question.rdma:
        raise CannotRunError(
            "data",
            f"{_exchange(nodes)} (multiNode.rdma of the chart, --rdma of a plan); leave it out",
        )


def _asked(question: Question) -> Layout:
    asked, node = question.overrides, question.pool.node_size
    tensor, pipeline, data = asked.tensor or 1, asked.pipeline or 1, asked.data or 1
    count = tensor * pipeline * data
    if asked.accelerators not in (None, count):
        raise CannotRunError(
            "accelerator.count",
            f"{asked.accelerators} is not tensor {tensor} x pipeline {pipeline} x data {data} = {count}; set one of "
            "them so that they agree, or leave the count out",
        )
    layout = Layout(
        tensor=tensor,
        pipeline=pipeline,
        data=data,
        expert=_spreads_experts(question) and tensor * data > 1,
        nodes=math.ceil(count / node),
    )
    reason = refusal(question, layout)
    if reason is not None:
        name, _, text = reason.partition(": ")
        raise CannotRunError(name, text)
    _check_nodes(question, layout)
    if not _attends_as_asked(question, layout):
        attends = (
            "each GPU attends for itself" if asked.attention_ranks else "all GPUs attend together"
        )
        raise CannotRunError(
            "attentionRanks",
            f"it is set that {attends}, and tensor {tensor} x pipeline {pipeline} x data {data} says otherwise; leave one "
            "of the two out",
        )
    return layout


def _spreads_experts(question: Question) -> bool:
    return question.model.experts is not None and question.overrides.expert_parallel is not False


def _counts(question: Question) -> list[int]:
    """Numbers of GPUs a replica may have: powers of two on a node, then whole nodes."""
    node, pool = question.pool.node_size, question.pool.count
    single = [size for size in (1, 2, 4, 8, 16) if size <= min(node, pool)]
    several = [node * nodes for nodes in (2, 3, 4, 6, 8, 9, 12, 16) if node * nodes <= pool]
    return [*single, *several]


def _of(question: Question, count: int) -> list[Layout]:
    """Layouts of exactly so many GPUs: over several nodes each has a stage of the layers, or ranks and experts.

    Stages hand on a token's state once a stage; ranks exchange it with experts twice a layer, which pays over RDMA
    alone.
    """
    node = question.pool.node_size
    nodes = math.ceil(count / node)
    if nodes > 1 and count % node:
        return []
    tensor, pipeline = (count, 1) if nodes == 1 else (node, nodes)
    expert = _spreads_experts(question) and count > 1
    found = [Layout(tensor=tensor, pipeline=pipeline, expert=expert, nodes=nodes)]
    if expert and (nodes == 1 or question.rdma):
        found.append(Layout(data=count, expert=True, nodes=nodes))
    return found
