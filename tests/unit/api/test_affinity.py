"""The schema of pod.affinity is that of Kubernetes, field for field."""

import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest

from deepseek_operator.api.affinity_schema import AffinitySchema
from deepseek_operator.api.schema import structural_schema
from deepseek_operator.api.types import DeepSeekDeploymentSpec
from deepseek_operator.rollout.revisions import revision_key
from tests.unit.samples import KUBERNETES, deepseek

Schema = dict[str, Any]

DEFINITIONS: dict[str, Schema] = json.loads(
    (
        resources.files("kubernetes_validate")
        / f"kubernetes-json-schema/v{KUBERNETES}.0-local/_definitions.json"
    ).read_text()
)["$defs"]

OURS = structural_schema(AffinitySchema)
THEIRS: Schema = DEFINITIONS["io.k8s.api.core.v1.Affinity"]


def shape(node: Schema) -> Iterator[tuple[str, str, bool]]:
    """Path, type and need of every field below a schema."""
    node = resolved(node)
    for name, child in node.get("properties", {}).items():
        kind = resolved(child)["type"]
        yield name, kind[0] if isinstance(kind, list) else kind, name in node.get("required", ())
        for path, inner, required in shape(child):
            yield f"{name}.{path}", inner, required
    if isinstance(node.get("items"), dict):
        yield from ((f"[].{path}", kind, need) for path, kind, need in shape(node["items"]))


def resolved(node: Schema) -> Schema:
    """The schema, or what it refers to."""
    if "$ref" in node:
        return DEFINITIONS[str(node["$ref"]).rpartition("/")[2]]
    return node


def test_it_has_the_fields_of_kubernetes_and_no_other() -> None:
    ours, theirs = dict_of(OURS), dict_of(THEIRS)

    assert len(theirs) > 60
    assert ours.keys() == theirs.keys()
    for path, (kind, required) in theirs.items():
        assert ours[path] == (kind, required), path


def dict_of(node: Schema) -> dict[str, tuple[str, bool]]:
    return {path: (kind, required) for path, kind, required in shape(node)}


def test_the_definition_has_it_wherever_pods_are_described() -> None:
    spec = structural_schema(DeepSeekDeploymentSpec)["properties"]
    blocks = (spec["pod"], spec["fallback"]["items"]["properties"]["pod"])

    for block in blocks:
        assert block["properties"]["affinity"].get("properties") == OURS["properties"]


def test_an_unknown_field_has_no_place_in_it() -> None:
    def nodes(node: Schema) -> Iterator[Schema]:
        yield node
        for child in node.get("properties", {}).values():
            yield from nodes(child)
        if "items" in node:
            yield from nodes(node["items"])

    assert not any("x-kubernetes-preserve-unknown-fields" in node for node in nodes(OURS))


@pytest.mark.parametrize(
    "affinity",
    [
        {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
        {"podAffinity": {}},
        {},
    ],
)
def test_a_value_is_handed_on_as_it_was_written(affinity: Schema) -> None:
    spec = deepseek(model="m", source="pvc://m", pod={"affinity": affinity}).spec

    assert affinity == spec.pod.affinity
    assert revision_key(spec) == revision_key(deepseek(model="m", source="pvc://m").spec)
