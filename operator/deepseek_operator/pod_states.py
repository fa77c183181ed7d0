"""What statuses of pods say, as the kubelet, the scheduler and the node controller write them."""

from typing import Any

from deepseek_operator.observed import Manifest

_BEING_MADE = frozenset({"ContainerCreating", "PodInitializing"})


def statuses(pod: Manifest) -> list[Manifest]:
    """Of all containers, those that come first first."""
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def failed_end(pod: Manifest, container: Manifest) -> dict[str, Any] | None:
    """How a container that is not ready last ended; one that is to run for ever fails with code 0 too."""
    if container.get("ready"):
        return None
    for state in (container.get("state", {}), container.get("lastState", {})):
        end = state.get("terminated")
        if end and (end.get("exitCode") != 0 or _runs_for_ever(pod, container)):
            return dict(end)
    return None


def failed_container(pod: Manifest) -> tuple[str, bool] | None:
    """The container whose log tells of a failure, and whether it is the previous run's log."""
    for container in statuses(pod):
        if failed_end(pod, container) is not None:
            return str(container["name"]), "running" in container.get("state", {})
    return None


def waits_for_containers(pod: Manifest) -> bool:
    """Whether the pod has a node and a container of it has not been created yet."""
    reasons = {waiting_for(status) for status in statuses(pod)}
    return bool(pod.get("spec", {}).get("nodeName")) and bool(reasons & _BEING_MADE)


def waits_in_vain(container: Manifest) -> bool:
    """Whether a container that does not run waits for what does not come by itself."""
    return waiting_for(container) not in {None, "CrashLoopBackOff", *_BEING_MADE}


def waiting_for(container: Manifest) -> str | None:
    """The reason for which a container does not run."""
    reason = container.get("state", {}).get("waiting", {}).get("reason")
    return None if reason is None else str(reason)


def unscheduled(pod: Manifest) -> str | None:
    """What the scheduler says of a pod that it finds no node for."""
    found = condition(pod, "PodScheduled")
    if found.get("status") != "False":
        return None
    return str(found.get("message") or found.get("reason"))


def is_out_of_sight(pod: Manifest) -> bool:
    """Whether the pod was ready, and the node controller took that back, as its node is not heard of.

    It leaves all else as it was (MarkPodsNotReady, pkg/controller/util/node of Kubernetes). A kubelet that calls
    a pod unready gives a reason (pkg/kubelet/status/generate.go).
    """
    ready, containers = condition(pod, "Ready"), condition(pod, "ContainersReady")
    is_taken_back = ready.get("status") == "False" and not ready.get("reason")
    return is_taken_back and containers.get("status") == "True"


def condition(manifest: Manifest, kind: str) -> Manifest:
    """The condition of this type, of a pod or any other object; empty where it has none."""
    conditions = manifest.get("status", {}).get("conditions") or ()
    return next((item for item in conditions if item["type"] == kind), {})


def _runs_for_ever(pod: Manifest, container: Manifest) -> bool:
    spec = pod.get("spec", {})
    name = container["name"]
    first = {item["name"]: item for item in spec.get("initContainers", [])}
    if name in first:
        return bool(first[name].get("restartPolicy") == "Always")
    is_first = any(
        item["name"] == name for item in pod.get("status", {}).get("initContainerStatuses", [])
    )
    return not is_first and spec.get("restartPolicy", "Always") == "Always"
