"""Nodes for kwok that look like machines with real accelerators: the labels that GPU feature discovery writes."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Gpu:
    """A product as its node labels describe it; memory in MiB as `nvidia-smi` reports it."""

    product: str
    memory_mib: int
    family: str
    compute: tuple[int, int]


H200 = Gpu("NVIDIA-H200", 143771, "hopper", (9, 0))
H100 = Gpu("NVIDIA-H100-80GB-HBM3", 81559, "hopper", (9, 0))
H20 = Gpu("NVIDIA-H20", 97871, "hopper", (9, 0))
B200 = Gpu("NVIDIA-B200", 183359, "blackwell", (10, 0))
A100 = Gpu("NVIDIA-A100-SXM4-80GB", 81920, "ampere", (8, 0))
L40S = Gpu("NVIDIA-L40S", 46068, "ada-lovelace", (8, 9))


@dataclass(frozen=True, slots=True)
class FakeNode:
    """One node: its accelerators and what else it can hold."""

    name: str
    gpu: Gpu | None = None
    gpus: int = 0
    cpus: int = 192
    memory: str = "2Ti"
    storage: str = "4Ti"
    zone: str = "zone-a"

    def manifest(self) -> dict[str, Any]:
        """The Node object."""
        capacity = {
            "cpu": str(self.cpus),
            "memory": self.memory,
            "ephemeral-storage": self.storage,
            "pods": "250",
        }
        if self.gpu is not None:
            capacity["nvidia.com/gpu"] = str(self.gpus)
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name, "labels": self.labels()},
            "status": {"capacity": capacity, "allocatable": capacity},
        }

    def labels(self) -> dict[str, str]:
        """The labels that the kubelet, the cloud and the GPU's discovery would write."""
        found = {
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": self.name,
            "kubernetes.io/os": "linux",
            "topology.kubernetes.io/region": "region-a",
            "topology.kubernetes.io/zone": self.zone,
        }
        if self.gpu is None:
            return found
        major, minor = self.gpu.compute
        return found | {
            "nvidia.com/gpu.compute.major": str(major),
            "nvidia.com/gpu.compute.minor": str(minor),
            "nvidia.com/gpu.count": str(self.gpus),
            "nvidia.com/gpu.family": self.gpu.family,
            "nvidia.com/gpu.memory": str(self.gpu.memory_mib),
            "nvidia.com/gpu.present": "true",
            "nvidia.com/gpu.product": self.gpu.product,
        }


DEFAULT = (
    FakeNode("h200-a", H200, 8),
    FakeNode("h200-b", H200, 8, zone="zone-b"),
    FakeNode("h100-a", H100, 8),
    FakeNode("l40s-a", L40S, 4, cpus=64, memory="512Gi", zone="zone-b"),
    FakeNode("cpu-a", cpus=32, memory="128Gi"),
)
"""One of each kind that sizing tells apart, in two zones."""
