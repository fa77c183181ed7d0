"""Accelerators that a driver publishes as devices of resource.k8s.io/v1."""

from typing import Any

import pytest

from deepseek_operator.capacity import devices, nodes, words
from deepseek_operator.capacity.room import Cluster, Fit, fit, free
from tests.unit.capacity import machines
from tests.unit.capacity.machines import engine, want
from tests.unit.samples import Manifest

BY_RESOURCE = [{"spec": {"extendedResourceName": "nvidia.com/gpu"}}]


def mig(number: int, profile: str) -> Manifest:
    """As deviceinfo.go of NVIDIA's driver has one."""
    attributes = {"type": {"string": "mig"}, "profile": {"string": profile}}
    return {"name": f"gpu-0-mig-{number}", "attributes": attributes}


def gpu(number: int, *, kind: str = "gpu", **more: Any) -> Manifest:
    attributes = {"type": {"string": kind}, "productName": {"string": "NVIDIA H200"}}
    return {"name": f"gpu-{number}", "attributes": attributes, **more}


def published(
    node: str = "a", *found: Manifest, driver: str = "gpu.nvidia.com", generation: int = 1
) -> Manifest:
    """A slice of a node's pool; eight GPUs unless it says otherwise."""
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": f"{node}-{driver}-{generation}"},
        "spec": {
            "driver": driver,
            "nodeName": node,
            "pool": {"name": node, "generation": generation, "resourceSliceCount": 1},
            "devices": list(found) or [gpu(number) for number in range(8)],
        },
    }


def allocated(*names: str, pool: str = "a", **more: Any) -> Manifest:
    results = [
        {"driver": "gpu.nvidia.com", "pool": pool, "device": name, "request": "r", **more}
        for name in names
    ]
    return {"status": {"allocation": {"devices": {"results": results}}}}


def seen(
    slices: list[Manifest],
    claims: list[Manifest] | None = None,
    *,
    gpus: int | None = None,
    pods: tuple[Manifest, ...] = (),
    classes: list[Manifest] = BY_RESOURCE,
) -> Cluster:
    """Nodes a and b, of which a publishes devices."""
    there = devices.nodes_of(slices)
    read = [
        nodes.node_of(
            machines.node(name, gpus=gpus, labels=machines.H200), has_devices=name in there
        )
        for name in "ab"
    ]
    found = machines.cluster(*pods)
    cluster = Cluster(nodes=tuple(one for one in read if one), holders=found.holders)
    return devices.with_devices(cluster, devices.devices_of(slices, claims or [], classes))


def test_devices_are_accelerators_of_their_node() -> None:
    assert free(seen([published()])) == {"a": 8, "b": 0}


def test_a_node_without_labels_is_known_by_its_devices() -> None:
    bare = machines.node("a", gpus=None)

    assert nodes.node_of(bare) is None
    assert nodes.node_of(bare, has_devices=True) is not None


def test_what_a_plugin_offers_is_not_counted_twice() -> None:
    assert free(seen([published()], gpus=8)) == {"a": 8, "b": 8}


@pytest.mark.parametrize(
    ("slices", "count"),
    [
        pytest.param([published("a", gpu(0), gpu(1, kind="mig"), gpu(2, kind="vfio"))], 1, id="whole"),
        pytest.param([published("a", driver="other.example")], 0, id="another-driver"),
        pytest.param(
            [published("a", gpu(0)), published("a", gpu(0), gpu(1), generation=2)], 2, id="newest"
        ),
        pytest.param(
            [published("a", gpu(0), gpu(1, taints=[{"key": "x", "effect": "NoSchedule"}]))], 1,
            id="broken",
        ),
        pytest.param(
            [published("a", gpu(0), gpu(1, taints=[{"key": "x", "effect": "None"}]))], 2, id="noted"
        ),
    ],
)  # fmt: skip
def test_whole_devices_of_the_newest_generation_count(slices: list[Manifest], count: int) -> None:
    assert sum(free(seen(slices)).values()) == count


def test_what_is_divided_counts_as_slices_and_not_as_a_node_without_a_driver() -> None:
    found = seen([published("a", *(mig(number, "1g.18gb") for number in range(7)))])

    assert [node.slices for node in found.nodes] == [{"mig-1g.18gb": 7}, None]
    assert free(found) == {"a": 0, "b": 0}
    assert words.shortage(found, [want(1, 1)], known={}) == (
        "needs 1 x NVIDIA-H200; no whole ones there: they are divided into 7 x mig-1g.18gb"
    )


def test_slices_beside_whole_ones_are_what_these_might_be_divided_into() -> None:
    found = seen([published("a", gpu(0), mig(0, "1g.18gb"), mig(1, "1g.18gb"))])

    assert [node.slices for node in found.nodes] == [None, None]
    assert free(found)["a"] == 1


def test_a_node_is_known_by_its_slices_alone() -> None:
    assert devices.nodes_of([published("a", mig(0, "1g.18gb"))]) == {"a"}
    assert devices.nodes_of([published("a", gpu(0, kind="vfio"))]) == frozenset()


def test_what_a_claim_has_is_held() -> None:
    claims = [allocated("gpu-0", "gpu-1"), allocated("gpu-1"), allocated("gpu-9"), {}]

    assert free(seen([published()], claims))["a"] == 6


def test_who_only_watches_a_device_holds_none() -> None:
    assert free(seen([published()], [allocated("gpu-0", adminAccess=True)]))["a"] == 8


def test_a_pod_that_asks_by_resource_and_its_claim_are_one() -> None:
    pods = (engine("e", of="chat", revision="old", on="a", gpus=4),)
    claims = [allocated(*(f"gpu-{number}" for number in range(5)))]

    found = seen([published()], claims, pods=pods)

    assert free(found)["a"] == 3
    assert free(found, without=found.holders)["a"] == 7


def test_devices_that_no_class_gives_for_the_resource_are_out_of_reach() -> None:
    found = seen([published()], classes=[{"spec": {}}])

    assert fit(found, [want(1, 1)]) is Fit.NO
    assert [node.devices for node in found.nodes] == [8, 0]
