"""The first rollout of an object that says what it begins with, and one whose status is lost, on a real API server."""

from typing import Any

from deepseek_operator.kube.client import Kube
from deepseek_operator.observed import ready_replicas, revision_of
from deepseek_operator.reconcile import Key
from tests.cluster.objects import Cluster, Manifest, condition, deepseek, wait_until
from tests.cluster.passes import one_pass, settle

HELD = {"annotations": {"kwok.deepseek.dev/hold": "true"}}
"""Pods with this stay as the API server made them: engines that never come up."""
SMALL: Manifest = {
    "model": "small",
    "source": "pvc://models/small",
    "accelerator": {"kind": "CPU"},
    "replicas": 2,
}
SELECTOR = "serving.deepseek.dev/deployment=chat"


def asking(cluster: Cluster, block: Manifest, **rollout: Any) -> Manifest:
    return deepseek("chat", cluster.namespace, rollout={"from": block, **rollout})


async def engines(cluster: Cluster) -> dict[str, int]:
    """Ready pods by revision."""
    found = await cluster.list("apis/apps/v1", "deployments", SELECTOR)
    return {str(revision_of(item)): ready_replicas(item) for item in found if revision_of(item)}


async def lose_status(cluster: Cluster) -> None:
    """What `kubectl replace --subresource=status` does with a file that has none."""
    found = await cluster.get("chat")
    del found["status"]
    await cluster.send("PUT", cluster.path("chat") + "/status", found)
    assert not (await cluster.get("chat")).get("status")


async def test_the_model_takes_over_from_what_the_first_rollout_begins_with(
    kube: Kube, cluster: Cluster
) -> None:
    await cluster.apply(asking(cluster, SMALL))
    key = Key(cluster.namespace, "chat")
    await one_pass(kube, key)
    [baseline] = await engines(cluster)

    await settle(kube, cluster, "chat")

    status = (await cluster.get("chat"))["status"]
    assert status["serving"]["model"] == "tiny"
    assert status["serving"]["revision"] != baseline
    revisions = await cluster.list("apis/apps/v1", "controllerrevisions", SELECTOR)
    assert {item["data"]["model"] for item in revisions} == {"small", "tiny"}


async def test_a_baseline_that_never_serves_is_skipped_on_request(
    kube: Kube, cluster: Cluster
) -> None:
    block = {**SMALL, "pod": HELD}
    await cluster.apply(asking(cluster, block))
    key = Key(cluster.namespace, "chat")
    for _ in range(3):
        await one_pass(kube, key)
    stored = await cluster.get("chat")
    assert condition(stored, "RolledOut")["reason"] == "BaselineStarting"
    assert len(await engines(cluster)) == 1

    await cluster.apply(asking(cluster, block, skipInitial=True))
    await settle(kube, cluster, "chat")

    assert (await cluster.get("chat"))["status"]["serving"]["model"] == "tiny"


async def test_a_status_that_is_lost_in_a_canary_promotes_nobody(
    kube: Kube, cluster: Cluster
) -> None:
    canary: Manifest = {"gateway": {}, "rollout": {"strategy": "Canary"}}
    await cluster.apply(deepseek("chat", cluster.namespace, **canary))
    await settle(kube, cluster, "chat")
    [old] = await engines(cluster)
    better = deepseek("chat", cluster.namespace, source="pvc://models/better", **canary)
    await cluster.apply(better)
    key = Key(cluster.namespace, "chat")

    async def both_are_ready() -> bool:
        await one_pass(kube, key)
        found = await engines(cluster)
        return len(found) == 2 and all(found.values())

    await wait_until(both_are_ready, what="the candidate's pods are ready")
    await lose_status(cluster)

    await one_pass(kube, key)

    status = (await cluster.get("chat"))["status"]
    assert status["serving"]["revision"] == old
    assert (status["rollout"]["stable"], status["rollout"]["weight"]) == (old, 0)
    assert set(await engines(cluster)) == {old, status["rollout"]["candidate"]}
