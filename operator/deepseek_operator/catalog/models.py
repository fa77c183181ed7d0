"""The models the operator knows by name, read from `data/models.yaml`."""

import difflib
import functools
from collections.abc import Mapping
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Fact(BaseModel):
    """Base of catalog entries: every field is checked, none may be misspelt."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid"
    )


class Experts(Fact):
    """Experts of one mixture-of-experts layer."""

    routed: int = Field(gt=0)
    shared: int = Field(ge=0)
    active: int = Field(gt=0)


class AcceleratorNeed(Fact):
    """The smallest single-node layout that holds a model."""

    count: int = Field(gt=0, le=16)
    memory_gib: int = Field(gt=0, alias="memoryGiB")


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
    context_tokens: int = Field(gt=0)
    dtype: str
    weights_bytes: int = Field(gt=0)
    accelerators: AcceleratorNeed
    licence: str
    reasoning_parser: str | None = None
    tokenizer_mode: str | None = None
    sources: tuple[str, ...] = Field(min_length=1)


@functools.cache
def load_models() -> Mapping[str, Model]:
    """Every model of the catalog by name."""
    text = resources.files("deepseek_operator.catalog").joinpath("data/models.yaml").read_text()
    entries = yaml.safe_load(text)["models"]
    return {name: Model.model_validate(entry) for name, entry in entries.items()}


def find_model(name: str) -> Model | None:
    """The model of exactly this name, or None."""
    return load_models().get(name)


def nearest_names(name: str, *, count: int = 3) -> list[str]:
    """The catalog's names most like `name`, most alike first, however unlike they are."""

    def likeness(known: str) -> tuple[float, str]:
        ratio = difflib.SequenceMatcher(None, name.lower(), known.lower()).ratio()
        return (-ratio, known)

    return sorted(load_models(), key=likeness)[:count]
