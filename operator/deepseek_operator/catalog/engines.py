"""Versions of engines and what each can do, read from `data/engines.yaml`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator

from deepseek_operator.catalog.facts import Fact
from deepseek_operator.catalog.models import Quantization

FILE = "engines.yaml"

Share = Annotated[float, Field(gt=0, lt=1, strict=True)]
Capability = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]


class Support(Fact):
    """How an engine runs a quantisation: on which GPUs, and from what."""

    minimum_compute: Capability
    online: str | None = None
    """Value of the engine's flag that quantises a BF16 checkpoint while it loads; None: it cannot."""
    computes_in: Literal["bf16", "int8", "fp8", "fp4"]
    online_computes_in: Literal["bf16", "int8", "fp8", "fp4"] | None = None
    below_compute: Capability | None = None
    """GPUs from this compute capability on do not run it; None: all newer ones do."""
    checkpoints_below_compute: Capability | None = None
    """The same of published checkpoints alone: what the engine makes while it loads still runs."""
    expert_backends: Mapping[Capability, str] = Field(default_factory=dict)
    """Who computes experts in this form, by the least compute capability; none: the engine is not told."""

    def expert_backend(self, compute: float) -> str | None:
        """The one for a GPU."""
        fit = [least for least in self.expert_backends if least <= compute]
        return self.expert_backends[max(fit)] if fit else None


class Parallelism(Fact):
    """Ways to spread one replica over GPUs."""

    pipeline: bool
    data_expert: bool
    """Data-parallel attention with the experts spread over the same GPUs."""
    tensor_in_ranks: bool
    """Whether a rank of data-parallel attention may itself be on several GPUs."""
    uneven_experts: bool = True
    """Whether experts may be spread over GPUs that do not divide them, some of which then have one more."""


class EngineVersion(Fact):
    """One version of one engine."""

    name: Literal["vllm", "tensorrt-llm"]
    version: str
    minimum_compute: Capability
    unsupported: Mapping[str, Capability] = Field(default_factory=dict)
    """Architectures that need newer GPUs than the engine itself, by minimum compute capability."""
    unsupported_from: Mapping[str, Capability] = Field(default_factory=dict)
    """Architectures that are not known to run on the newest GPUs, by the first compute capability of these."""
    memory_share: Share
    memory_of: Literal["all", "free"]
    """What the share is of: all of a GPU's memory, or what is free once the weights are loaded."""
    expert_memory_share: Share | None = None
    """The same for models with experts; None: no other."""
    block_tokens: int = Field(gt=0, strict=True)
    chunks_of_blocks: bool = False
    """Whether the tokens of a step have to be whole blocks for latent attention."""
    largest_graph: int = Field(gt=0, strict=True)
    graph_layer_megabytes: Annotated[float, Field(gt=0, strict=True)] | None = None
    """Memory of one CUDA graph, a layer; None: all graphs share what `sizing/memory.py` has for them."""
    expert_tokens: int | None = Field(gt=0, strict=True, default=None)
    """Tokens of all ranks that a GPU's experts may be given at once; None: no more than those of one rank."""
    quantizations: Mapping[Quantization, Support]
    fp8_cache_minimum_compute: Capability
    fp8_sparse_cache: bool = False
    """Whether the cache of sparse attention is kept in FP8 where the hardware can."""
    sparse_heads: int | None = Field(gt=0, strict=True, default=None)
    """Heads of a GPU that decode with sparse attention is computed for, or a multiple: fewer are filled up; None: not known."""
    parallelism: Parallelism
    mtp: tuple[str, ...] = ()
    """Architectures whose multi-token prediction it uses for speculative decoding."""
    sources: tuple[str, ...] = Field(min_length=1)

    @field_validator("quantizations")
    @classmethod
    def _loads_what_models_are_published_in(
        cls, given: Mapping[Quantization, Support]
    ) -> Mapping[Quantization, Support]:
        """BF16 and FP8; and what is left beside experts in 4 bits is FP8 too."""
        missing = [name for name in ("none", "fp8") if name not in given]
        if missing:
            raise ValueError(
                f"{' and '.join(missing)} missing, in which models are published; add them"
            )
        return given

    @property
    def converts(self) -> bool:
        """Whether it makes another form of weights while it loads: else a form that is asked for is the source's own."""
        return any(support.online is not None for support in self.quantizations.values())


def newest(name: str, known: Mapping[str, EngineVersion]) -> EngineVersion | None:
    """The newest known version of an engine."""
    found = [entry for entry in known.values() if entry.name == name]
    return max(found, key=lambda entry: _numbers(entry.version), default=None)


def shared_version(known: Mapping[str, EngineVersion]) -> tuple[str, str, str] | None:
    """A version of an engine that two entries are of, and these: it is not known then which is taken."""
    owners: dict[str, str] = {}
    for name, entry in known.items():
        version = f"{entry.name} {entry.version}"
        owner = owners.setdefault(version, name)
        if owner != name:
            return version, owner, name
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
