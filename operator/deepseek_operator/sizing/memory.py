"""What one GPU holds, in bytes: weights, cache, and what an engine needs beside them.

The worst GPU of a replica counts: the pipeline stage with most layers, the rank with most experts.
Sizes of the parts beside weights and cache were set so that they sum up to 1.5 GiB on an L4 and 5 GiB on a B200.
"""

import math
from dataclasses import dataclass

from deepseek_operator.catalog.models import Dimensions
from deepseek_operator.sizing.shape import shape_of
from deepseek_operator.sizing.terms import GIB, Setting

_CONTEXT_BYTES = 0.5 * GIB
"""CUDA context and the libraries' own workspaces."""
_GRAPH_BYTES, _GRAPH_LAYER_BYTES = 0.2 * GIB, 12 * 2**20
"""CUDA graphs: once, and a layer."""
_NCCL_BYTES = 0.3 * GIB
_ALL_TO_ALL_BYTES = 1.0 * GIB
"""vLLM 0.33's VLLM_DEEPEP_BUFFER_SIZE_MB."""
_SAMPLER_BYTES = 2 * 4
"""A token of the vocabulary: two copies of a sequence's logits in FP32."""
_FULL_BYTES = 2
"""BF16, in which embedding, head and absorbed projections stay whatever the quantisation."""
_DS_MLA_BYTES = 656
"""vLLM 0.33's fp8_ds_mla: 512 values in FP8, four scales in FP32, 64 values in BF16."""
_INDEXER_BYTES = 132
"""The indexer's key of a token: 128 values in FP8 and a scale."""


@dataclass(frozen=True, slots=True)
class Memory:
    """One GPU's memory, in bytes."""

    total: float
    budget: float
    weights: float
    activations: float
    graphs: float
    buffers: float
    sampler: float
    cache: float

    @property
    def planned(self) -> float:
        """Everything that is put there."""
        return (
            self.weights + self.activations + self.graphs + self.buffers + self.sampler + self.cache
        )


def weights_bytes(setting: Setting) -> float:
    """Weights of the GPU that holds most of them."""
    shape, scheme, layout = shape_of(setting.model), setting.scheme, setting.layout
    share = _layers(setting) / setting.model.layers
    mtp = 1 if setting.mtp_tokens else 0
    linear = (shape.always * share + mtp * shape.mtp) * scheme.linear_bytes
    full = shape.absorbed * share * _FULL_BYTES
    # With a pipeline the first stage has the embedding, the last one the head.
    tables = (2 if layout.pipeline == 1 else 1) * shape.embedding * _FULL_BYTES
    routed = (shape.routed * _routed_share(setting) + mtp * shape.mtp_routed) * scheme.expert_bytes
    return (linear + full + tables) / layout.tensor + routed * _expert_share(setting)


def checkpoint_bytes(setting: Setting) -> float:
    """The published files: what an engine loads, and the prediction module with tables of its own."""
    shape, scheme = shape_of(setting.model), setting.scheme
    linear = (shape.always + shape.mtp) * scheme.linear_bytes
    tables = (2 + 2 * bool(shape.mtp)) * shape.embedding * _FULL_BYTES
    return linear + tables + (shape.routed + shape.mtp_routed) * scheme.expert_bytes


def cache_bytes_per_token(setting: Setting) -> float:
    """KV cache of one token on one GPU."""
    size, layers = setting.model.dimensions, _layers(setting) + bool(setting.mtp_tokens)
    element = 1 if setting.cache_type == "fp8" else 2
    values = cached_values(size, tensor=setting.layout.tensor) * element
    if size.indexer is None:
        return layers * values
    return layers * (_DS_MLA_BYTES if element == 1 else values) + index_bytes_per_token(setting)


def cached_values(size: Dimensions, *, tensor: int = 1) -> float:
    """Values of a layer that a token leaves behind on one of so many GPUs that share its heads."""
    if size.latent is None:
        # A head is on one GPU at least: with more GPUs than key-value heads they are copied.
        return 2 * max(1.0, (size.kv_heads or 0) / tensor) * (size.head_width or 0)
    # The latent belongs to all heads: tensor parallelism copies it to every GPU.
    return size.latent.kv_rank + size.latent.rope_width


def index_bytes_per_token(setting: Setting) -> float:
    """Of that, the indexer's key, which every later token reads whether it attends to this one or not."""
    if setting.model.dimensions.indexer is None:
        return 0.0
    return float((_layers(setting) + bool(setting.mtp_tokens)) * _INDEXER_BYTES)


def activation_bytes(setting: Setting) -> float:
    """The largest tensors of a step in BF16: residual and projections, and the widest MLP."""
    size, experts, tokens = setting.model.dimensions, setting.model.experts, setting.batched_tokens
    residual = 4 * size.hidden * tokens
    if experts is None:
        return (residual + tokens * 3 * size.dense_width / setting.layout.tensor) * _FULL_BYTES
    widest = experts.active * (size.hidden + 3 * (size.expert_width or 0))
    gathered = gathered_tokens(setting)
    return (residual + gathered * size.hidden + expert_tokens(setting) * widest) * _FULL_BYTES


def gathered_tokens(setting: Setting) -> int:
    """Tokens of all ranks, where an engine brings them together on each GPU before it computes experts; else none."""
    if setting.engine.expert_tokens is None or setting.layout.data == 1:
        return 0
    return setting.layout.data * setting.batched_tokens


def expert_tokens(setting: Setting) -> int:
    """Tokens that a GPU's experts are given at once if all of them choose these."""
    tokens, most = setting.batched_tokens, setting.engine.expert_tokens
    if most is None:
        return tokens
    return min(most, max(tokens, gathered_tokens(setting)))


def fixed_bytes(setting: Setting) -> tuple[float, float, float]:
    """Activations, CUDA graphs, and buffers of one GPU."""
    layout = setting.layout
    each = setting.engine.graph_layer_megabytes
    layer = _GRAPH_LAYER_BYTES if each is None else each * 1e6 * setting.graphs
    graphs = _GRAPH_BYTES + layer * _layers(setting)
    buffers = _CONTEXT_BYTES
    if layout.accelerators > 1:
        buffers += _NCCL_BYTES
    if layout.expert and layout.data > 1:
        buffers += _ALL_TO_ALL_BYTES
    return activation_bytes(setting), graphs, buffers


def sequence_bytes(setting: Setting) -> float:
    """What a running sequence needs beside its cache: its logits."""
    return float(setting.model.dimensions.vocabulary * _SAMPLER_BYTES)


def free_bytes(setting: Setting) -> float:
    """What is left of one GPU for sequences; negative where not even the weights fit."""
    total = setting.accelerator.memory_gib * GIB
    taken = weights_bytes(setting) + sum(fixed_bytes(setting))
    if setting.engine.memory_of == "free":
        return (total - taken) * setting.memory_share
    return total * setting.memory_share - taken


def blocks_tokens(setting: Setting, tokens: float) -> int:
    """Tokens that a sequence occupies: whole blocks."""
    block = setting.engine.block_tokens
    return block * math.ceil(tokens / block)


@dataclass(frozen=True, slots=True)
class Room:
    """What one GPU of a setting has left for sequences, reckoned once."""

    setting: Setting
    free: float
    token: float
    """Bytes of one token of the cache."""
    sequence: float
    """Bytes of a running sequence beside its cache."""

    def concurrency(self, tokens: float) -> int:
        """Sequences of so many tokens that one rank of data parallelism holds at once."""
        cached = blocks_tokens(self.setting, tokens) * self.token
        return max(0, math.floor(self.free / (cached + self.sequence)))

    def beside(self, tokens: float) -> int:
        """Sequences that may run at most so that the cache still holds one request of so many tokens."""
        cached = blocks_tokens(self.setting, tokens) * self.token
        return max(0, math.floor((self.free - cached) / self.sequence))

    def cache_tokens(self, sequences: int) -> int:
        """Tokens of one rank's KV cache when it runs at most so many sequences."""
        left = self.free - sequences * self.sequence
        return whole_blocks(left, block=self.setting.engine.block_tokens, each=self.token)


def room_of(setting: Setting) -> Room:
    """The room of a setting."""
    free, token = free_bytes(setting), cache_bytes_per_token(setting)
    return Room(setting, free, token, sequence_bytes(setting))


def concurrency(setting: Setting, tokens: float) -> int:
    """Sequences of so many tokens that one rank of data parallelism holds at once."""
    return room_of(setting).concurrency(tokens)


def cache_tokens(setting: Setting, sequences: int) -> int:
    """Tokens of one rank's KV cache when it runs at most so many sequences."""
    return room_of(setting).cache_tokens(sequences)


def tokens_of(setting: Setting, size: float) -> int:
    """Tokens that so many bytes of one GPU hold."""
    return whole_blocks(
        size, block=setting.engine.block_tokens, each=cache_bytes_per_token(setting)
    )


def whole_blocks(size: float, *, block: int, each: float) -> int:
    """Tokens of `each` bytes in the whole blocks that so many bytes hold."""
    return max(0, block * math.floor(size / (block * each)))


def memory_of(room: Room, sequences: int) -> Memory:
    """The parts of one GPU; the cache takes what is left."""
    setting = room.setting
    activations, graphs, buffers = fixed_bytes(setting)
    total = setting.accelerator.memory_gib * GIB
    weights = weights_bytes(setting)
    budget = total * setting.memory_share
    if setting.engine.memory_of == "free":
        budget = weights + activations + graphs + buffers + max(0.0, room.free)
    return Memory(
        total=total,
        budget=budget,
        weights=weights,
        activations=activations,
        graphs=graphs,
        buffers=buffers,
        sampler=sequences * room.sequence,
        cache=room.cache_tokens(sequences) * room.token,
    )


def _layers(setting: Setting) -> int:
    """Layers of the stage that has most."""
    return math.ceil(setting.model.layers / setting.layout.pipeline)


def _routed_share(setting: Setting) -> float:
    """Part of the layers with experts in the stage that has most: those without are the first ones, all in the first stage.

    Both engines give layers that are left over to early stages, vLLM not to the last, and of more than two not to the
    first before the others (distributed/utils.py, get_pp_indices).
    """
    layers, stages = setting.model.layers, setting.layout.pipeline
    with_experts = layers - setting.model.dimensions.dense_layers
    if setting.model.experts is None or stages == 1:
        return 1.0
    later = layers // stages if stages == 2 else math.ceil(layers / stages)
    first = _layers(setting) - setting.model.dimensions.dense_layers
    return min(with_experts, max(first, later)) / with_experts


def _expert_share(setting: Setting) -> float:
    """Part of a layer's experts on the GPU that has most of them."""
    experts, layout = setting.model.experts, setting.layout
    if experts is None:
        return 0.0
    if not layout.expert:
        return 1 / layout.tensor
    return math.ceil(experts.routed / layout.expert_parallel) / experts.routed
