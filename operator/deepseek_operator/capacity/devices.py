"""Accelerators that a driver publishes as devices of resource.k8s.io/v1 (Dynamic Resource Allocation). Pure.

NVIDIA's driver has a pool a node, and devices of type `gpu` beside those of type `mig` and `vfio`
(kubernetes-sigs/dra-driver-nvidia-gpu, cmd/gpu-kubelet-plugin/deviceinfo.go). Our pods ask for `nvidia.com/gpu`; the scheduler
gives them devices of a DeviceClass that has this as `extendedResourceName` (KEP-5004), and an allocated claim for them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from deepseek_operator.capacity.nodes import GPU_RESOURCE, Node
from deepseek_operator.capacity.room import Cluster

Manifest = Mapping[str, Any]

DRIVER = "gpu.nvidia.com"

_Device = tuple[str, str]
"""Pool and name."""


@dataclass(frozen=True, slots=True)
class Devices:
    """Whole GPUs that are published, by node, and those of them that claims have."""

    count: Mapping[str, int]
    held: Mapping[str, int]
    is_asked_by_resource: bool
    """Whether pods that ask for `nvidia.com/gpu` get them."""


def nodes_of(slices: Iterable[Manifest]) -> frozenset[str]:
    """Nodes with published GPUs."""
    return frozenset(_published(slices).values())


def devices_of(
    slices: Iterable[Manifest], claims: Iterable[Manifest], classes: Iterable[Manifest]
) -> Devices:
    """What slices publish and claims hold of it."""
    published = _published(slices)
    held = {device for claim in claims for device in _allocated(claim)}
    return Devices(
        count=Counter(published.values()),
        held=Counter(node for device, node in published.items() if device in held),
        is_asked_by_resource=any(
            item.get("spec", {}).get("extendedResourceName") == GPU_RESOURCE for item in classes
        ),
    )


def with_devices(cluster: Cluster, devices: Devices) -> Cluster:
    """The cluster with them, but for nodes whose device plugin offers the same GPUs as a resource."""
    found = [_with_devices(node, devices) for node in cluster.nodes]
    asked = Counter[str]()
    for holder in cluster.holders:
        asked[holder.node] += holder.accelerators
    held = {
        node.name: max(0, devices.held.get(node.name, 0) - asked[node.name])
        for node, before in zip(found, cluster.nodes, strict=True)
        if node is not before and node.accelerators
    }
    return replace(cluster, nodes=tuple(found), held={**cluster.held, **held})


def _with_devices(node: Node, devices: Devices) -> Node:
    count = devices.count.get(node.name, 0)
    if node.accelerators or not count:
        return node
    if devices.is_asked_by_resource:
        return replace(node, accelerators=count)
    return replace(node, devices=count)


def _published(slices: Iterable[Manifest]) -> dict[_Device, str]:
    """Node by device; of a pool only the newest generation counts."""
    specs = [
        item["spec"]
        for item in slices
        if item["spec"].get("driver") == DRIVER and item["spec"].get("nodeName")
    ]
    newest: dict[str, int] = {}
    for spec in specs:
        pool = spec["pool"]
        newest[pool["name"]] = max(newest.get(pool["name"], 0), int(pool.get("generation", 0)))
    return {
        (spec["pool"]["name"], device["name"]): str(spec["nodeName"])
        for spec in specs
        if int(spec["pool"].get("generation", 0)) == newest[spec["pool"]["name"]]
        for device in spec.get("devices") or ()
        if (device.get("attributes") or {}).get("type", {}).get("string") == "gpu"
        and not _is_closed(device)
    }


def _is_closed(device: Manifest) -> bool:
    """Whether its driver has found it broken, as a taint says."""
    return any(
        taint.get("effect") in ("NoSchedule", "NoExecute") for taint in device.get("taints") or ()
    )


def _allocated(claim: Manifest) -> Iterable[_Device]:
    results = claim.get("status", {}).get("allocation", {}).get("devices", {}).get("results") or ()
    for result in results:
        if result.get("driver") == DRIVER and not result.get("adminAccess"):
            yield result["pool"], result["device"]
