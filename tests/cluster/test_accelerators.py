"""Accelerators on a real API server with its scheduler: what waits for room, what is said of it, and what is sized for."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from deepseek_operator import observe_nodes
from deepseek_operator.capacity.room import free
from deepseek_operator.kube.client import Kube
from deepseek_operator.reconcile import Key
from dev.cluster.fake_nodes import H200, L40S, FakeNode, Gpu
from tests.cluster.objects import JSON_MERGE, Cluster, Manifest, condition, deepseek, wait_until
from tests.cluster.passes import one_pass, settle
from tests.cluster.test_first_rollout import HELD, SELECTOR, engines

NODES = "/api/v1/nodes"
DEVICES = "/apis/resource.k8s.io/v1"
ZONE = "topology.kubernetes.io/zone"


class Room:
    """Nodes of the test's own, in a zone of their own."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.zone = cluster.namespace
        self._names: list[str] = []

    async def add(self, *kinds: tuple[Gpu | None, int]) -> list[str]:
        """A node for each, by product and number of its accelerators, ready; their names."""
        first = len(self._names)
        names = [f"{self.zone}-{first + place}" for place in range(len(kinds))]
        self.cluster.plane.add_nodes(
            FakeNode(name, gpu, count, zone=self.zone)
            for name, (gpu, count) in zip(names, kinds, strict=True)
        )
        self._names += names
        await wait_until(lambda: self._are_ready(names), what="nodes are ready", seconds=60)
        return names

    async def _are_ready(self, names: list[str]) -> bool:
        nodes = [await self.cluster.send("GET", f"{NODES}/{name}") for name in names]
        return all(
            condition(node, "Ready").get("status") == "True" and not node["spec"].get("taints")
            for node in nodes
        )

    async def remove(self) -> None:
        """All of them."""
        for name in self._names:
            await self.cluster.send("DELETE", f"{NODES}/{name}")

    def asking(self, count: int, *, product: Gpu | None = H200, **spec: Any) -> Manifest:
        """An object whose pods have so many accelerators each, in this zone alone."""
        named = {} if product is None else {"product": product.product}
        pod = {"nodeSelector": {ZONE: self.zone}, **spec.pop("pod", {})}
        accelerator = {"kind": "GPU", "count": count, **named}
        return deepseek("chat", self.zone, accelerator=accelerator, pod=pod, **spec)


@pytest.fixture
async def room(cluster: Cluster) -> AsyncIterator[Room]:
    made = Room(cluster)
    yield made
    await made.remove()


async def passes_until(kube: Kube, cluster: Cluster, kind: str, *, reason: str) -> Manifest:
    """Pass after pass until a condition has this reason; the condition."""

    async def has_it() -> bool:
        await one_pass(kube, Key(cluster.namespace, "chat"))
        return bool(condition(await cluster.get("chat"), kind).get("reason") == reason)

    await wait_until(has_it, what=f"{kind} is {reason}")
    return condition(await cluster.get("chat"), kind)


async def test_a_rollout_waits_for_room_and_begins_when_there_is(
    kube: Kube, cluster: Cluster, room: Room
) -> None:
    await room.add((H200, 4))
    await cluster.apply(room.asking(4))
    await settle(kube, cluster, "chat")
    [old] = await engines(cluster)
    await cluster.apply(room.asking(4, source="pvc://models/better"))

    found = await passes_until(kube, cluster, "RolledOut", reason="InsufficientAccelerators")

    assert found["message"].startswith(
        "tiny waits for accelerators: needs 4 x H200 in nodes of 4; 0 free"
    )
    assert "strategy Replace would fit" in found["message"]
    assert set(await engines(cluster)) == {old}
    assert condition(await cluster.get("chat"), "Ready")["status"] == "True"
    await one_pass(kube, Key(cluster.namespace, "chat"))
    outcome = await one_pass(kube, Key(cluster.namespace, "chat"))
    assert (outcome.writes, outcome.requeue_seconds) == (0, 30.0)

    await room.add((H200, 4))
    await settle(kube, cluster, "chat")

    [new] = await engines(cluster)
    assert new != old


async def test_a_replace_needs_no_more_than_what_it_takes(
    kube: Kube, cluster: Cluster, room: Room
) -> None:
    await room.add((H200, 4))
    rollout = {"strategy": "Replace"}
    await cluster.apply(room.asking(4, rollout=rollout))
    await settle(kube, cluster, "chat")
    await cluster.apply(room.asking(4, rollout=rollout, source="pvc://models/better"))

    async def watches() -> bool:
        await one_pass(kube, Key(cluster.namespace, "chat"))
        status = (await cluster.get("chat"))["status"]
        return bool(status.get("rollout", {}).get("phase") == "Watching")

    await wait_until(watches, what="the new revision serves", seconds=90)

    assert condition(await cluster.get("chat"), "RolledOut")["status"] == "True"


async def test_a_replace_for_which_there_is_no_node_stops_nobody(
    kube: Kube, cluster: Cluster, room: Room
) -> None:
    await room.add((H200, 4))
    rollout = {"strategy": "Replace"}
    await cluster.apply(room.asking(4, rollout=rollout))
    await settle(kube, cluster, "chat")
    [old] = await engines(cluster)
    await cluster.apply(room.asking(8, rollout=rollout))

    found = await passes_until(kube, cluster, "RolledOut", reason="InsufficientAccelerators")

    assert "needs 8 x H200 in nodes of 8; 4 free" in found["message"]
    assert await engines(cluster) == {old: 1}


@pytest.mark.parametrize(
    ("nodes", "strategy", "said"),
    [
        pytest.param(2, "Canary", "there is room for both revisions", id="for-both"),
        pytest.param(1, "Replace", "there is no room for both revisions: needs 4", id="for-one"),
    ],
)
async def test_auto_chooses_by_what_is_free(
    kube: Kube, cluster: Cluster, room: Room, *, nodes: int, strategy: str, said: str
) -> None:
    await room.add(*[(H200, 4)] * nodes)
    auto: Manifest = {"gateway": {}, "rollout": {"strategy": "Auto"}}
    await cluster.apply(room.asking(4, **auto))
    await settle(kube, cluster, "chat")
    await cluster.apply(room.asking(4, source="pvc://models/better", **auto))

    async def has_begun() -> bool:
        await one_pass(kube, Key(cluster.namespace, "chat"))
        return "run" in (await cluster.get("chat"))["status"].get("rollout", {})

    await wait_until(has_begun, what="the run has begun")

    rollout = (await cluster.get("chat"))["status"]["rollout"]
    assert rollout["strategy"] == strategy
    assert rollout["chosen"].startswith(said)


async def test_a_pending_pod_says_what_it_needs_and_what_the_scheduler_says(
    kube: Kube, cluster: Cluster, room: Room
) -> None:
    await room.add((H200, 4), (H200, 4))
    await cluster.apply(room.asking(8))

    found = await passes_until(kube, cluster, "Ready", reason="Unschedulable")

    assert "needs 8 x H200 in nodes of 8; 8 free, at most 4 of them on one node" in found["message"]
    assert "(scheduler: " in found["message"]


async def test_a_cordoned_node_is_out_of_reach(kube: Kube, cluster: Cluster, room: Room) -> None:
    [name] = await room.add((H200, 8))
    patch = {"spec": {"unschedulable": True}}
    await cluster.send("PATCH", f"{NODES}/{name}", patch, content=JSON_MERGE)
    await cluster.apply(room.asking(8))

    found = await passes_until(kube, cluster, "Ready", reason="Unschedulable")

    assert "needs 8 x H200 in nodes of 8; 0 free, " in found["message"]
    assert f"8 more on node {name} that is cordoned" in found["message"]


async def test_the_nodes_product_is_what_a_revision_is_sized_for_once(
    kube: Kube, cluster: Cluster, room: Room
) -> None:
    await room.add((L40S, 2))
    open_ = deepseek(
        "chat",
        cluster.namespace,
        model="DeepSeek-R1-Distill-Qwen-7B",
        accelerator={},
        pod={"nodeSelector": {ZONE: room.zone}},
    )
    await cluster.apply(open_)
    await settle(kube, cluster, "chat")

    sizing = (await cluster.get("chat"))["status"]["sizing"]
    assert sizing["accelerator"] == "L40S"
    assert sizing["values"][0]["name"] == "product"
    [deployment] = await cluster.list("apis/apps/v1", "deployments", SELECTOR)
    selector = deployment["spec"]["template"]["spec"]["nodeSelector"]
    assert selector["nvidia.com/gpu.product"] == "NVIDIA-L40S"

    await room.add((H200, 8))
    outcome = await one_pass(kube, Key(cluster.namespace, "chat"))

    assert outcome.writes == 0


async def test_several_products_are_told_as_the_choice_that_there_is(
    kube: Kube, cluster: Cluster, room: Room
) -> None:
    await room.add((L40S, 2), (H200, 2))
    await cluster.apply(
        deepseek(
            "chat",
            cluster.namespace,
            model="DeepSeek-R1-Distill-Qwen-7B",
            accelerator={"count": 1},
            pod={"nodeSelector": {ZONE: room.zone}, **HELD},
        )
    )
    await one_pass(kube, Key(cluster.namespace, "chat"))

    sizing = (await cluster.get("chat"))["status"]["sizing"]
    assert sizing["notDerived"] == (
        "accelerator.product is not set, and these pods may run on nodes with NVIDIA-H200 and with "
        "NVIDIA-L40S"
    )


async def test_published_devices_are_accelerators_where_no_plugin_offers_them(
    kube: Kube, cluster: Cluster, room: Room
) -> None:
    """The API server takes the slices, the class and the claim that the pure room is tested with."""
    [bare, offered] = await room.add((None, 0), (H200, 8))
    for node in (bare, offered):
        await cluster.send("POST", f"{DEVICES}/resourceslices", _slice(node, 4))
    class_name = f"{room.zone}.example.com"
    await cluster.send("POST", f"{DEVICES}/deviceclasses", _device_class(class_name))
    claims = f"{DEVICES}/namespaces/{cluster.namespace}/resourceclaims"
    claim = await cluster.send("POST", claims, _claim(class_name))
    result = {"request": "gpu", "driver": "gpu.nvidia.com", "pool": bare, "device": "gpu-0"}
    claim["status"] = {"allocation": {"devices": {"results": [result]}}}
    await cluster.send("PUT", f"{claims}/one/status", claim)
    try:
        found = free(await observe_nodes.read_cluster(kube, with_pods=True))
    finally:
        for node in (bare, offered):
            await cluster.send("DELETE", f"{DEVICES}/resourceslices/{node}")
        await cluster.send("DELETE", f"{DEVICES}/deviceclasses/{class_name}")

    # With its feature DRAExtendedResource off the server would drop the class's field, and no pod could ask for them.
    assert (found[bare], found[offered]) == (3, 8)


async def test_a_pod_that_asks_for_the_resource_is_given_published_devices(
    kube: Kube, cluster: Cluster, room: Room
) -> None:
    """What is counted is what the scheduler gives: no plugin offers any, and the pods have a node all the same."""
    [bare] = await room.add((None, 0))
    await cluster.send("POST", f"{DEVICES}/resourceslices", _slice(bare, 4))
    class_name = f"{room.zone}.example.com"
    await cluster.send("POST", f"{DEVICES}/deviceclasses", _device_class(class_name))
    await cluster.apply(room.asking(3, product=None))
    try:
        await settle(kube, cluster, "chat")
        found = free(await observe_nodes.read_cluster(kube, with_pods=True))
        claims = await cluster.list("apis/resource.k8s.io/v1", "resourceclaims")
    finally:
        await cluster.send("DELETE", f"{DEVICES}/resourceslices/{bare}")
        await cluster.send("DELETE", f"{DEVICES}/deviceclasses/{class_name}")

    assert found[bare] == 1
    [claim] = claims
    assert len(claim["status"]["allocation"]["devices"]["results"]) == 3


def _slice(node: str, count: int) -> Manifest:
    devices = [
        {
            "name": f"gpu-{number}",
            "attributes": {
                "type": {"string": "gpu"},
                "productName": {"string": "NVIDIA H200"},
            },
        }
        for number in range(count)
    ]
    return {
        "metadata": {"name": node},
        "spec": {
            "driver": "gpu.nvidia.com",
            "nodeName": node,
            "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
            "devices": devices,
        },
    }


def _device_class(name: str) -> Manifest:
    return {
        "metadata": {"name": name},
        "spec": {"extendedResourceName": "nvidia.com/gpu"},
    }


def _claim(class_name: str) -> Manifest:
    request = {"name": "gpu", "exactly": {"deviceClassName": class_name}}
    return {"metadata": {"name": "one"}, "spec": {"devices": {"requests": [request]}}}


async def test_all_pods_of_the_cluster_are_read_where_nodes_are_many(
    kube: Kube, cluster: Cluster, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API server takes the selector of pods that have a node."""
    [name] = await room.add((H200, 8))
    await cluster.apply(room.asking(4))
    await settle(kube, cluster, "chat")
    monkeypatch.setattr(observe_nodes, "FEW_NODES", 0)

    found = await observe_nodes.read_cluster(kube, with_pods=True)

    assert free(found)[name] == 4
    assert [one.namespace for one in found.holders if one.node == name] == [cluster.namespace]
