"""Pods that hold accelerators. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.capacity.nodes import GPU_RESOURCE

Manifest = Mapping[str, Any]

_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Holder:
    """A pod that has a node and accelerators of it."""

    node: str
    accelerators: int
    name: str = ""
    namespace: str = ""
    owner: str = ""
    """The DeepSeekDeployment whose engine it is; empty: somebody else's."""
    revision: str = ""
    priority: int = 0
    priority_class: str = ""
    is_ending: bool = False
    """Whether it goes; it holds what it has until it is gone."""


def holder_of(pod: Manifest) -> Holder | None:
    """The holder; None for a pod that has no node, no accelerators, or has ended."""
    spec, metadata = pod.get("spec", {}), pod["metadata"]
    node = spec.get("nodeName")
    count = accelerators_of(spec)
    if not node or not count or pod.get("status", {}).get("phase") in _ENDED:
        return None
    labels = metadata.get("labels") or {}
    return Holder(
        node=str(node),
        accelerators=count,
        name=str(metadata.get("name", "")),
        namespace=str(metadata.get("namespace", "")),
        owner=str(labels.get(names.DEPLOYMENT_LABEL, "")),
        # A worker takes no requests, so it has a label of its own; its accelerators are its revision's.
        revision=str(labels.get(names.REVISION_LABEL) or labels.get(names.WORKER_LABEL, "")),
        priority=int(spec.get("priority") or 0),
        priority_class=str(spec.get("priorityClassName") or ""),
        is_ending="deletionTimestamp" in metadata,
    )


def accelerators_of(spec: Manifest) -> int:
    """How many a pod asks for, as the scheduler counts.

    Init containers run one after the other, before the rest, and a restartable one goes on beside what follows it
    (https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers).
    """
    beside, most = 0, 0
    for container in spec.get("initContainers") or ():
        count = _asked(container)
        if container.get("restartPolicy") == "Always":
            beside += count
            most = max(most, beside)
        else:
            most = max(most, beside + count)
    return max(most, beside + sum(map(_asked, spec.get("containers") or ())))


def _asked(container: Manifest) -> int:
    """Request and limit of an extended resource are equal, and either may be left out."""
    resources = container.get("resources") or {}
    for part in ("limits", "requests"):
        amount = (resources.get(part) or {}).get(GPU_RESOURCE)
        if amount is not None:
            return int(amount)
    return 0
