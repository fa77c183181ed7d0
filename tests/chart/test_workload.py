"""The operator's Deployment: its security, its settings, its probes, its placement."""

import re
import tomllib
from typing import Any

import pytest
import yaml

from deepseek_operator.engines.contract import Placement
from deepseek_operator.settings import PREFIX, load_settings
from dev.paths import REPOSITORY
from tests.chart import rendering
from tests.chart.matrix import MATRIX
from tests.chart.rendering import Manifest

every_set_of_values = pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())


@every_set_of_values
def test_pods_pass_the_restricted_security_standard(values: dict[str, Any]) -> None:
    tests = [item["spec"] for item in rendering.of_kind("Pod", **values)]

    for spec in [rendering.pod_spec(**values), *tests]:
        assert spec["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert all("hostPath" not in volume for volume in spec.get("volumes", ()))


@every_set_of_values
def test_the_operator_accepts_its_environment_and_knows_all_of_it(values: dict[str, Any]) -> None:
    environment = rendering.environment(**values)
    of_the_pod = {name: "value" for name, value in environment.items() if isinstance(value, dict)}

    settings = load_settings({**environment, **of_the_pod})

    known = {PREFIX + name.upper() for name in type(settings).model_fields}
    assert environment.keys() <= known
    # Outside a cluster only; in the chart the pod's ServiceAccount is used.
    assert {"DSO_KUBECONFIG"} == known - environment.keys()


def test_the_network_between_nodes_arrives_in_the_settings() -> None:
    values = MATRIX["several nodes"]
    environment = rendering.environment(**values)

    settings = load_settings({k: v for k, v in environment.items() if isinstance(v, str)})

    given, network = values["multiNode"], settings.images.network
    assert network.rdma_resource == given["rdma"]["resource"]
    assert network.rdma_count == given["rdma"]["count"]
    assert network.host_network is given["hostNetwork"]
    assert network.variables == given["env"]
    assert network.scheduler == given["schedulerName"]
    assert network.topology == given["exclusiveTopology"]


def test_where_gateways_run_arrives_in_the_settings() -> None:
    given = MATRIX["placement of gateways"]["gateway"]
    environment = rendering.environment(gateway=given)

    placement = load_settings(
        {k: v for k, v in environment.items() if isinstance(v, str)}
    ).images.gateways

    assert placement == Placement(
        node_selector=given["nodeSelector"],
        tolerations=tuple(given["tolerations"]),
        affinity=given["affinity"],
        priority_class=given["priorityClassName"],
    )


def test_what_policies_have_to_know_arrives_in_the_settings() -> None:
    values = MATRIX["monitoring"]
    environment = {
        **rendering.environment(**values),
        "DSO_LEASE_NAMESPACE": rendering.NAMESPACE,
        "DSO_IDENTITY": "x",
    }
    off = {**environment, **rendering.environment(**MATRIX["no network policies"])}

    policies = load_settings(environment).images.policies

    assert policies is not None
    assert policies.operator_namespace == rendering.NAMESPACE
    assert policies.monitoring == ("monitoring", "other")
    assert policies.api_server_ports == (16443,)
    assert policies.dns_ports == (53, 5353)
    assert (
        load_settings({k: v for k, v in off.items() if isinstance(v, str)}).images.policies is None
    )


def test_values_arrive_in_the_settings() -> None:
    values = MATRIX["operation"]
    environment = rendering.environment(**values, watchNamespaces=["a", "b"])

    settings = load_settings({k: v for k, v in environment.items() if isinstance(v, str)})

    assert settings.watched_namespaces == ("a", "b")
    assert values["workers"] == settings.workers
    assert values["resyncSeconds"] == settings.resync_seconds
    assert values["leaseSeconds"] == settings.lease_seconds
    assert values["apiTimeoutSeconds"] == settings.api_timeout_seconds
    assert rendering.container(**values)["args"] == ["--log-level=DEBUG"]


def test_replicas_are_told_apart_by_their_pod_and_share_the_releases_lease() -> None:
    environment = rendering.environment()

    assert environment["DSO_IDENTITY"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert environment["DSO_LEASE_NAMESPACE"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}
    assert environment["DSO_LEASE_NAME"] == "deepseek-operator"


def test_probes_ask_the_port_that_the_operator_opens() -> None:
    container = rendering.container()
    [port] = container["ports"]

    assert str(port["containerPort"]) == rendering.environment()["DSO_HTTP_PORT"]
    for probe, path in (
        ("startupProbe", "/healthz"),
        ("livenessProbe", "/healthz"),
        ("readinessProbe", "/readyz"),
    ):
        assert {"path": path, "port": port["name"]} == container[probe]["httpGet"]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param({}, "ghcr.io/deepseek-operator/operator:{version}", id="default"),
        pytest.param({"tag": "dev"}, "ghcr.io/deepseek-operator/operator:dev", id="tag"),
        pytest.param(
            {"repository": "localhost:5000/op", "digest": "sha256:" + "a" * 64, "tag": "dev"},
            "localhost:5000/op@sha256:" + "a" * 64,
            id="a digest wins over a tag",
        ),
    ],
)
def test_the_image_is_named_by(image: dict[str, str], expected: str) -> None:
    version = _chart()["appVersion"]

    assert expected.format(version=version) == rendering.container(image=image)["image"]


def test_the_tests_image_is_the_one_that_engines_get_too() -> None:
    for values in ({}, MATRIX["development images"]):
        [pod] = rendering.of_kind("Pod", **values)
        told = rendering.environment(**values)["DSO_TOOLBOX_IMAGE"]

        assert told == pod["spec"]["containers"][0]["image"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({}, 1, id="two replicas"),
        pytest.param({"replicas": 1}, 0, id="one replica"),
        pytest.param({"podDisruptionBudget": {"enabled": False}}, 0, id="switched off"),
    ],
)
def test_a_disruption_budget_protects_only_what_has_a_second(
    values: dict[str, Any], expected: int
) -> None:
    assert expected == len(rendering.of_kind("PodDisruptionBudget", **values))


def test_placement_arrives_in_the_pod() -> None:
    values = MATRIX["placement"]
    spec = rendering.pod_spec(**values)

    for name in ("priorityClassName", "nodeSelector", "tolerations", "affinity"):
        assert values[name] == spec[name]
    [constraint] = spec["topologySpreadConstraints"]
    assert values["topologySpreadConstraints"][0].items() <= constraint.items()


def test_annotations_labels_and_pull_secrets_arrive() -> None:
    values = MATRIX["annotations and labels"]
    template = rendering.only("Deployment", **values)["spec"]["template"]

    assert values["podAnnotations"] == template["metadata"]["annotations"]
    assert values["podLabels"].items() <= template["metadata"]["labels"].items()
    assert values["imagePullSecrets"] == template["spec"]["imagePullSecrets"]
    account = rendering.only("ServiceAccount", **values)["metadata"]
    assert values["serviceAccount"]["annotations"] == account["annotations"]
    assert "own" == account["name"] == template["spec"]["serviceAccountName"]
    service = rendering.only("Service", **values)["metadata"]
    assert values["metrics"]["serviceAnnotations"] == service["annotations"]


def test_only_the_operators_own_pod_mounts_the_token() -> None:
    accounts = rendering.of_kind("ServiceAccount")

    assert {False} == {account["automountServiceAccountToken"] for account in accounts}
    assert rendering.pod_spec()["automountServiceAccountToken"]


def test_the_chart_has_the_version_of_the_package() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    chart = _chart()

    assert project["version"] == re.sub(r"-dev\.", ".dev", chart["version"])
    assert chart["version"] == chart["appVersion"]


def test_the_program_of_helm_test_is_python() -> None:
    [pod] = rendering.of_kind("Pod")
    python, option, program = pod["spec"]["containers"][0]["command"]

    assert (python, option) == ("python3", "-c")
    compile(program, "check_release.py", "exec")


def _chart() -> Manifest:
    chart: Manifest = yaml.safe_load((rendering.CHART / "Chart.yaml").read_text())
    return chart
