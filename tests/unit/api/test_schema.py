"""From pydantic models to structural schemas."""

from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, ConfigDict, Field

from deepseek_operator.api.schema import (
    Schema,
    UnsupportedSchemaError,
    structural_schema,
    without_defaults,
)


class Inner(BaseModel):
    """What stands inside."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [{"rule": "a"}]})
    size: int = 0


class Everything(BaseModel):
    """One field of each form."""

    fixed: Literal["one"] = "one"
    choice: Literal["a", "b"] = "a"
    perhaps: int | None = None
    above: Annotated[int, Field(gt=3)] = 4
    below: Annotated[float, Field(lt=3)] = 1
    free: dict[str, Any] = Field(default_factory=dict)
    counts: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    inner: Inner = Field(
        default_factory=Inner,
        description="An inner one.",
        json_schema_extra={"x-kubernetes-validations": [{"rule": "b"}]},
    )
    inners: list[Inner] = Field(default=[], max_length=4)
    quantity: Annotated[
        int | str, Field(json_schema_extra={"x-kubernetes-int-or-string": True})
    ] = 0


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        pytest.param("fixed", {"default": "one", "enum": ["one"], "type": "string"}, id="constant"),
        pytest.param("choice", {"default": "a", "enum": ["a", "b"], "type": "string"}, id="choice"),
        pytest.param("perhaps", {"type": "integer"}, id="optional"),
        pytest.param(
            "above",
            {"default": 4, "minimum": 3, "exclusiveMinimum": True, "type": "integer"},
            id="exclusive-minimum-is-a-flag",
        ),
        pytest.param(
            "below",
            {"default": 1, "maximum": 3, "exclusiveMaximum": True, "type": "number"},
            id="exclusive-maximum-is-a-flag",
        ),
        pytest.param(
            "free",
            {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            id="any-object",
        ),
        pytest.param(
            "counts",
            {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}},
            id="map",
        ),
        pytest.param(
            "inner",
            {
                "type": "object",
                "description": "An inner one.",
                "properties": {"size": {"type": "integer", "default": 0}},
                "x-kubernetes-validations": [{"rule": "a"}, {"rule": "b"}],
            },
            id="reference-written-out-with-both-rules",
        ),
        pytest.param(
            "inners",
            {
                "type": "array",
                "maxItems": 4,
                "items": {
                    "type": "object",
                    "description": "What stands inside.",
                    "properties": {"size": {"type": "integer", "default": 0}},
                    "x-kubernetes-validations": [{"rule": "a"}],
                },
            },
            id="list-without-an-empty-default",
        ),
        pytest.param(
            "quantity", {"x-kubernetes-int-or-string": True, "default": 0}, id="int-or-string"
        ),
    ],
)
def test_each_form_of_field_has_its_structural_schema(name: str, schema: Schema) -> None:
    assert schema == structural_schema(Everything)["properties"][name]


class Closed(BaseModel):
    """Refuses what it does not know; the API server prunes instead."""

    model_config = ConfigDict(extra="forbid")
    size: int


def test_a_closed_model_is_an_ordinary_object() -> None:
    assert {
        "type": "object",
        "description": Closed.__doc__,
        "required": ["size"],
        "properties": {"size": {"type": "integer"}},
    } == structural_schema(Closed)


class Tree(BaseModel):
    children: list["Tree"]


class Union(BaseModel):
    either: int | str


class OptionalUnion(BaseModel):
    either: Optional[int | list[str]]  # noqa: UP045 - the form under test


class Pair(BaseModel):
    pair: tuple[int, str]


class PatternMap(BaseModel):
    named: dict[Annotated[str, Field(pattern="^a")], int]


class ShortKeys(BaseModel):
    short: dict[Annotated[str, Field(max_length=3)], int]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param(Tree, "Tree contains itself", id="recursion"),
        pytest.param(Union, "Union.either: a field has one type", id="union"),
        pytest.param(OptionalUnion, "OptionalUnion.either: a field has one type", id="optional"),
        pytest.param(Pair, "Pair.pair: (prefix|max|min)Items has no place", id="tuple"),
        pytest.param(PatternMap, "PatternMap.named: patternProperties has", id="keys-by-pattern"),
        pytest.param(ShortKeys, "ShortKeys.short: propertyNames has no place", id="keys-by-length"),
    ],
)
def test_what_has_no_structural_form_is_refused_with_its_place(
    model: type[BaseModel], message: str
) -> None:
    with pytest.raises(UnsupportedSchemaError, match=message):
        structural_schema(model)


def test_defaults_go_at_every_depth_and_fields_of_that_name_stay() -> None:
    class Inner(BaseModel):
        text: str = "none"

    class Outer(BaseModel):
        default: int = 3
        inner: Inner | None = None
        several: list[Inner] = Field(default_factory=list)
        named: dict[str, Inner] = Field(default_factory=dict)

    inner = {"type": "object", "properties": {"text": {"type": "string"}}}
    assert without_defaults(structural_schema(Outer)) == {
        "type": "object",
        "properties": {
            "default": {"type": "integer"},
            "inner": inner,
            "several": {"type": "array", "items": inner},
            "named": {"type": "object", "additionalProperties": inner},
        },
    }
