"""What is sized, and what comes out: plain frozen values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from deepseek_operator.catalog.accelerators import Accelerator, Format
from deepseek_operator.catalog.engines import EngineVersion
from deepseek_operator.catalog.models import Model
from deepseek_operator.sizing import graphs

GIB = 2**30

TARGET_UTILIZATION = 0.75
"""Part of what replicas can do that is planned with: the rest is for peaks and for a replica that is away."""


def replicas_for(rate: float, each: float) -> int:
    """How many replicas so many requests a second need of which each does so many."""
    return max(1, math.ceil(rate / (each * TARGET_UTILIZATION)))


CacheType = Literal["bf16", "fp8"]
"""Number format of the KV cache."""


class CannotRunError(Exception):
    """What is asked for cannot run; the text names the field, the arithmetic and the remedy."""

    def __init__(self, name: str, message: str) -> None:
        self.field = name
        self.message = message
        super().__init__(f"{name}: {message}")


class OtherProductError(CannotRunError):
    """What no replica on this product can be, whatever else is set."""

    def naming(self, others: str) -> "OtherProductError":
        """The same, with products that can be."""
        return OtherProductError(self.field, f"{self.message}; {others}")


class TooManySequencesError(CannotRunError):
    """More sequences at once than leave room for one request."""

    def naming(self, most: int | None) -> "TooManySequencesError":
        """The same, with how many do."""
        remedy = "leave it out" if most is None else f"set at most {most}"
        return TooManySequencesError(self.field, f"{self.message}; {remedy}")


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests as they are expected; tokens a request, seconds."""

    input_tokens: int = 1024
    output_tokens: int = 256
    requests_per_second: float | None = None
    time_to_first_token: float | None = None
    time_per_output_token: float | None = None

    @property
    def tokens(self) -> int:
        """Tokens of a request when it ends."""
        return self.input_tokens + self.output_tokens

    @property
    def context(self) -> float:
        """Tokens that a step of decode attends to, on average over an answer."""
        return self.input_tokens + self.output_tokens / 2


ASSUMED = Workload(time_per_output_token=0.1)
"""Where nothing is said: a chat's question and answer, and ten tokens a second, which is faster than people read."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a person sets instead of what would be derived; None is derived."""

    quantization: str = "auto"
    accelerators: int | None = None
    tensor: int | None = None
    pipeline: int | None = None
    data: int | None = None
    context_tokens: int | None = None
    max_sequences: int | None = None
    max_batched_tokens: int | None = None
    memory_share: float | None = None
    cache_type: CacheType | None = None
    mtp_tokens: int | None = None
    attention_ranks: bool | None = None
    """Whether each GPU attends for requests of its own."""
    expert_parallel: bool | None = None
    """Whether whole experts are spread over GPUs, instead of a slice of each."""
    graph_sizes: tuple[int, ...] | None = None
    """Batches to capture CUDA graphs of."""
    chunked_prefill: bool | None = None
    """Whether prompts are computed in parts."""
    prefix_caching: bool | None = None
    overlapped: bool = False
    """Whether ranks compute one half of a batch while the other is exchanged."""
    expert_backend: str | None = None
    """Who computes the experts, by the engine's own name."""
    decode_times: float | None = None
    """How many times as long as computed a step of decode takes, as it was measured."""
    own_source: bool = False
    """Whether the weights are the user's: then no other checkpoint may be taken in their place."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Accelerators of one product that may be used, in nodes of equal size."""

    product: str
    accelerator: Accelerator
    count: int
    node_size: int

    def __str__(self) -> str:
        """As people write it: 16xH200:8."""
        return f"{self.count}x{self.product}:{self.node_size}"

    @property
    def node_sizes(self) -> tuple[int, ...]:
        """Accelerators of each node, the largest first."""
        nodes, rest = divmod(self.count, self.node_size)
        return (self.node_size,) * nodes + ((rest,) if rest else ())

    def replicas(self, layout: "Layout") -> int:
        """How many replicas fit, each in as many pods as it has nodes; pods share a node."""
        places = sum(size // layout.accelerators_each for size in self.node_sizes)
        return places // layout.nodes


@dataclass(frozen=True, slots=True)
class Question:
    """One serving block and where it is to run."""

    model_name: str
    model: Model
    engine: EngineVersion
    pool: Pool
    workload: Workload = ASSUMED
    overrides: Overrides = field(default_factory=Overrides)
    products: Mapping[str, Accelerator] = field(default_factory=dict)
    """Other accelerators, which a refusal may name."""
    rdma: bool = False
    """Whether GPUs of different nodes exchange by RDMA, at the rate that the catalog has for the product."""

    @property
    def memory_share(self) -> float:
        """What is set, or what goes with the model."""
        engine, asked = self.engine, self.overrides.memory_share
        experts = engine.expert_memory_share if self.model.experts is not None else None
        return asked or experts or engine.memory_share

    @property
    def whole_prompts(self) -> int:
        """Tokens of the longest prompt that one step has to compute; 0 where prompts are computed in parts."""
        asked = self.overrides
        if asked.chunked_prefill in (None, True):
            return 0
        return max(asked.context_tokens or 0, self.workload.tokens)

    @property
    def graph_sizes(self) -> tuple[int, ...] | None:
        """Batches that are captured, of an engine that is told them: what is set, or as many as there may be."""
        if self.engine.graph_layer_megabytes is None:
            return None
        return self.overrides.graph_sizes or graphs.sizes(self.engine.largest_graph)


@dataclass(frozen=True, slots=True)
class Scheme:
    """How weights are kept, in bytes a parameter, and in what they are computed with."""

    name: str
    expert_bytes: float
    linear_bytes: float
    expert_format: Format
    linear_format: Format
    flag: str | None = None
    """Value of the engine's quantisation flag; None: the checkpoint says it."""
    checkpoint: str | None = None
    """Repository of the quantised checkpoint, where it is not the model's own."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """How one replica is spread: GPUs = tensor x pipeline x data."""

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    expert: bool = False
    """Whether whole experts are spread over tensor x data GPUs, instead of a slice of each."""
    nodes: int = 1

    @property
    def accelerators(self) -> int:
        """GPUs of one replica."""
        return self.tensor * self.pipeline * self.data

    @property
    def accelerators_each(self) -> int:
        """GPUs of one of its nodes."""
        return self.accelerators // self.nodes

    @property
    def expert_parallel(self) -> int:
        """Over how many GPUs a layer's experts are spread."""
        return self.tensor * self.data

    def __str__(self) -> str:
        """As people write it: TP8, TP8 x PP2, DP8 with EP8."""
        parts = [("TP", self.tensor), ("PP", self.pipeline), ("DP", self.data)]
        text = " x ".join(f"{name}{size}" for name, size in parts if size > 1) or "1 GPU"
        is_spread = self.expert and self.expert_parallel > 1
        return f"{text} with EP{self.expert_parallel}" if is_spread else text


@dataclass(frozen=True, slots=True)
class Setting:
    """One replica with everything decided that memory and speed depend on."""

    model: Model
    accelerator: Accelerator
    engine: EngineVersion
    scheme: Scheme
    layout: Layout
    cache_type: CacheType
    memory_share: float
    batched_tokens: int
    mtp_tokens: int = 0
    graphs: int = 0
    """CUDA graphs that memory is kept for, of an engine of which each needs some of its own."""
    decode_times: float = 1.0
    """How many times as long as computed a step of decode takes: what was measured of it, if anything was."""
    overlapped: bool = False
    """Whether ranks on several nodes compute one half of a batch while the other is exchanged."""


def gib(size: float) -> str:
    """Bytes as people read them."""
    return f"{size / GIB:.1f} GiB"
