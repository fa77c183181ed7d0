"""Nodes with accelerators, as their manifests tell of them. Pure.

Labels of GPU feature discovery (NVIDIA/k8s-device-plugin, docs/gfd_labels.md): with the MIG strategy `single` the value of
`nvidia.com/gpu.product` ends in the profile and `nvidia.com/gpu` counts slices; with `mixed` slices are resources of their own,
`nvidia.com/mig-1g.10gb`. A GPU that several pods share is counted `nvidia.com/gpu.replicas` times.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deepseek_operator.catalog.accelerators import LABELS, Accelerator

Manifest = Mapping[str, Any]

GPU_RESOURCE = "nvidia.com/gpu"
MIG_PREFIX = "nvidia.com/mig-"

_SHARING_LABELS = ("nvidia.com/gpu.sharing-strategy", "cloud.google.com/gke-gpu-sharing-strategy")
_PARTITION_LABEL = "cloud.google.com/gke-gpu-partition-size"
_REPLICAS_LABEL = "nvidia.com/gpu.replicas"
_MIG_STRATEGY_LABEL = "nvidia.com/mig.strategy"
_MIG_MARK = "-MIG-"

_ON_DEMAND_LABELS = ("karpenter.sh/nodepool", "karpenter.sh/provisioner-name")
"""Of nodes that were made because pods waited (https://karpenter.sh/docs/concepts/scheduling)."""


@dataclass(frozen=True, slots=True)
class Taint:
    """What keeps pods off a node that do not tolerate it."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        """As kubectl writes it: key=value:effect."""
        return (
            f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"
        )


@dataclass(frozen=True, slots=True)
class Product:
    """What a node's accelerators are: the catalog's name, and the label that says so."""

    name: str
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Node:
    """One node with accelerators."""

    name: str
    labels: Mapping[str, str]
    taints: tuple[Taint, ...] = ()
    accelerators: int = 0
    """Allocatable ones that pods may ask for as `nvidia.com/gpu`."""
    slices: Mapping[str, int] | None = None
    """Allocatable MIG slices by resource; None: no such resource."""
    devices: int = 0
    """GPUs that are published as devices alone: no pod that asks for the resource gets them."""
    closed: str = ""
    """Why no pod at all comes to it; empty: pods may."""

    @property
    def is_divided(self) -> bool:
        """Whether one that is counted is less than a GPU: a MIG slice, or shared with other pods."""
        labels = self.labels
        value = labels.get(LABELS["gpuOperator"], "")
        if _MIG_MARK in value or _PARTITION_LABEL in labels:
            return True
        if any(labels.get(name, "none") not in ("none", "") for name in _SHARING_LABELS):
            return True
        return labels.get(_REPLICAS_LABEL, "1") not in ("0", "1")


def node_of(manifest: Manifest, *, has_devices: bool = False) -> Node | None:
    """The node; None where it has no accelerators, as a resource, by a label or as devices."""
    status, metadata = manifest.get("status", {}), manifest["metadata"]
    allocatable = status.get("allocatable") or {}
    slices = {
        name: int(amount) for name, amount in allocatable.items() if name.startswith(MIG_PREFIX)
    }
    has_any = GPU_RESOURCE in allocatable or slices
    labels = dict(metadata.get("labels") or {})
    if not has_any and not has_devices and not any(label in labels for label in _PRODUCT_LABELS):
        return None
    return Node(
        name=str(metadata["name"]),
        labels=labels,
        taints=tuple(_taints(manifest)),
        accelerators=int(allocatable.get(GPU_RESOURCE, 0)),
        slices=slices or None,
        closed=_closed(manifest),
    )


_PRODUCT_LABELS = tuple(label for field, label in LABELS.items() if field != "aks")
"""Labels that only machines with accelerators have; that of AKS is every machine's type."""


def is_made_on_demand(manifest: Manifest) -> bool:
    """Whether something makes such nodes when pods wait for them."""
    labels = manifest["metadata"].get("labels") or {}
    return any(label in labels for label in _ON_DEMAND_LABELS)


def product_of(node: Node, known: Mapping[str, Accelerator]) -> Product | None:
    """The product by the first label that names one of the catalog; None for one it does not have, and for parts of GPUs."""
    return None if node.is_divided else next(products_of(node, known), None)


def products_of(node: Node, known: Mapping[str, Accelerator]) -> Iterator[Product]:
    """Every label of the node that names a product of the catalog."""
    for field, label in LABELS.items():
        value = node.labels.get(label)
        if value is None:
            continue
        for name, entry in known.items():
            if value in entry.labels.model_dump(by_alias=True)[field]:
                yield Product(name, label, value)
                break


def called(node: Node, known: Mapping[str, Accelerator]) -> str:
    """What its accelerators are, for people: the product, else what its labels say."""
    product = product_of(node, known)
    if product is not None:
        return product.name
    said = next((node.labels[label] for label in _PRODUCT_LABELS if label in node.labels), "")
    if not said:
        return GPU_RESOURCE
    is_told = _MIG_MARK in said or not node.is_divided or said.endswith("-SHARED")
    return said if is_told else f"{said} (shared)"


def _taints(manifest: Manifest) -> Iterator[Taint]:
    for taint in manifest.get("spec", {}).get("taints") or ():
        if taint["effect"] != "PreferNoSchedule":
            yield Taint(str(taint["key"]), str(taint.get("value") or ""), str(taint["effect"]))


def _closed(manifest: Manifest) -> str:
    """Cordoned by a person, or not reporting: no toleration of ours is for that."""
    if manifest.get("spec", {}).get("unschedulable"):
        return "cordoned"
    for condition in manifest.get("status", {}).get("conditions") or ():
        if condition["type"] == "Ready" and condition["status"] != "True":
            return "not ready"
    return ""
