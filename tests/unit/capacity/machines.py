"""Nodes and pods as clusters have them: manifests with the labels that each kind of cluster writes."""

from typing import Any

from deepseek_operator.capacity import holders, nodes
from deepseek_operator.capacity.placing import placement_of
from deepseek_operator.capacity.room import Cluster, Want
from tests.unit.samples import Manifest

GPU = "nvidia.com/gpu"
NO_SCHEDULE = "NoSchedule"


def node(
    name: str = "n",
    *,
    labels: dict[str, str] | None = None,
    gpus: int | None = 8,
    allocatable: dict[str, str] | None = None,
    taints: list[Manifest] | None = None,
    cordoned: bool = False,
    ready: str | None = "True",
) -> Manifest:
    """A Node; by default eight GPUs that nothing keeps anybody from."""
    offered = {"cpu": "190", "memory": "2Ti", **(allocatable or {})}
    if gpus is not None:
        offered[GPU] = str(gpus)
    spec: Manifest = {"unschedulable": True} if cordoned else {}
    if taints:
        spec["taints"] = taints
    conditions = [] if ready is None else [{"type": "Ready", "status": ready}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": spec,
        "status": {"allocatable": offered, "conditions": conditions},
    }


def labelled(product: str) -> dict[str, str]:
    """What GPU feature discovery writes."""
    return {
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.count": "8",
        "nvidia.com/gpu.replicas": "1",
        "nvidia.com/gpu.sharing-strategy": "none",
        "nvidia.com/mig.strategy": "single",
        "nvidia.com/gpu.product": product,
    }


H200 = labelled("NVIDIA-H200")
H100 = labelled("NVIDIA-H100-80GB-HBM3")
L40S = labelled("NVIDIA-L40S")


def pod(
    name: str = "p",
    *,
    on: str | None = "n",
    gpus: int = 8,
    phase: str = "Running",
    labels: dict[str, str] | None = None,
    namespace: str = "team",
    **spec: Any,
) -> Manifest:
    """A pod whose one container asks for GPUs."""
    container = {"name": "main", "resources": {"limits": {GPU: str(gpus)}} if gpus else {}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
        "spec": {"containers": [container], **({"nodeName": on} if on else {}), **spec},
        "status": {"phase": phase},
    }


def engine(name: str, *, of: str, revision: str, worker: bool = False, **more: Any) -> Manifest:
    """A pod of a revision of ours; a worker takes no requests, and so has a label of its own."""
    labels = {
        "serving.deepseek.dev/deployment": of,
        f"serving.deepseek.dev/{'worker' if worker else 'revision'}": revision,
    }
    return pod(name, labels=labels, **more)


def cluster(*manifests: Manifest, **fields: Any) -> Cluster:
    """What is read of these nodes and pods."""
    found = [nodes.node_of(one) for one in manifests if one["kind"] == "Node"]
    held = [holders.holder_of(one) for one in manifests if one["kind"] == "Pod"]
    return Cluster(
        nodes=tuple(one for one in found if one is not None),
        holders=tuple(one for one in held if one is not None),
        **fields,
    )


def want(pods: int = 1, size: int = 8, *, what: str = "", **spec: Any) -> Want:
    """Pods of this spec that are to find room."""
    return Want(what, pods, size, placement_of(spec))


ON_H200 = {"nvidia.com/gpu.product": "NVIDIA-H200"}
ON_H100 = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
