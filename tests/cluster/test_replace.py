"""A Replace on a real API server, with its controllers: one revision's pods at a time, forward and back."""

from typing import Any

from deepseek_operator.kube.client import Kube
from deepseek_operator.reconcile import Key
from tests.cluster.objects import Cluster, Manifest, condition, deepseek, wait_until
from tests.cluster.passes import one_pass, settle
from tests.cluster.test_first_rollout import HELD, SELECTOR, engines, lose_status

OUTAGE = ("Closing", "Stopping", "Starting")


def asking(cluster: Cluster, *, source: str, **more: Any) -> Manifest:
    """Two replicas of it, one revision at a time."""
    rollout = {"strategy": "Replace", "startTimeout": "5s", "rollbackWindow": "1h"}
    return deepseek("chat", cluster.namespace, replicas=2, source=source, rollout=rollout, **more)


async def pods(cluster: Cluster) -> dict[str, int]:
    """By revision, those on their way out included."""
    found: dict[str, int] = {}
    for pod in await cluster.list("api/v1", "pods", SELECTOR):
        key = pod["metadata"]["labels"]["serving.deepseek.dev/revision"]
        found[key] = found.get(key, 0) + 1
    return found


async def reach(kube: Kube, cluster: Cluster, *phases: str) -> list[str]:
    """Pass after pass until the run is in one of these phases; the phases on the way."""
    seen: list[str] = []

    async def is_there() -> bool:
        await one_pass(kube, Key(cluster.namespace, "chat"))
        assert len(await pods(cluster)) <= 1, "pods of two revisions"
        phase = (await cluster.get("chat"))["status"].get("rollout", {}).get("phase", "")
        if phase and phase not in seen[-1:]:
            seen.append(phase)
        return phase in phases

    await wait_until(is_there, what=f"the run is {phases}", seconds=90)
    return seen


async def test_one_revision_replaces_another(kube: Kube, cluster: Cluster) -> None:
    await cluster.apply(asking(cluster, source="pvc://models/tiny"))
    await settle(kube, cluster, "chat")
    [old] = await pods(cluster)
    await cluster.apply(asking(cluster, source="pvc://models/better"))

    seen = await reach(kube, cluster, "Watching")

    assert [phase for phase in seen if phase in OUTAGE] == list(OUTAGE)
    stored = await cluster.get("chat")
    [new] = await pods(cluster)
    assert new != old
    assert stored["status"]["serving"]["revision"] == new
    assert condition(stored, "RolledOut")["status"] == "True"
    assert condition(stored, "Ready")["status"] == "True"
    service = await cluster.send("GET", f"/api/v1/namespaces/{cluster.namespace}/services/chat")
    assert service["spec"]["selector"]["serving.deepseek.dev/revision"] == new


async def test_one_that_does_not_start_makes_way_again(kube: Kube, cluster: Cluster) -> None:
    await cluster.apply(asking(cluster, source="pvc://models/tiny"))
    await settle(kube, cluster, "chat")
    [old] = await pods(cluster)
    await cluster.apply(asking(cluster, source="pvc://models/better", pod=HELD))
    await reach(kube, cluster, "Starting")
    await one_pass(kube, Key(cluster.namespace, "chat"))
    ready = condition(await cluster.get("chat"), "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "Replacing")
    assert ready["message"].startswith("nothing serves since ")

    key = Key(cluster.namespace, "chat")

    async def is_back() -> bool:
        await one_pass(kube, key)
        rolled_out = condition(await cluster.get("chat"), "RolledOut")
        return bool(rolled_out["reason"] == "RolledBack")

    await wait_until(is_back, what="the old revision is back", seconds=90)

    stored = await cluster.get("chat")
    assert stored["status"]["serving"]["revision"] == old
    assert condition(stored, "Ready")["status"] == "True"
    assert stored["status"]["rollout"]["reason"] == "CandidateNotReady"

    await one_pass(kube, key)
    assert await engines(cluster) == {old: 2}


async def test_a_status_that_is_lost_while_nothing_serves_brings_the_old_one_back(
    kube: Kube, cluster: Cluster
) -> None:
    """Its Deployment is told to have none, and its controller says that all were there once."""
    await cluster.apply(asking(cluster, source="pvc://models/tiny"))
    await settle(kube, cluster, "chat")
    [old] = await pods(cluster)
    await cluster.apply(asking(cluster, source="pvc://models/better", pod=HELD))
    await reach(kube, cluster, "Starting")
    await lose_status(cluster)

    await one_pass(kube, Key(cluster.namespace, "chat"))

    status = (await cluster.get("chat"))["status"]
    assert status["serving"]["revision"] == old
    assert (status["rollout"]["phase"], status["rollout"]["stable"]) == ("Preparing", old)
    deployments = await cluster.list("apis/apps/v1", "deployments", SELECTOR)
    wanted = {
        item["metadata"]["labels"]["serving.deepseek.dev/revision"]: item["spec"]["replicas"]
        for item in deployments
    }
    assert wanted == {old: 2, status["rollout"]["candidate"]: 0}
