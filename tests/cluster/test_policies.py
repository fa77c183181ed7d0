"""NetworkPolicies of an object on a real API server: made, repaired, and removed; nobody enforces them here."""

from dataclasses import replace
from datetime import UTC, datetime

from deepseek_operator.engines.contract import EngineImages, Policies
from deepseek_operator.errors import Waiting
from deepseek_operator.kube.client import Kube
from deepseek_operator.kube.errors import ApiError, UnreachableError
from deepseek_operator.reconcile import Key, reconcile
from tests.cluster.objects import (
    IMAGES,
    JSON_MERGE,
    Cluster,
    Manifest,
    condition,
    deepseek,
    wait_until,
)

GROUP = "apis/networking.k8s.io/v1"
FENCED = replace(IMAGES, policies=Policies("deepseek-system"))


async def one_pass(kube: Kube, cluster: Cluster, images: EngineImages) -> bool:
    """Whether it found something to write, or could not end."""
    key = Key(cluster.namespace, "chat")
    try:
        outcome = await reconcile(kube, key, images=images, now=datetime.now(UTC))
    except (ApiError, UnreachableError, Waiting):
        return True
    return bool(outcome.writes)


async def settle(kube: Kube, cluster: Cluster, images: EngineImages = FENCED) -> int:
    """Passes until one writes nothing; how many wrote."""
    for number in range(20):
        if not await one_pass(kube, cluster, images):
            return number
    raise AssertionError("the passes do not come to rest")


async def policies(cluster: Cluster) -> dict[str, Manifest]:
    """By name."""
    found = await cluster.list(GROUP, "networkpolicies")
    return {item["metadata"]["name"]: item for item in found}


async def test_they_are_made_repaired_and_removed(cluster: Cluster, kube: Kube) -> None:
    await cluster.apply(deepseek("chat", cluster.namespace, warmup={}, replicas=0))
    await settle(kube, cluster)
    made = await policies(cluster)

    assert len(made) == 2
    assert await settle(kube, cluster) == 0

    path = f"/{GROUP}/namespaces/{cluster.namespace}/networkpolicies"
    [engines] = [name for name in made if name.startswith("chat-engines-")]
    [warmups] = [name for name in made if name.startswith("chat-warmups-")]
    # Opens what was shut, by a field that was empty.
    await cluster.send(
        "PATCH", f"{path}/{warmups}", {"spec": {"ingress": [{}]}}, content=JSON_MERGE
    )
    await cluster.send(
        "PATCH", f"{path}/{engines}", {"spec": {"policyTypes": ["Ingress"]}}, content=JSON_MERGE
    )
    await settle(kube, cluster)
    assert specs(await policies(cluster)) == specs(made)

    await cluster.send("DELETE", f"{path}/{engines}")
    await settle(kube, cluster)
    assert specs(await policies(cluster)) == specs(made)

    await settle(kube, cluster, IMAGES)
    assert await policies(cluster) == {}


def specs(found: dict[str, Manifest]) -> dict[str, Manifest]:
    """What they say, without what the server keeps of them."""
    return {name: item["spec"] for name, item in found.items()}


async def test_a_policy_that_the_server_refuses_keeps_no_pod_from_coming(
    cluster: Cluster, kube: Kube
) -> None:
    """A quota of none is told, and what serves users is made all the same."""
    quotas = f"/api/v1/namespaces/{cluster.namespace}/resourcequotas"
    hard = {"count/networkpolicies.networking.k8s.io": "0"}
    await cluster.send("POST", quotas, {"metadata": {"name": "none"}, "spec": {"hard": hard}})

    async def is_counted() -> bool:
        found = await cluster.send("GET", f"{quotas}/none")
        return bool(found.get("status", {}).get("hard") == hard)

    await wait_until(is_counted, what="the quota is counted")
    await cluster.apply(deepseek("chat", cluster.namespace))

    async def is_told() -> bool:
        await one_pass(kube, cluster, FENCED)
        said = condition(await cluster.get("chat"), "Stalled")
        return said.get("reason") == "RefusedByServer" and "exceeded quota" in said["message"]

    await wait_until(is_told, what="the refusal is told", seconds=60)
    assert await policies(cluster) == {}
    assert any(plural == "deployments" for plural, _ in await cluster.children("chat"))
