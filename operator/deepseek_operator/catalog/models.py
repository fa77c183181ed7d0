"""The models the operator knows by name, read from `data/models.yaml`."""

import functools
from collections.abc import Mapping
from importlib import resources
from typing import Annotated, Literal

from pydantic import Field, model_validator

from deepseek_operator.catalog import facts, reading
from deepseek_operator.catalog.benchmarks import Benchmark, Figure
from deepseek_operator.catalog.facts import Fact

FILE = "models.yaml"

Size = Annotated[int, Field(gt=0, strict=True)]
Quantization = Literal["none", "fp8", "int8", "int4-awq", "nvfp4", "w4afp8"]
"""How weights are kept; `none` is as the model is published."""

_REPOSITORY = r"^[\w.-]+/[\w.-]+$"


class Experts(Fact):
    """Experts of one mixture-of-experts layer."""

    routed: int = Field(gt=0, strict=True)
    shared: int = Field(ge=0, strict=True)
    active: int = Field(gt=0, strict=True)

    @model_validator(mode="after")
    def _a_token_has_no_more_than_there_are(self) -> "Experts":
        if self.active > self.routed:
            raise ValueError(
                f"active {self.active} is above routed {self.routed}; correct one of them"
            )
        return self


class AcceleratorNeed(Fact):
    """The smallest single-node layout that holds a model."""

    count: int = Field(gt=0, strict=True, le=16)
    memory_gib: int = Field(gt=0, strict=True, alias="memoryGiB")


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
    dense_layers: int = Field(ge=0, strict=True)
    dense_width: Size
    expert_width: Size | None = None
    vocabulary: Size
    mtp_layers: int = Field(ge=0, strict=True, default=0)
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _attention_is_of_one_kind(self) -> "Dimensions":
        grouped = self.kv_heads is not None and self.head_width is not None
        if grouped == (self.latent is not None):
            raise ValueError("set either latent, or kvHeads and headWidth")
        return self


class Checkpoint(Fact):
    """A published, quantised form of a model."""

    repository: str = Field(pattern=_REPOSITORY)
    engines: tuple[str, ...] = Field(min_length=1)
    source: str = Field(min_length=1)
    named_only: bool = Field(default=False, strict=True)
    """Whether an object has to name the form: what neither the model's nor an engine's makers publish is not fetched unasked."""


class Model(Fact):
    """One published model; sizes in parameters, tokens and bytes."""

    repository: str = Field(pattern=_REPOSITORY)
    released: str
    architecture: str
    attention: str
    experts: Experts | None = None
    parameters: int = Field(gt=0, strict=True)
    active_parameters: int = Field(gt=0, strict=True)
    layers: int = Field(gt=0, strict=True)
    dimensions: Dimensions
    context_tokens: int = Field(gt=0, strict=True)
    dtype: Literal["bf16", "fp8"]
    weights_bytes: int = Field(gt=0, strict=True)
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

    @model_validator(mode="after")
    def _layers_have_mlps_of_one_kind(self) -> "Model":
        """With experts some layers have them, and without experts none has."""
        dense, layers = self.dimensions.dense_layers, self.layers
        if self.experts is not None and dense >= layers:
            raise ValueError(
                f"dimensions.denseLayers {dense} leaves none of the {layers} layers to experts; correct denseLayers or layers"
            )
        if self.experts is None and dense != layers:
            raise ValueError(
                f"dimensions.denseLayers is {dense} of {layers} layers, and without experts it is all of them; correct "
                "denseLayers or layers"
            )
        return self

    @model_validator(mode="after")
    def _no_more_is_active_than_there_is(self) -> "Model":
        if self.active_parameters > self.parameters:
            raise ValueError(
                f"activeParameters {self.active_parameters} is above parameters {self.parameters}; correct one of them"
            )
        return self


def data(file: str) -> str:
    """Text of a file of the shipped catalog."""
    return resources.files("deepseek_operator.catalog").joinpath(f"data/{file}").read_text()


@functools.cache
def load_models() -> Mapping[str, Model]:
    """Every model of the catalog by name."""
    entries = reading.read(data(FILE), file=FILE)["models"]
    return {name: facts.check(Model, name, entry, file=FILE) for name, entry in entries.items()}
