"""The thin line: an applied object becomes children, pods, and a status that says so."""

from deepseek_operator.kube.client import Kube
from deepseek_operator.reconcile import Key
from tests.cluster.objects import Cluster, condition, deepseek, wait_until
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
    await cluster.apply(deepseek("chat", cluster.namespace))
    await settle(kube, cluster, "chat")

    await cluster.send("DELETE", cluster.path("chat"))

    async def gone() -> bool:
        pods = await cluster.list("api/v1", "pods")
        return not pods and not await cluster.children("chat")

    await wait_until(gone, what="children and pods are collected", seconds=60)
