"""Accelerators that a driver publishes as devices of resource.k8s.io/v1 (Dynamic Resource Allocation). Pure.

NVIDIA's driver has a pool a node, and devices of type `gpu` beside those of type `mig` and `vfio`
(kubernetes-sigs/dra-driver-nvidia-gpu, cmd/gpu-kubelet-plugin/deviceinfo.go). Our pods ask for `nvidia.com/gpu`; the scheduler
gives them devices of a DeviceClass that has this as `extendedResourceName` (KEP-5004), and an allocated claim for them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from deepseek_operator.capacity.nodes import GPU_RESOURCE, Node
from deepseek_operator.capacity.room import Cluster

Manifest = Mapping[str, Any]

DRIVER = "gpu.nvidia.com"

_WHOLE, _SLICE = "gpu", "mig"

_Device = tuple[str, str]
"""Pool and name."""


@dataclass(frozen=True, slots=True)
class Devices:
    """Whole GPUs that are published, by node, and those of them that claims have."""

    count: Mapping[str, int]
    held: Mapping[str, int]
    is_asked_by_resource: bool
    """Whether pods that ask for `nvidia.com/gpu` get them."""
    slices: Mapping[str, Mapping[str, int]]
    """MIG slices that are published, by node and profile."""


def nodes_of(slices: Iterable[Manifest]) -> frozenset[str]:
    """Nodes with published GPUs, whole or divided."""
    return frozenset(
        node for _, node, device in _published(slices) if _kind(device) in (_WHOLE, _SLICE)
    )


def devices_of(
    slices: Iterable[Manifest], claims: Iterable[Manifest], classes: Iterable[Manifest]
) -> Devices:
    """What slices publish and claims hold of it."""
    published = list(_published(slices))
    whole = {key: node for key, node, device in published if _kind(device) == _WHOLE}
    divided: dict[str, Counter[str]] = {}
    for _, node, device in published:
        if _kind(device) == _SLICE:
            divided.setdefault(node, Counter())[f"mig-{_text(device, 'profile') or 'slice'}"] += 1
    held = {device for claim in claims for device in _allocated(claim)}
    return Devices(
        count=Counter(whole.values()),
        held=Counter(node for device, node in whole.items() if device in held),
        is_asked_by_resource=any(
            item.get("spec", {}).get("extendedResourceName") == GPU_RESOURCE for item in classes
        ),
        slices=divided,
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
    count, slices = devices.count.get(node.name, 0), devices.slices.get(node.name)
    if node.accelerators:
        return node
    if not count:
        # Beside whole GPUs slices are what these may be divided into: a driver that does it on demand publishes both.
        return replace(node, slices={**slices, **(node.slices or {})}) if slices else node
    if devices.is_asked_by_resource:
        return replace(node, accelerators=count)
    return replace(node, devices=count)


def _published(slices: Iterable[Manifest]) -> Iterator[tuple[_Device, str, Manifest]]:
    """Devices that may be used, each with its node; of a pool only the newest generation counts."""
    specs = [
        item["spec"]
        for item in slices
        if item["spec"].get("driver") == DRIVER and item["spec"].get("nodeName")
    ]
    newest: dict[str, int] = {}
    for spec in specs:
        pool = spec["pool"]
        newest[pool["name"]] = max(newest.get(pool["name"], 0), int(pool.get("generation", 0)))
    for spec in specs:
        name, generation = spec["pool"]["name"], int(spec["pool"].get("generation", 0))
        for device in spec.get("devices") or ():
            if generation == newest[name] and not _is_closed(device):
                yield (name, device["name"]), str(spec["nodeName"]), device


def _kind(device: Manifest) -> str:
    return _text(device, "type")


def _text(device: Manifest, attribute: str) -> str:
    found: str = (device.get("attributes") or {}).get(attribute, {}).get("string", "")
    return found


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
