"""How fast a replica is, by the slowest of what its GPUs do: seconds a step, a prompt, a request.

A step of decode reads the weights that its tokens touch and the cache they attend to, computes, and exchanges results
with the other GPUs. A prompt computes. Both share the same GPUs, so a request costs its part of both.
"""

import math
from dataclasses import dataclass

from deepseek_operator.catalog.accelerators import Accelerator
from deepseek_operator.sizing import memory
from deepseek_operator.sizing.shape import Shape, shape_of
from deepseek_operator.sizing.terms import Setting, Workload

BANDWIDTH_USED = 0.75
"""Part of the memory's peak bandwidth that decode reaches."""
FLOPS_USED = 0.45
"""Part of the matrix units' peak that long prompts reach."""
LINK_USED = 0.6
"""Part of the interconnect's peak that collectives reach."""
STEP_SECONDS = 0.003
"""Scheduling, sampling and launching of one step."""
_NVLINK_SECONDS, _PCIE_SECONDS, _NETWORK_SECONDS = 8e-6, 30e-6, 40e-6
"""Latency of one collective."""
MTP_ACCEPTED = 0.8
"""Part of first drafted tokens that are kept (DeepSeek-V3: 85-90 %; vLLM's blog of 2026-02-13: above 80 %)."""


@dataclass(frozen=True, slots=True)
class Costs:
    """One replica's unit costs; bytes and seconds of one GPU, or of one rank's tokens."""

    setting: Setting
    fixed_seconds: float
    """Reading what every token touches, once a step, and the step's own."""
    experts_seconds: float
    """Reading all experts of a GPU."""
    token_seconds: float
    """Computing one token and exchanging its state, attention left out."""
    context_seconds: float
    """Computing a new token's attention to one token of the cache."""
    prompt_seconds: float
    """Computing a prompt token's attention to another of the prompt."""
    cache_seconds: float
    """Reading one token of the cache that is attended to."""
    index_seconds: float
    """Scoring one token of the cache to choose what is attended to; nothing without an indexer."""
    index_cache_seconds: float
    """Reading what is scored."""
    untouched: float
    """Part of the experts that one token does not touch."""
    step_tokens: float
    """Tokens that a sequence gains in one step."""


@dataclass(frozen=True, slots=True)
class Pace:
    """One replica under full load at some concurrency."""

    sequences: int
    """Of the whole replica."""
    requests_per_second: float
    time_per_output_token: float
    time_to_first_token: float


def costs_of(setting: Setting) -> Costs:
    """The unit costs of a replica."""
    shape, layout, accelerator = shape_of(setting.model), setting.layout, setting.accelerator
    bandwidth = accelerator.gigabytes_per_second * 1e9 * BANDWIDTH_USED
    experts = setting.model.experts
    routed = shape.routed * setting.scheme.expert_bytes
    # A rank holds 1/EP of the experts, or a slice of each; the pipeline's stages are read one after another.
    held = layout.expert_parallel if layout.expert else layout.tensor
    index = memory.index_bytes_per_token(setting)
    attention = 1 / layout.tensor / accelerator.flops("bf16") / FLOPS_USED
    always = shape.always * setting.scheme.linear_bytes + 2 * shape.embedding
    return Costs(
        setting=setting,
        fixed_seconds=always / layout.tensor / bandwidth + _step_seconds(setting),
        experts_seconds=routed / held / bandwidth,
        token_seconds=token_seconds(setting),
        context_seconds=_attention_flops(setting, absorbed=True) * attention * filled_up(setting),
        prompt_seconds=_attention_flops(setting, absorbed=False) * attention,
        cache_seconds=(memory.cache_bytes_per_token(setting) - index) * layout.pipeline / bandwidth,
        # The indexer is not split: every GPU scores for all of its heads (vLLM 0.32, models/deepseek_v2.py).
        index_seconds=_index_flops(setting) / accelerator.flops("fp8") / FLOPS_USED,
        index_cache_seconds=index * layout.pipeline / bandwidth,
        untouched=1 - experts.active / experts.routed if experts else 1.0,
        step_tokens=tokens_a_step(setting),
    )


def decode_step(costs: Costs, sequences: float, context: float) -> float:
    """Seconds of one step of a rank with so many sequences that attend to `context` tokens each."""
    setting = costs.setting
    drafted = 1 + setting.mtp_tokens
    # Of a pipeline each stage computes its part of the sequences, and a token passes all stages.
    stage = max(min(1.0, sequences), sequences / setting.layout.pipeline)
    tokens = stage * drafted
    group = tokens * setting.layout.data
    touched = 1 - math.pow(costs.untouched, group)
    read = costs.fixed_seconds + costs.experts_seconds * touched
    attended = _attended(setting, context)
    cache = attended * costs.cache_seconds + context * costs.index_cache_seconds
    attention = attended * costs.context_seconds + context * costs.index_seconds
    computed = read + stage * cache + tokens * (costs.token_seconds + attention)
    return setting.decode_times * computed


def prefill_seconds(costs: Costs, tokens: float) -> float:
    """Seconds in which one rank computes a prompt of so many tokens that nobody has asked before."""
    attended = _attended(costs.setting, tokens / 2)
    attention = attended * costs.prompt_seconds + tokens / 2 * costs.index_seconds
    return tokens * (costs.token_seconds + attention)


def filled_up(setting: Setting) -> float:
    """How many times the heads of a GPU sparse attention computes: its kernels are made for whole numbers of them."""
    whole = setting.engine.sparse_heads
    if whole is None or setting.model.dimensions.indexer is None:
        return 1.0
    heads = setting.model.dimensions.heads / setting.layout.tensor
    return whole * math.ceil(heads / whole) / heads


def tokens_a_step(setting: Setting) -> float:
    """Tokens that a sequence gains in one step: more than one when drafts are kept."""
    return float(sum(MTP_ACCEPTED**drafted for drafted in range(1 + setting.mtp_tokens)))


def pace(costs: Costs, workload: Workload, sequences: int) -> Pace:
    """The replica's pace with `sequences` on each rank all the time."""
    setting = costs.setting
    layout = setting.layout
    step = decode_step(costs, sequences, workload.context) / costs.step_tokens
    everywhere = sequences * layout.data
    prompt = prefill_seconds(costs, workload.input_tokens)
    # Ranks and stages compute prompts side by side: a replica's time for one is so much less.
    prompt_share = prompt / (layout.data * layout.pipeline)
    rate = 1 / (workload.output_tokens * step / everywhere + prompt_share)
    # It waits for prompts of the others: its own is what it waits for anyway.
    busy = rate * prompt_share * (sequences - 1) / sequences
    return Pace(
        sequences=everywhere,
        requests_per_second=rate,
        time_per_output_token=step / (1 - busy),
        time_to_first_token=step + prompt / (1 - busy),
    )


def token_seconds(setting: Setting) -> float:
    """Computing and exchanging one token; over several nodes engines may do both at once, in two half batches."""
    compute = _compute_seconds(setting, shape_of(setting.model))
    exchange = _exchange_seconds(setting)
    layout = setting.layout
    if setting.overlapped and layout.expert and layout.data > 1 and layout.nodes > 1:
        return max(compute, exchange)
    return compute + exchange


def _compute_seconds(setting: Setting, shape: Shape) -> float:
    """Matrix products of one token on a rank's GPUs."""
    scheme, accelerator = setting.scheme, setting.accelerator
    experts = setting.model.experts
    active = shape.routed * experts.active / experts.routed if experts else 0.0
    linear = 2 * shape.always / accelerator.flops(scheme.linear_format)
    head = 2 * shape.embedding / accelerator.flops("bf16")
    spread = 2 * active / accelerator.flops(scheme.expert_format)
    return (linear + head + spread) / setting.layout.tensor / FLOPS_USED


def _attention_flops(setting: Setting, *, absorbed: bool) -> float:
    """Operations of one token's attention to one other, of all layers: scores and weighted sum.

    Latent attention has two forms of the same: over the cached latent itself, as decode does to read less
    (absorbed), and over keys and values made from it, as prompts do to compute less.
    """
    size, latent = setting.model.dimensions, setting.model.dimensions.latent
    if latent is None:
        width = 2 * (size.head_width or 0)
    elif absorbed:
        width = 2 * latent.kv_rank + latent.rope_width
    else:
        width = latent.nope_width + latent.rope_width + latent.value_width
    return 2.0 * setting.model.layers * size.heads * width


def _index_flops(setting: Setting) -> float:
    """Operations of scoring one token for another, of all layers."""
    indexer = setting.model.dimensions.indexer
    return 0.0 if indexer is None else 2.0 * setting.model.layers * indexer.heads * indexer.width


def _attended(setting: Setting, context: float) -> float:
    """Tokens that attention computes on: all, or those that the indexer has chosen."""
    indexer = setting.model.dimensions.indexer
    return context if indexer is None else min(context, indexer.top_tokens)


def _step_seconds(setting: Setting) -> float:
    """What a step costs however few tokens it has: launching, and the latency of every exchange."""
    layout, layers = setting.layout, setting.model.layers
    found = STEP_SECONDS
    if layout.tensor > 1:
        found += 2 * layers * _latency(setting.accelerator)
    if layout.expert and layout.data > 1:
        far = layout.nodes > 1
        found += 2 * layers * (_NETWORK_SECONDS if far else _latency(setting.accelerator))
    return found + (layout.pipeline - 1) * _NETWORK_SECONDS


def _exchange_seconds(setting: Setting) -> float:
    """Moving one token's state: all-reduces of tensor parallelism, or to its experts and back."""
    layout, accelerator, size = setting.layout, setting.accelerator, setting.model.dimensions
    near = accelerator.interconnect.gigabytes_per_second * 1e9 * LINK_USED
    layers, experts = setting.model.layers, setting.model.experts
    # Twice a layer, in BF16, of which a ring moves 2 (n - 1) / n.
    reduced = 2 * layers * size.hidden * 2 * 2 * (layout.tensor - 1) / layout.tensor
    found = reduced / near
    if experts and layout.expert and layout.data > 1:
        # One byte an element to the experts, two back; to GPUs of its node once an expert.
        state = (layers - size.dense_layers) * size.hidden * (1 + 2)
        found += state * experts.active * (1 - 1 / layout.expert_parallel) / near
        # To other nodes once a node, and its router chooses experts of at most four.
        far = accelerator.network_gigabytes_per_second * 1e9 * LINK_USED
        found += state * min(_NODES_OF_TOKEN, layout.nodes) * (1 - 1 / layout.nodes) / far
    return found


_NODES_OF_TOKEN = 4
"""DeepSeek-V3's node-limited routing (arXiv:2412.19437, section 2.1.2)."""


def _latency(accelerator: Accelerator) -> float:
    return _NVLINK_SECONDS if accelerator.interconnect.kind == "NVLink" else _PCIE_SECONDS
