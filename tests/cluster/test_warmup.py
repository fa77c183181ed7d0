"""Pods are shut until they have been warmed up, on a real API server; kwok plays engines and Jobs."""

from deepseek_operator.kube.client import Kube
from deepseek_operator.reconcile import Key
from tests.cluster import passes
from tests.cluster.objects import Cluster, Manifest, condition, deepseek, wait_until

GATE = "serving.deepseek.dev/warm"
MERGE = "application/strategic-merge-patch+json"
HELD = {"kwok.deepseek.dev/hold": "true"}


def warmed(name: str, cluster: Cluster, **spec: object) -> Manifest:
    return deepseek(name, cluster.namespace, warmup={}, **spec)


async def pods_of(cluster: Cluster, name: str) -> list[Manifest]:
    return list(await cluster.list("api/v1", "pods", f"serving.deepseek.dev/deployment={name}"))


def status_of(pod: Manifest, kind: str) -> str:
    return str(
        next((c["status"] for c in pod["status"].get("conditions", []) if c["type"] == kind), "")
    )


async def test_each_pod_is_warmed_up_once_and_then_ready(cluster: Cluster, kube: Kube) -> None:
    await cluster.apply(warmed("warm", cluster, replicas=3))

    await passes.settle(kube, cluster, "warm")

    found = await cluster.get("warm")
    assert condition(found, "Warm")["reason"] == "WarmedUp"
    pods = await pods_of(cluster, "warm")
    assert [status_of(pod, GATE) for pod in pods] == ["True"] * 3
    jobs = await cluster.list("apis/batch/v1", "jobs", "serving.deepseek.dev/deployment=warm")
    owners = {job["metadata"]["ownerReferences"][0]["uid"] for job in jobs}
    assert owners == {pod["metadata"]["uid"] for pod in pods}
    assert len(jobs) == 3


async def test_no_pod_is_ready_before_the_operator_has_seen_its_warm_up(
    cluster: Cluster, kube: Kube
) -> None:
    await cluster.apply(warmed("shut", cluster))
    await passes.one_pass(kube, Key(cluster.namespace, "shut"))

    async def started() -> bool:
        pods = await pods_of(cluster, "shut")
        return bool(pods) and status_of(pods[0], "ContainersReady") == "True"

    await wait_until(started, what="the engine runs")
    [pod] = await pods_of(cluster, "shut")
    assert status_of(pod, "Ready") == "False"
    await passes.one_pass(kube, Key(cluster.namespace, "shut"))
    assert condition(await cluster.get("shut"), "Warm")["reason"] == "WarmingUp"

    await passes.settle(kube, cluster, "shut")
    [pod] = await pods_of(cluster, "shut")
    assert status_of(pod, "Ready") == "True"


async def test_a_restarted_container_is_cold_again(cluster: Cluster, kube: Kube) -> None:
    await cluster.apply(warmed("again", cluster))
    await passes.settle(kube, cluster, "again")
    [pod] = await pods_of(cluster, "again")
    path = f"/api/v1/namespaces/{cluster.namespace}/pods/{pod['metadata']['name']}"
    [container] = pod["status"]["containerStatuses"]
    restarted = {**container, "containerID": "kwok://another", "restartCount": 1}
    shut = {"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady"}
    status = {"status": {"containerStatuses": [restarted], "conditions": [shut]}}
    await cluster.send("PATCH", path, {"metadata": {"annotations": HELD}}, content=MERGE)
    await cluster.send("PATCH", f"{path}/status", status, content=MERGE)

    async def not_ready() -> bool:
        [found] = await cluster.list("apis/apps/v1", "deployments")
        return not found["status"].get("readyReplicas")

    await wait_until(not_ready, what="the Deployment counts it out")
    await passes.one_pass(kube, Key(cluster.namespace, "again"))

    [pod] = await pods_of(cluster, "again")
    assert status_of(pod, GATE) == "False"
    jobs = await cluster.list("apis/batch/v1", "jobs", "serving.deepseek.dev/deployment=again")
    assert len(jobs) == 2


async def test_nothing_is_locked_where_warm_up_is_off(cluster: Cluster, kube: Kube) -> None:
    await cluster.apply(deepseek("cold", cluster.namespace, warmup={"enabled": False}))

    await passes.settle(kube, cluster, "cold")

    [pod] = await pods_of(cluster, "cold")
    assert "readinessGates" not in pod["spec"]
    assert condition(await cluster.get("cold"), "Warm")["reason"] == "NotWarmed"
