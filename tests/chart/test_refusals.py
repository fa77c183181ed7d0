"""A wrong value is refused before anything is installed, by its name."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.chart import rendering

Schema = dict[str, Any]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({"replica": 2}, "'replica' not allowed", id="misspelt value"),
        pytest.param({"image": {"tagg": "x"}}, "at '/image': additional properties 'tagg'", id="misspelt below"),
        pytest.param({"replicas": -1}, "at '/replicas': minimum", id="negative replicas"),
        pytest.param({"replicas": "2"}, "at '/replicas': got string, want integer", id="text for a number"),
        pytest.param({"replicas": 1.5}, "at '/replicas'", id="half a replica"),
        pytest.param({"watchNamespaces": "team-a"}, "at '/watchNamespaces': got string, want array", id="one namespace as text"),
        pytest.param({"watchNamespaces": ["a", "a"]}, "at '/watchNamespaces'", id="a namespace twice"),
        pytest.param({"watchNamespaces": ["Team_A"]}, "at '/watchNamespaces/0'", id="no namespace name"),
        pytest.param({"watchNamespaces": ["a,b"]}, "at '/watchNamespaces/0'", id="two namespaces in one"),
        pytest.param({"image": {"digest": "abc"}}, "at '/image/digest'", id="no digest"),
        pytest.param({"image": {"tag": 1.2}}, "at '/image/tag': got number, want string", id="a tag that YAML reads as a number"),
        pytest.param({"image": {"pullPolicy": "always"}}, "'Always', 'IfNotPresent', 'Never'", id="pull policy"),
        pytest.param({"images": {"vllm": ""}}, "at '/images/vllm'", id="no engine image"),
        pytest.param({"images": {"vllm": "a b"}}, "at '/images/vllm'", id="blank in an image"),
        pytest.param({"imageRegistry": "https://registry.example.com"}, "at '/imageRegistry'", id="a registry with a scheme"),
        pytest.param({"imageRegistry": "registry.example.com/"}, "at '/imageRegistry'", id="a registry with a slash at its end"),
        pytest.param({"multiNode": {"env": {"HF_TOKEN": "x"}}}, "at '/multiNode/env'", id="no variable of the network"),
        pytest.param({"multiNode": {"env": {"OMPI_MCA_plm_rsh_agent": "x"}}}, "at '/multiNode/env'", id="a program of Open MPI"),
        pytest.param({"multiNode": {"env": {"NCCL_DEBUG": 1}}}, "at '/multiNode/env/NCCL_DEBUG': got number, want string", id="a variable that is no text"),
        pytest.param({"multiNode": {"rdma": {"resource": "rdma"}}}, "at '/multiNode/rdma/resource'", id="no extended resource"),
        pytest.param({"multiNode": {"rdma": {"count": 0}}}, "at '/multiNode/rdma/count': minimum", id="no RDMA"),
        pytest.param({"catalog": {"entries": {"acelerators": {}}}}, "at '/catalog/entries': additional properties 'acelerators'", id="misspelt section"),
        pytest.param({"catalog": {"entries": {"models": []}}}, "at '/catalog/entries/models': got array, want object", id="models as a list"),
        pytest.param({"catalog": {"entries": {"accelerators": {"H200": 2.9}}}}, "at '/catalog/entries/accelerators/H200': got number, want object", id="a price for an entry"),
        pytest.param({"catalog": {"configMap": "Ours"}}, "at '/catalog/configMap'", id="no name of a ConfigMap"),
        pytest.param({"catalog": {"configMap": "ours", "entries": {"models": {"a": {}}}}}, "catalog.configMap names a ConfigMap of yours, and catalog.entries asks for one of the chart's", id="two catalogs"),
        pytest.param({"imagePullSecrets": ["registry"]}, "at '/imagePullSecrets/0': got string, want object", id="pull secret as text"),
        pytest.param({"logLevel": "TRACE"}, "'DEBUG', 'INFO', 'WARNING', 'ERROR'", id="log level"),
        pytest.param({"workers": 65}, "at '/workers': maximum", id="too many workers"),
        pytest.param({"leaseSeconds": 1}, "at '/leaseSeconds': minimum", id="lease too short"),
        pytest.param({"apiTimeoutSeconds": 0}, "at '/apiTimeoutSeconds'", id="no time to answer"),
        pytest.param({"resyncSeconds": "10m"}, "at '/resyncSeconds': got string, want number", id="duration as text"),
        pytest.param({"podLabels": {"app.kubernetes.io/name": "x"}}, "/podLabels/app.kubernetes.io~1name", id="a label of the chart's"),
        pytest.param({"podAnnotations": {"a": True}}, "at '/podAnnotations/a': got boolean, want string", id="annotation that is no text"),
        pytest.param({"nodeSelector": {"a": 1}}, "at '/nodeSelector/a': got number, want string", id="selector that is no text"),
        pytest.param({"tolerations": [{"effect": "Never"}]}, "at '/tolerations/0/effect'", id="toleration"),
        pytest.param({"gateway": {"tolerations": [{"effect": "Never"}]}}, "at '/gateway/tolerations/0/effect'", id="toleration of gateways"),
        pytest.param({"gateway": {"nodeSelector": {"a": 1}}}, "at '/gateway/nodeSelector/a': got number, want string", id="selector of gateways that is no text"),
        pytest.param({"affinity": {"nodeAfinity": {}}}, "'nodeAfinity' not allowed", id="misspelt affinity"),
        pytest.param({"topologySpreadConstraints": [{"maxSkew": 1}]}, "missing properties 'topologyKey', 'whenUnsatisfiable'", id="half a constraint"),
        pytest.param({"resources": {"request": {}}}, "'request' not allowed", id="misspelt resources"),
        pytest.param({"fullnameOverride": "f" * 51}, "at '/fullnameOverride'", id="name too long"),
        pytest.param({"serviceAccount": {"create": False}}, "serviceAccount.name is needed", id="no account"),
        pytest.param({"monitoring": {"serviceMonitor": {"create": True}}}, "'Auto', 'Always', 'Never'", id="a yes for a word"),
        pytest.param({"monitoring": {"podMonitors": {"create": "Always"}}}, "'Auto', 'Never'", id="more than the operator can"),
        pytest.param({"monitoring": {"prometheusRule": {"runbookBaseUrl": "wiki"}}}, "at '/monitoring/prometheusRule/runbookBaseUrl'", id="no address"),
        pytest.param({"monitoring": {"dashboards": {"labels": {"a": 1}}}}, "got number, want string", id="label that is no text"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_by_name(values: dict[str, Any], said: str) -> None:
    assert said in rendering.refusal(**values)


def test_every_value_has_a_description_and_every_object_is_closed() -> None:
    for path, node in _nodes("", _schema()):
        assert path == "" or node.get("description"), path
        if node.get("type") == "object" and path.removeprefix("/") not in _OPEN:
            assert "additionalProperties" in node, path


def test_every_value_of_the_schema_has_a_default_and_no_other() -> None:
    defaults = yaml.safe_load((rendering.CHART / "values.yaml").read_text())

    assert sorted(_paths(_schema())) == sorted(_keys(defaults))


_OPEN = {
    # Helm's own, of any content.
    "global",
    # The API server checks these; their schema is longer than this chart.
    "affinity/nodeAffinity",
    "affinity/podAffinity",
    "affinity/podAntiAffinity",
    "gateway/affinity/nodeAffinity",
    "gateway/affinity/podAffinity",
    "gateway/affinity/podAntiAffinity",
}


def _schema() -> Schema:
    text = (rendering.CHART / "values.schema.json").read_text()
    schema: Schema = json.loads(text)
    return schema


def _nodes(path: str, node: Schema) -> Iterator[tuple[str, Schema]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from _nodes(f"{path}/{name}", child)
    for child in node.get("items", {}).get("properties", {}).values():
        assert child["description"], path


def _paths(schema: Schema) -> set[str]:
    """Values of the schema, two levels deep: below are the shapes of Kubernetes."""
    return {
        f"{name}.{below}" if below else name
        for name, node in schema["properties"].items()
        if name != "global"
        for below in (_own(name, node) or [""])
    }


def _keys(defaults: dict[str, Any]) -> set[str]:
    return {
        f"{name}.{below}" if below else name
        for name, value in defaults.items()
        for below in (list(value) if _is_group(name, value) else [""])
    }


def _own(name: str, node: Schema) -> list[str]:
    return [] if name == "affinity" else list(node.get("properties", {}))


def _is_group(name: str, value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and name != "affinity"
