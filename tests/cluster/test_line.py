"""The thin line: an applied object becomes children, pods, and a status that says so."""

from deepseek_operator.kube.client import Kube
from deepseek_operator.reconcile import Key
from tests.cluster.objects import Cluster, Manifest, condition, deepseek, wait_until
from tests.cluster.passes import one_pass, settle


async def test_an_applied_object_ends_up_served(kube: Kube, cluster: Cluster) -> None:
    await cluster.apply(deepseek("chat", cluster.namespace, replicas=2))

    await one_pass(kube, Key(cluster.namespace, "chat"))
    made = await cluster.children("chat")
    await settle(kube, cluster, "chat")

    stored = await cluster.get("chat")
    assert condition(stored, "Ready")["message"] == "2 of 2 replicas of tiny answer"
    assert condition(stored, "RolledOut")["status"] == "True"
    assert stored["status"]["serving"] == stored["status"]["desired"]
    assert sorted(plural for plural, _ in made) == [
        "controllerrevisions", "deployments", "poddisruptionbudgets", "services", "services",
    ]  # fmt: skip
    assert set(await cluster.children("chat")) == set(made)


async def test_deleting_the_object_removes_everything(kube: Kube, cluster: Cluster) -> None:
    """Whatever it is owned by, however far down; with a gateway, locks and warm-ups, as by default."""
    await cluster.apply(deepseek("chat", cluster.namespace, replicas=2, gateway={}, warmup={}))
    await settle(kube, cluster, "chat")
    uid = (await cluster.get("chat"))["metadata"]["uid"]
    made = below(await everything(cluster), uid)
    assert {kind for kind, _ in made.values()} >= {
        "configmaps", "controllerrevisions", "deployments", "endpointslices", "jobs", "poddisruptionbudgets",
        "pods", "replicasets", "rolebindings", "roles", "serviceaccounts", "services",
    }  # fmt: skip

    await cluster.send("DELETE", cluster.path("chat"))

    async def gone() -> bool:
        there = {item["metadata"]["uid"] for _, item in await everything(cluster)}
        return not made.keys() & there

    await wait_until(gone, what=f"collected: {sorted(made.values())}", seconds=60)


async def everything(cluster: Cluster) -> list[tuple[str, Manifest]]:
    """Every object of every kind that the test's namespace can hold, with the plural of its kind."""
    groups = (await cluster.send("GET", "/apis"))["groups"]
    paths = ["api/v1", *(f"apis/{group['preferredVersion']['groupVersion']}" for group in groups)]
    return [
        (resource["name"], item)
        for path in paths
        for resource in (await cluster.send("GET", f"/{path}"))["resources"]
        if resource["namespaced"] and "list" in resource["verbs"] and resource["name"] != "events"
        for item in await cluster.list(path, resource["name"])
    ]


def below(found: list[tuple[str, Manifest]], uid: str) -> dict[str, tuple[str, str]]:
    """What an object owns, and what that owns in turn: kind and name by uid."""
    owned: dict[str, tuple[str, str]] = {}
    while True:
        owners = {uid, *owned}
        grown = {
            item["metadata"]["uid"]: (kind, item["metadata"]["name"])
            for kind, item in found
            if owners & {owner["uid"] for owner in item["metadata"].get("ownerReferences", [])}
        }
        if len(grown) == len(owned):
            return owned
        owned = grown
