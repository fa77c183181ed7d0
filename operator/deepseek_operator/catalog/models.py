"""The models the operator knows by name, read from `data/models.yaml`."""

import functools
from collections.abc import Mapping
from importlib import resources
from typing import Annotated, Literal

from pydantic import Field, model_validator

from deepseek_operator.catalog import facts
from deepseek_operator.catalog.benchmarks import Benchmark, Figure
from deepseek_operator.catalog.facts import Fact

FILE = "models.yaml"

Size = Annotated[int, Field(gt=0)]
Quantization = Literal["none", "fp8", "int8", "int4-awq", "nvfp4", "w4afp8"]
"""How weights are kept; `none` is as the model is published."""


class Experts(Fact):
    """Experts of one mixture-of-experts layer."""

    routed: int = Field(gt=0)
    shared: int = Field(ge=0)
    active: int = Field(gt=0)


class AcceleratorNeed(Fact):
    """The smallest single-node layout that holds a model."""

    count: int = Field(gt=0, le=16)
    memory_gib: int = Field(gt=0, alias="memoryGiB")


class Latent(Fact):
    """Multi-head latent attention (MLA): ranks and widths as config.json names them, in elements."""

    query_rank: Size
    kv_rank: Size
    rope_width: Size
    nope_width: Size
    value_width: Size


class Indexer(Fact):
    """The lightning indexer of DeepSeek Sparse Attention: which tokens a query looks at."""

    heads: Size
    width: Size
    top_tokens: Size


class Dimensions(Fact):
    """Sizes of a network, in elements; attention is either latent or has key-value heads."""

    hidden: Size
    heads: Size
    head_width: Size | None = None
    kv_heads: Size | None = None
    latent: Latent | None = None
    indexer: Indexer | None = None
    dense_layers: int = Field(ge=0)
    dense_width: Size
    expert_width: Size | None = None
    vocabulary: Size
    mtp_layers: int = Field(ge=0, default=0)
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _attention_is_of_one_kind(self) -> "Dimensions":
        grouped = self.kv_heads is not None and self.head_width is not None
        if grouped == (self.latent is not None):
            raise ValueError("set either latent, or kvHeads and headWidth")
        return self


class Checkpoint(Fact):
    """A published, quantised form of a model."""

    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    engines: tuple[str, ...] = Field(min_length=1)
    source: str = Field(min_length=1)


class Model(Fact):
    """One published model; sizes in parameters, tokens and bytes."""

    repository: str
    released: str
    architecture: str
    attention: str
    experts: Experts | None = None
    parameters: int = Field(gt=0)
    active_parameters: int = Field(gt=0)
    layers: int = Field(gt=0)
    dimensions: Dimensions
    context_tokens: int = Field(gt=0)
    dtype: Literal["bf16", "fp8"]
    weights_bytes: int = Field(gt=0)
    accelerators: AcceleratorNeed
    tokenizer: str = Field(min_length=1)
    licence: str
    reasoning_parser: str | None = None
    tokenizer_mode: str | None = None
    checkpoints: Mapping[Quantization, Checkpoint] = Field(default_factory=dict)
    benchmarks: Mapping[Benchmark, Figure] = Field(default_factory=dict)
    """Published figures; one that is left out is not known."""
    sources: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _experts_have_a_width(self) -> "Model":
        if (self.experts is None) != (self.dimensions.expert_width is None):
            raise ValueError("experts and dimensions.expertWidth belong together: set both or none")
        return self


def data(file: str) -> str:
    """Text of a file of the shipped catalog."""
    return resources.files("deepseek_operator.catalog").joinpath(f"data/{file}").read_text()


@functools.cache
def load_models() -> Mapping[str, Model]:
    """Every model of the catalog by name."""
    entries = facts.read(data(FILE), file=FILE)["models"]
    return {name: facts.check(Model, name, entry, file=FILE) for name, entry in entries.items()}


def find_model(name: str) -> Model | None:
    """The model of exactly this name, or None."""
    return load_models().get(name)


def nearest_names(name: str, *, count: int = 3) -> list[str]:
    """The catalog's names most like `name`, most alike first, however unlike they are."""
    return facts.nearest(name, load_models(), count=count)
