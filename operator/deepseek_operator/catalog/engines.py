"""Versions of engines and what each can do, read from `data/engines.yaml`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

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


class Parallelism(Fact):
    """Ways to spread one replica over GPUs."""

    pipeline: bool
    data_expert: bool
    """Data-parallel attention with the experts spread over the same GPUs."""
    nodes: bool
    """Whether one replica may span nodes."""


class EngineVersion(Fact):
    """One version of one engine."""

    name: Literal["vllm", "tensorrt-llm"]
    version: str
    minimum_compute: Capability
    unsupported: Mapping[str, Capability] = Field(default_factory=dict)
    """Architectures that need newer GPUs than the engine itself, by minimum compute capability."""
    memory_share: Share
    memory_of: Literal["all", "free"]
    """What the share is of: all of a GPU's memory, or what is free once the weights are loaded."""
    block_tokens: int = Field(gt=0, strict=True)
    largest_graph: int = Field(gt=0, strict=True)
    quantizations: Mapping[Quantization, Support]
    fp8_cache_minimum_compute: Capability
    parallelism: Parallelism
    mtp: tuple[str, ...] = ()
    """Architectures whose multi-token prediction it uses for speculative decoding."""
    sources: tuple[str, ...] = Field(min_length=1)


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
