"""Releases on a real API server: what is installed, what an upgrade changes, what uninstalling keeps."""

import asyncio
import json
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deepseek_operator.build.children import SERVICE_PORT
from deepseek_operator.kube.client import Kube
from dev import kubectl as clients
from dev import prometheus_operator, steps
from dev.cluster.control_plane import ControlPlane
from tests.chart import rendering
from tests.chart.matrix import MATRIX
from tests.cluster import releases
from tests.cluster.definitions import known
from tests.cluster.objects import (
    CRD,
    JSON_MERGE,
    NAMESPACE,
    Cluster,
    Manifest,
    Refused,
    deepseek,
    wait_until,
)
from tests.cluster.passes import settle
from tests.cluster.pod_monitors import MONITORS

DEFINITION = f"{CRD}/deepseekdeployments.serving.deepseek.dev"
RELEASE_NAMESPACE = rendering.NAMESPACE
ACCOUNTS = f"{NAMESPACE}/{RELEASE_NAMESPACE}/serviceaccounts"
RESTRICTED = "restricted"
PATHS = {
    "ClusterRole": "apis/rbac.authorization.k8s.io/v1/{}clusterroles",
    "ClusterRoleBinding": "apis/rbac.authorization.k8s.io/v1/{}clusterrolebindings",
    "CustomResourceDefinition": "apis/apiextensions.k8s.io/v1/{}customresourcedefinitions",
    "ConfigMap": "api/v1/{}configmaps",
    "Deployment": "apis/apps/v1/{}deployments",
    "NetworkPolicy": "apis/networking.k8s.io/v1/{}networkpolicies",
    "Pod": "api/v1/{}pods",
    "PodDisruptionBudget": "apis/policy/v1/{}poddisruptionbudgets",
    "PrometheusRule": "apis/monitoring.coreos.com/v1/{}prometheusrules",
    "Role": "apis/rbac.authorization.k8s.io/v1/{}roles",
    "RoleBinding": "apis/rbac.authorization.k8s.io/v1/{}rolebindings",
    "Service": "api/v1/{}services",
    "ServiceAccount": "api/v1/{}serviceaccounts",
    "ServiceMonitor": "apis/monitoring.coreos.com/v1/{}servicemonitors",
    "ValidatingAdmissionPolicy": "apis/admissionregistration.k8s.io/v1/{}validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "apis/admissionregistration.k8s.io/v1/{}validatingadmissionpolicybindings",
}


@pytest.fixture(scope="module")
def control_plane() -> Iterator[ControlPlane]:
    """One without the CRD: here the chart brings it."""
    with ControlPlane.temporary() as plane:
        yield plane


@pytest.fixture(scope="module")
def release(control_plane: ControlPlane) -> str:
    """The output of installing the chart; every test leaves the release as it was."""
    return releases.apply_release(control_plane, RELEASE_NAMESPACE)


async def test_every_set_of_values_is_taken_by_the_api_server(cluster: Cluster) -> None:
    served = MONITORS.format(cluster.namespace)
    files = prometheus_operator.definitions()
    async with known(cluster, files, served=served, what="Prometheus Operator"):
        for values in MATRIX.values():
            made = rendering.render(release="dry", **values)
            for namespace in {one["metadata"].get("namespace", RELEASE_NAMESPACE) for one in made}:
                await _ensure_namespace(cluster, namespace)
            for manifest in made:
                if manifest["kind"] == "Pod":
                    account = {"metadata": {"name": manifest["spec"]["serviceAccountName"]}}
                    await _create(cluster, ACCOUNTS, account)
                await _dry_run(cluster, manifest)


async def test_pods_are_admitted_where_the_restricted_standard_is_enforced(
    cluster: Cluster,
) -> None:
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    await _create(cluster, NAMESPACE, {"metadata": {"name": RESTRICTED, "labels": label}})
    template = rendering.only("Deployment")["spec"]["template"]
    [test] = rendering.of_kind("Pod")

    for name, spec in (("operator", template["spec"]), ("test", test["spec"])):
        account = {"metadata": {"name": spec["serviceAccountName"]}}
        await _create(cluster, f"{NAMESPACE}/{RESTRICTED}/serviceaccounts", account)
        metadata = {"name": name, "namespace": RESTRICTED}
        await _dry_run(
            cluster, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        )


async def test_the_notes_show_an_object_that_is_taken_and_the_port_that_answers(
    release: str, cluster: Cluster
) -> None:
    _, _, rest = release.partition("<<EOF\n")
    shown, _, after = rest.partition("  EOF\n")
    manifest = yaml.safe_load(textwrap.dedent(shown))
    manifest["metadata"]["namespace"] = cluster.namespace

    await cluster.apply(manifest)

    name = manifest["metadata"]["name"]
    assert f"service/{name} 8000:{SERVICE_PORT} &" in after
    assert f'"model": "{name}"' in after


async def test_an_upgrade_changes_the_crd_and_restarts_no_pod(
    release: str, cluster: Cluster, kube: Kube, tmp_path: Path
) -> None:
    assert "is installed in namespace deepseek-system" in release
    await cluster.apply(_tiny(cluster.namespace))
    await settle(kube, cluster, "chat")
    before = await _pods(cluster)

    newer = _newer_chart(tmp_path)
    releases.apply_release(cluster.plane, RELEASE_NAMESPACE, chart=newer)
    await _wait_for_limit(cluster, 2000)
    assert not await _takes_replicas(cluster, 2001)
    await settle(kube, cluster, "chat")

    assert before == await _pods(cluster)
    releases.apply_release(cluster.plane, RELEASE_NAMESPACE)
    await _wait_for_limit(cluster, 1000)


async def test_uninstalling_keeps_objects_and_pods_and_installing_again_takes_them_over(
    release: str, cluster: Cluster, kube: Kube
) -> None:
    assert release
    await cluster.apply(_tiny(cluster.namespace))
    await settle(kube, cluster, "chat")
    before = await _pods(cluster)
    children = set(await cluster.children("chat"))

    said = releases.helm(
        cluster.plane, "uninstall", rendering.RELEASE, "--namespace", RELEASE_NAMESPACE, "--wait"
    )

    assert "[CustomResourceDefinition] deepseekdeployments.serving.deepseek.dev" in said
    with pytest.raises(Refused, match="not found"):
        await cluster.send("GET", f"{ACCOUNTS}/{rendering.RELEASE}")
    assert before == await _pods(cluster)
    assert children == set(await cluster.children("chat"))

    releases.apply_release(cluster.plane, RELEASE_NAMESPACE)
    await settle(kube, cluster, "chat")
    assert before == await _pods(cluster)


async def test_what_a_killed_helm_left_is_gone_on_with(
    release: str, cluster: Cluster, kube: Kube
) -> None:
    assert release
    helm = clients.Kubectl(cluster.plane.kubeconfig)
    await cluster.apply(_tiny(cluster.namespace))
    await settle(kube, cluster, "chat")
    before = await _pods(cluster)
    place = ("--namespace", RELEASE_NAMESPACE)
    releases.helm(cluster.plane, "uninstall", rendering.RELEASE, *place, "--wait")

    for state in ("pending-install", "pending-upgrade"):
        await _kill_helm(helm, state)
        await asyncio.to_thread(clients.install_release, helm, {"replicas": 0})
        assert clients.release_state(helm) == "deployed"

    assert before == await _pods(cluster)


@pytest.mark.parametrize(
    ("role", "verb", "resource", "allowed"),
    [
        pytest.param("view", "get", "deepseekdeployments", True, id="viewers read"),
        pytest.param("view", "create", "deepseekdeployments", False, id="viewers do not write"),
        pytest.param("edit", "create", "deepseekdeployments", True, id="editors write"),
        pytest.param("edit", "patch", "deepseekdeployments/scale", True, id="editors scale"),
        pytest.param("edit", "watch", "deepseekdeployments", True, id="editors read"),
        pytest.param("admin", "delete", "deepseekdeployments", True, id="admins write"),
        pytest.param("admin", "patch", "deepseekdeployments/status", False, id="nobody sets status"),
    ],
)  # fmt: skip
async def test_the_clusters_own_roles_know_the_new_kind(
    release: str, cluster: Cluster, role: str, verb: str, resource: str, *, allowed: bool
) -> None:
    assert release
    await _bind(cluster, role, user="alice")

    async def aggregated() -> bool:
        found = await cluster.send("GET", f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{role}")
        return any("serving.deepseek.dev" in rule.get("apiGroups", ()) for rule in found["rules"])

    await wait_until(aggregated, what=f"{role} includes the new kind")
    if allowed:
        await wait_until(
            lambda: _may(cluster, "alice", verb, resource), what=f"{role} may {verb} {resource}"
        )
    else:
        assert not await _may(cluster, "alice", verb, resource)


async def _kill_helm(helm: clients.Kubectl, state: str) -> None:
    """Kill a helm that waits for pods which no node can take, once the release is in this state."""
    values = {"replicas": 1, "nodeSelector": {"no": "such-node"}}
    place = ("--namespace", RELEASE_NAMESPACE, "--create-namespace", "--wait")
    process = await asyncio.create_subprocess_exec(
        helm.program("helm"), "upgrade", "--install", rendering.RELEASE, str(rendering.CHART), *place,
        "--values", "-", env=steps.environment(helm.environment),
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps(values).encode())
    process.stdin.close()

    async def begun() -> bool:
        return await asyncio.to_thread(clients.release_state, helm) == state

    await wait_until(begun, what=f"the release is {state}")
    process.kill()
    await process.wait()


def _tiny(namespace: str, **spec: Any) -> Manifest:
    # Without a claim: nothing here provides volumes.
    return deepseek("chat", namespace, source="pvc://models/tiny", **spec)


def _newer_chart(folder: Path) -> Path:
    """The chart of a later version, whose CRD allows more replicas."""
    chart = folder / "chart"
    shutil.copytree(rendering.CHART, chart)
    file = chart / "files" / "deepseekdeployments.yaml"
    definition = yaml.safe_load(file.read_text())
    _spec_properties(definition)["replicas"]["maximum"] = 2000
    file.write_text(yaml.safe_dump(definition))
    return chart


def _spec_properties(definition: Manifest) -> Manifest:
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    properties: Manifest = schema["properties"]["spec"]["properties"]
    return properties


async def _wait_for_limit(cluster: Cluster, maximum: int) -> None:
    """The API server serves the new schema: it takes exactly up to `maximum` replicas."""

    async def served() -> bool:
        definition = await cluster.send("GET", DEFINITION)
        stored = _spec_properties(definition)["replicas"]["maximum"]
        return bool(stored == maximum) and await _takes_replicas(cluster, maximum)

    await wait_until(served, what=f"{maximum} replicas are allowed")


async def _takes_replicas(cluster: Cluster, replicas: int) -> bool:
    body = {"spec": {"replicas": replicas}}
    path = f"{cluster.path('chat')}?dryRun=All"
    try:
        await cluster.send("PATCH", path, body, content=JSON_MERGE)
    except Refused:
        return False
    return True


async def _pods(cluster: Cluster) -> set[str]:
    """Uids and restarts: equal sets are the very same processes."""
    pods = await cluster.list("api/v1", "pods")
    assert pods
    return {
        f"{pod['metadata']['uid']} {status.get('restartCount')}"
        for pod in pods
        for status in pod["status"].get("containerStatuses", [{}])
    }


async def _dry_run(cluster: Cluster, manifest: Manifest) -> None:
    """Ask the API server for everything but the writing; applied, so that what is there is met."""
    namespace = manifest["metadata"].get("namespace")
    place = f"namespaces/{namespace}/" if namespace else ""
    path = f"/{PATHS[manifest['kind']].format(place)}/{manifest['metadata']['name']}"
    query = "?dryRun=All&fieldValidation=Strict&fieldManager=test&force=true"
    await cluster.send("PATCH", path + query, manifest, content="application/apply-patch+yaml")


async def _ensure_namespace(cluster: Cluster, name: str) -> None:
    await _create(cluster, NAMESPACE, {"metadata": {"name": name}})


async def _create(cluster: Cluster, path: str, body: Manifest) -> None:
    try:
        await cluster.send("POST", path, body)
    except Refused as error:
        if error.code != 409:
            raise


async def _bind(cluster: Cluster, role: str, *, user: str) -> None:
    group = "rbac.authorization.k8s.io"
    body = {
        "metadata": {"name": f"{user}-{role}"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    await _create(cluster, f"/apis/{group}/v1/namespaces/{cluster.namespace}/rolebindings", body)


async def _may(cluster: Cluster, user: str, verb: str, resource: str) -> bool:
    plural, _, sub = resource.partition("/")
    attributes = {
        "namespace": cluster.namespace, "verb": verb, "group": "serving.deepseek.dev",
        "resource": plural, "subresource": sub,
    }  # fmt: skip
    body = {"spec": {"user": user, "resourceAttributes": attributes}}
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    return bool((await cluster.send("POST", path, body))["status"]["allowed"])
