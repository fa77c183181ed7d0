"""The CustomResourceDefinition as a whole."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from deepseek_operator.api import crd, forms, names, pod, types
from tests.unit.samples import EVERY_FIELD, check_against_kubernetes, deepseek

VERSION = crd.build_crd()["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in a schema, with its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], f"{path}[]")


def test_the_definition_is_one_that_kubernetes_knows() -> None:
    check_against_kubernetes(crd.build_crd())


def test_it_fits_where_kubectl_and_helm_keep_it() -> None:
    """kubectl apply keeps a copy in an annotation of at most 256 KiB, Helm all of a release in 1 MiB, compressed."""
    definition = json.dumps(crd.build_crd(), separators=(",", ":"))

    assert len(definition.encode()) < 256 * 1024 * 3 / 4
    assert len(gzip.compress(crd.render().encode())) < 1024 * 1024 / 20


def test_the_rendered_definition_is_the_built_one() -> None:
    assert crd.build_crd() == yaml.safe_load(crd.render())
    assert crd.render().startswith("# Generated")


def test_status_and_scale_are_subresources_of_fields_that_exist() -> None:
    scale = VERSION["subresources"]["scale"]

    assert "replicas" in SCHEMA["properties"]["spec"]["properties"]
    assert {"replicas", "selector"} <= set(SCHEMA["properties"]["status"]["properties"])
    assert scale == {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    assert VERSION["subresources"]["status"] == {}


def test_the_server_adds_nothing_to_a_status() -> None:
    """A field that it had added would differ from what is written, in every pass anew."""
    status = nodes(SCHEMA["properties"]["status"], "status")

    assert [path for path, schema in status if "default" in schema] == []


@pytest.mark.parametrize(
    "column", [pytest.param(item, id=str(item["name"])) for item in crd.PRINTER_COLUMNS]
)
def test_every_column_shows_a_field_that_exists(column: dict[str, Any]) -> None:
    parts = str(column["jsonPath"]).partition("[")[0].strip(".").split(".")
    schema = SCHEMA
    for part in parts[: 1 if parts[0] == "metadata" else None]:
        assert part in schema["properties"]
        schema = schema["properties"][part]


ANY_INTEGER = "pod.tolerations[].tolerationSeconds"
"""Kubernetes takes every one, and those below 0 as 0."""


@pytest.mark.parametrize(
    ("path", "schema"), [pytest.param(*node, id=node[0] or "root") for node in nodes(SCHEMA)]
)
def test_every_node_is_structural_bounded_and_described(path: str, schema: dict[str, Any]) -> None:
    assert "type" in schema or schema.get("x-kubernetes-int-or-string")
    assert not {"$ref", "$defs", "anyOf", "oneOf", "allOf", "title"} & set(schema)
    if schema.get("type") == "array":
        assert schema["maxItems"] > 0
        assert (
            schema.get("x-kubernetes-list-type")
            or schema["items"]["type"] == "string"
            or (path.endswith("tolerations"))
        )
    # What the operator alone writes is bounded by what is counted.
    if schema.get("type") in ("integer", "number") and not path.startswith(".status."):
        assert {"minimum", "maximum"} <= schema.keys() or path.endswith(ANY_INTEGER)
    if path.count(".") > 1 and "[]" not in path:
        assert schema["description"].endswith((".", "text")), path


@pytest.mark.parametrize("key", ["x-kubernetes-list-map-keys"])
def test_the_keys_of_every_map_list_are_required_fields_of_its_items(key: str) -> None:
    lists = [schema for _, schema in nodes(SCHEMA) if key in schema]

    assert lists
    for schema in lists:
        assert set(schema[key]) <= set(schema["items"]["required"])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            {
                "topologySpreadConstraints": [
                    {"maxSkew": 2**31, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}
                ]
            },
            id="skew",
        ),
        pytest.param({"tolerations": [{"key": "a b", "value": "c d"}]}, id="toleration"),
        pytest.param({"priorityClassName": "A"}, id="priority"),
        pytest.param({"runtimeClassName": "A"}, id="runtime"),
        pytest.param({"serviceAccountName": "A"}, id="account"),
    ],
)
def test_what_is_refused_since_a_release_is_read_of_objects_that_have_it(
    change: dict[str, Any],
) -> None:
    spec: dict[str, Any] = {"model": "m", "pod": change}

    assert [*forms.faults(SCHEMA["properties"]["spec"], spec)] != []
    assert deepseek(**spec).spec.model_dump(by_alias=True, exclude_unset=True)["pod"] == change


def test_every_rule_has_a_message_for_people() -> None:
    rules = [
        rule for _, schema in nodes(SCHEMA) for rule in schema.get("x-kubernetes-validations", [])
    ]

    assert len(rules) >= 12
    for rule in rules:
        message = rule.get("message") or rule["messageExpression"]
        assert len(message) > 20
        assert set(rule) <= {"rule", "message", "messageExpression"}


def leaves(model: BaseModel) -> Iterator[str]:
    """Names of all fields that a value sets, also those inside."""
    for name in model.model_fields_set:
        yield name
        value = getattr(model, name)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, BaseModel):
                yield from leaves(item)


def test_an_object_with_every_field_is_read_without_loss() -> None:
    spec = deepseek(**EVERY_FIELD).spec

    written = spec.model_dump(by_alias=True, exclude_unset=True)

    assert written == EVERY_FIELD
    assert set(types.DeepSeekDeploymentSpec.model_fields) == spec.model_fields_set
    assert set(pod.Pod.model_fields) <= set(leaves(spec))


def test_the_type_and_the_definition_agree_on_their_names() -> None:
    found = crd.build_crd()

    assert f"{names.PLURAL}.{names.GROUP}" == found["metadata"]["name"]
    assert deepseek().api_version == names.API_VERSION
    assert deepseek().kind == names.KIND


def test_it_is_found_by_its_short_name_and_among_all() -> None:
    assert crd.build_crd()["spec"]["names"] == {
        "kind": "DeepSeekDeployment",
        "listKind": "DeepSeekDeploymentList",
        "plural": "deepseekdeployments",
        "singular": "deepseekdeployment",
        "shortNames": ["dsd"],
        "categories": ["all"],
    }


@pytest.mark.parametrize(
    ("spec", "served"),
    [
        pytest.param({"model": "m", "source": "hf://a/b"}, "chat", id="the-object's-name"),
        pytest.param({"model": "m", "servedName": "best/chat"}, "best/chat", id="given"),
    ],
)
def test_clients_send_the_served_name_or_the_objects(spec: dict[str, Any], served: str) -> None:
    assert served == deepseek(**spec).served_name
