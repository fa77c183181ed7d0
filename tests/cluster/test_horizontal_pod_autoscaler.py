"""The real HorizontalPodAutoscaler on an object's scale subresource, by an external metric, as KEDA makes one too."""

import contextlib
from collections.abc import AsyncIterator

import pytest

from deepseek_operator.errors import Waiting
from deepseek_operator.kube.client import Kube
from deepseek_operator.reconcile import Key
from tests.cluster.fake_external_metrics import FakeExternalMetrics, registered
from tests.cluster.objects import Cluster, Manifest, deepseek, wait_until
from tests.cluster.passes import one_pass, settle

HPA = "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers"
METRIC = "requests-waiting"
EACH = 5
"""That so many wait is what a replica is asked to bear."""
SECONDS = 120
"""The controller learns of a new kind within 30 seconds."""


@pytest.fixture
async def metrics(cluster: Cluster) -> AsyncIterator[FakeExternalMetrics]:
    async with registered(cluster) as fake:
        yield fake


def autoscaler() -> Manifest:
    """As a user writes it, but for the patience when fewer are needed."""
    target = {"apiVersion": "serving.deepseek.dev/v1alpha1", "kind": "DeepSeekDeployment"}
    wanted = {"type": "AverageValue", "averageValue": f"{EACH}"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "chat"},
        "spec": {
            "scaleTargetRef": {**target, "name": "chat"},
            "minReplicas": 1,
            "maxReplicas": 3,
            "metrics": [
                {"type": "External", "external": {"metric": {"name": METRIC}, "target": wanted}}
            ],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    }


async def test_it_sets_the_replicas_up_and_down(
    kube: Kube, cluster: Cluster, metrics: FakeExternalMetrics
) -> None:
    await cluster.apply(deepseek("chat", cluster.namespace))
    await settle(kube, cluster, "chat")
    key = Key(cluster.namespace, "chat")

    async def replicas() -> tuple[int, int]:
        with contextlib.suppress(Waiting):
            await one_pass(kube, key)
        found = await cluster.get("chat")
        return found["spec"]["replicas"], found["status"].get("replicas", 0)

    metrics.values[METRIC] = 3 * EACH
    await cluster.send("POST", HPA.format(cluster.namespace), autoscaler())

    async def has(count: int) -> bool:
        return await replicas() == (count, count)

    await wait_until(lambda: has(3), what="three replicas", seconds=SECONDS)
    told = await cluster.send("GET", f"{HPA.format(cluster.namespace)}/chat")
    assert told["status"]["currentReplicas"] >= 1
    metrics.values[METRIC] = EACH
    await wait_until(lambda: has(1), what="one replica", seconds=SECONDS)
    assert metrics.asked > 0


async def test_beside_autoscaling_it_is_told_why_it_may_not(
    kube: Kube, cluster: Cluster, metrics: FakeExternalMetrics
) -> None:
    await cluster.apply(deepseek("chat", cluster.namespace, autoscaling={"max": 3}))
    await settle(kube, cluster, "chat")
    metrics.values[METRIC] = 3 * EACH
    await cluster.send("POST", HPA.format(cluster.namespace), autoscaler())

    async def is_told() -> bool:
        found = await cluster.send("GET", f"{HPA.format(cluster.namespace)}/chat")
        return any(
            one["type"] == "AbleToScale"
            and one["status"] == "False"
            and "autoscaling sets the number" in one["message"]
            for one in found.get("status", {}).get("conditions", [])
        )

    await wait_until(is_told, what="the autoscaler says why it may not", seconds=SECONDS)
    assert (await cluster.get("chat"))["spec"]["replicas"] == 1
