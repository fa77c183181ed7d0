"""Why pods do not serve, in words: the root cause, not only "not ready".

Each check looks for one cause and states it as pod, container and what Kubernetes or the engine said.
The chain goes from what keeps a pod from existing to what keeps it from answering.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from deepseek_operator import complaints, pending, pod_states
from deepseek_operator.api.conditions import Reason
from deepseek_operator.log_lines import telling_line
from deepseek_operator.observed import (
    Complaint,
    Manifest,
    Observed,
    is_over,
    nodes_of,
    revision_of,
    worker_of,
)
from deepseek_operator.pod_states import unscheduled

MESSAGE_LIMIT = 700
"""Characters of a cause; `kubectl get` shows it on one line."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause: one word for machines, a sentence for people."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Symptoms:
    """What a check may look at: what makes one revision's pods, and these."""

    engine_set: Manifest | None
    pods: tuple[Manifest, ...]
    observed: Observed
    beside: str | None = None
    """The revision that serves while this one is to take over from it."""


Check = Callable[[Symptoms], Finding | None]


def diagnose(observed: Observed, key: str, *, beside: str | None = None) -> Finding | None:
    """The first cause that keeps the revision's pods from serving; None when nothing is known."""
    pods = (*observed.pods_of(key), *observed.workers_of(key))
    beside = None if beside == key else beside
    return _first(Symptoms(observed.engine_set(key), pods, observed, beside))


def diagnose_pods(
    observed: Observed, pods: tuple[Manifest, ...], *, made_by: Manifest | None = None
) -> Finding | None:
    """The first cause that keeps pods of any kind from running, or what makes them from making any."""
    return _first(Symptoms(made_by, pods, observed))


def _first(symptoms: Symptoms) -> Finding | None:
    """What keeps pods from serving, and how the last one before them ended where they may still come to it."""
    there = tuple(pod for pod in symptoms.pods if not is_over(pod))
    over = tuple(pod for pod in symptoms.pods if is_over(pod))
    found = _found(CHECKS, replace(symptoms, pods=there))
    if found is not None and found.reason not in _MAY_PASS:
        return found
    before = _found(CHECKS_OF_THE_LAST, replace(symptoms, pods=over[:1]))
    if found is None or before is None:
        return found or before
    return Finding(found.reason, _one_line(f"{found.message}; before it, {before.message}"))


def _found(checks: tuple[Check, ...], symptoms: Symptoms) -> Finding | None:
    for check in checks:
        finding = check(symptoms)
        if finding is not None:
            return Finding(finding.reason, _one_line(finding.message))
    return None


def pods_refused(symptoms: Symptoms) -> Finding | None:
    """The API server refuses the pods: a quota, a policy, a missing ServiceAccount."""
    made_by = symptoms.engine_set
    if made_by is None:
        return None
    said = [
        condition.get("message")
        for condition in made_by.get("status", {}).get("conditions", [])
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True"
    ]
    maker = f"{made_by.get('kind')}/{made_by['metadata'].get('name')}"
    # Only a ReplicaSet's refusal comes to stand in a status.
    said += [
        item.message
        for item in symptoms.observed.complaints.get(maker, ())
        if item.reason == complaints.REFUSED
    ]
    return Finding(Reason.PODS_REFUSED, f"pods are refused: {said[-1]}") if said else None


def unschedulable(symptoms: Symptoms) -> Finding | None:
    """The scheduler finds no node; beside its message stands what accelerators are needed and free."""
    waiting = [pod for pod in symptoms.pods if unscheduled(pod) is not None]
    if not waiting:
        return None
    said = unscheduled(waiting[0])
    counted = pending.counted(
        symptoms.observed,
        waiting,
        pods=symptoms.pods,
        engine_set=symptoms.engine_set,
        beside=symptoms.beside,
    )
    if counted is not None:
        said = f"{counted} (scheduler: {said})"
    return Finding(Reason.UNSCHEDULABLE, f"pod {_name(waiting[0])}: {said}")


def scheduler_silent(symptoms: Symptoms) -> Finding | None:
    """A scheduler of the cluster's own has said nothing of a pod: it may not be there."""
    for pod in symptoms.pods:
        spec = pod.get("spec", {})
        scheduler = spec.get("schedulerName", _SCHEDULER)
        is_heard = bool(spec.get("nodeName") or pod_states.condition(pod, "PodScheduled"))
        if scheduler != _SCHEDULER and not is_heard:
            return Finding(
                Reason.UNSCHEDULABLE,
                f"pod {_name(pod)}: scheduler {scheduler} has said nothing of it yet",
            )
    return None


def pod_failed(symptoms: Symptoms) -> Finding | None:
    """A node evicted the pod or turned it away, and says why: its memory or disk ran low, a device is broken."""
    for pod in symptoms.pods:
        status = pod.get("status", {})
        said = [str(status[field]) for field in ("reason", "message") if status.get(field)]
        if status.get("phase") == "Failed" and said:
            return Finding(Reason.POD_FAILED, f"pod {_name(pod)}: {': '.join(said)}")
    return None


def node_not_ready(symptoms: Symptoms) -> Finding | None:
    """A pod was ready, and its node is not heard of any more."""
    for pod in symptoms.pods:
        if pod_states.is_out_of_sight(pod):
            node = pod.get("spec", {}).get("nodeName")
            return Finding(
                Reason.NODE_NOT_READY, f"pod {_name(pod)}: its node {node} is not heard of"
            )
    return None


def image_pull_failed(symptoms: Symptoms) -> Finding | None:
    """A node cannot pull an image."""
    for pod, container in _containers(symptoms):
        if pod_states.waiting_for(container) in _PULL_REASONS:
            untold = complaints.pull_error(_complaints(symptoms, pod), container)
            said = untold or _waits_for(container)
            image = f"image {container.get('image')} cannot be pulled"
            return Finding(Reason.IMAGE_PULL_FAILED, f"{_where(pod, container)}: {image}: {said}")
    return None


def container_config_error(symptoms: Symptoms) -> Finding | None:
    """A node cannot create or start a container: a missing Secret or key, a bad volume path."""
    for pod, container in _containers(symptoms):
        end = pod_states.failed_end(pod, container) or {}
        never_ran = end.get("reason") in _NEVER_RAN
        if never_ran or pod_states.waits_in_vain(container):
            said = end.get("message") if never_ran else _waits_for(container)
            return Finding(
                Reason.CONTAINER_CONFIG_ERROR,
                f"{_where(pod, container)}: cannot be created: {said}",
            )
    return None


def out_of_memory(symptoms: Symptoms) -> Finding | None:
    """The kernel killed a container at its memory limit."""
    for pod, container, end in _failed_ends(symptoms):
        if end.get("reason") == "OOMKilled":
            limit = _memory_limit(pod, container["name"])
            return Finding(
                Reason.OUT_OF_MEMORY,
                f"{_where(pod, container)}: out of memory (exit code {end.get('exitCode')})"
                f"{_restarts(container)}; memory limit {limit}: raise pod.resources.limits.memory",
            )
    return None


def engine_failed(symptoms: Symptoms) -> Finding | None:
    """A container ended, or was killed; the cause is the error its log ends with."""
    for pod, container, end in _failed_ends(symptoms):
        log = symptoms.observed.logs.get(pod["metadata"]["name"]) or end.get("message") or ""
        said, killed = telling_line(log), _killed(symptoms, pod, container, end)
        if killed is not None:
            said = f"{killed}; its log ends with: {said}" if said else f"{killed}; it wrote nothing"
        words = f"{_code(end)}{_restarts(container)}: {said or 'it wrote nothing'}"
        return Finding(Reason.ENGINE_FAILED, f"{_where(pod, container)}: {words}")
    return None


def _code(end: dict[str, Any]) -> str:
    code = end.get("exitCode")
    return f"exit code {code}" if code else f"ended with exit code {code}"


def _killed(
    symptoms: Symptoms, pod: Manifest, container: Manifest, end: dict[str, Any]
) -> str | None:
    """Why the container was killed, where it did not end by itself."""
    probe = complaints.failed_probe(_complaints(symptoms, pod), container["name"], end)
    if probe is not None:
        longer = complaints.longer(probe, container["name"], symptoms.engine_set, symptoms.observed)
        return f"killed, as a probe failed for too long ({probe}){longer}"
    # A container that the kubelet lost has this code too, and a reason that says so.
    if end.get("exitCode") == _KILLED and end.get("reason") == "Error":
        return "killed (SIGKILL): its node ran out of memory, or a probe failed for too long"
    return None


def volume_not_mounted(symptoms: Symptoms) -> Finding | None:
    """A pod has a node but waits for its volumes."""
    for pod, said in _setbacks(symptoms):
        if said.reason in complaints.VOLUME:
            return Finding(Reason.VOLUME_NOT_MOUNTED, f"pod {_name(pod)}: {said.message}")
    return None


def pod_not_set_up(symptoms: Symptoms) -> Finding | None:
    """A pod has a node, which fails before its first container: at its network, or its devices."""
    for pod, said in _setbacks(symptoms):
        if said.reason in complaints.SETUP:
            return Finding(Reason.POD_NOT_SET_UP, f"pod {_name(pod)}: {said.message}")
    return None


def image_pulling(symptoms: Symptoms) -> Finding | None:
    """A node pulls an image: those of engines are large, and until then no status says a word."""
    for pod, said in _setbacks(symptoms):
        if complaints.is_pull(said):
            return Finding(
                Reason.IMAGE_PULLING, f"pod {_name(pod)}: {said.message}, since {said.at}"
            )
    return None


def engine_loading(symptoms: Symptoms) -> Finding | None:
    """The engine runs and its start-up probe has not passed: it loads weights and compiles."""
    for pod, container in _containers(symptoms):
        running = container.get("state", {}).get("running")
        if running and not container.get("started") and container["name"] == "engine":
            return Finding(
                Reason.ENGINE_LOADING,
                f"{_where(pod, container)}: loading since {running.get('startedAt')}",
            )
    return None


def not_answering(symptoms: Symptoms) -> Finding | None:
    """The engine has started and its readiness check fails."""
    for pod, container in _containers(symptoms):
        is_engine = container["name"] == "engine" and bool(container.get("started"))
        if is_engine and not container.get("ready"):
            return Finding(
                Reason.NOT_ANSWERING,
                f"{_where(pod, container)}: started, but it does not answer a completion yet",
            )
    return None


def pod_ending(symptoms: Symptoms) -> Finding | None:
    """Pods are missing, and one of before is not gone: its node may be away."""
    made_by = symptoms.engine_set
    if made_by is None:
        return None
    wanted = int(made_by.get("spec", {}).get("replicas", 0))
    if len(symptoms.pods) >= wanted * (nodes_of(made_by) if wanted else 1):
        return None
    key = revision_of(made_by)
    for pod in symptoms.observed.pods:
        until = pod["metadata"].get("deletionTimestamp")
        if until is not None and key is not None and key in (revision_of(pod), worker_of(pod)):
            node = pod.get("spec", {}).get("nodeName")
            return Finding(
                Reason.POD_ENDING,
                f"pod {_name(pod)}: it was to be gone from node {node} by {until}",
            )
    return None


CHECKS: tuple[Check, ...] = (
    pods_refused,
    unschedulable,
    scheduler_silent,
    node_not_ready,
    image_pull_failed,
    container_config_error,
    out_of_memory,
    engine_failed,
    volume_not_mounted,
    pod_not_set_up,
    image_pulling,
    engine_loading,
    not_answering,
    pod_ending,
)

CHECKS_OF_THE_LAST: tuple[Check, ...] = (pod_failed, out_of_memory, engine_failed)
"""What is asked of a pod that will not run again."""

_MAY_PASS = frozenset({Reason.IMAGE_PULLING, Reason.ENGINE_LOADING})
"""Pods come as far again and again where each is evicted after a while."""

_PULL_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ImageInspectError",
        "InvalidImageName",
        "ErrImageNeverPull",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_SCHEDULER = "default-scheduler"
_KILLED = 137
_NEVER_RAN = frozenset({"StartError", "ContainerCannotRun"})
"""How runtimes call the end of a container whose program could not be started."""


def _containers(symptoms: Symptoms) -> Iterator[tuple[Manifest, Manifest]]:
    for pod in symptoms.pods:
        for status in pod_states.statuses(pod):
            yield pod, status


def _failed_ends(symptoms: Symptoms) -> Iterator[tuple[Manifest, Manifest, dict[str, Any]]]:
    for pod, container in _containers(symptoms):
        end = pod_states.failed_end(pod, container)
        if end is not None:
            yield pod, container, end


def _setbacks(symptoms: Symptoms) -> Iterator[tuple[Manifest, Complaint]]:
    """What nodes say of pods whose containers are not there yet."""
    for pod in symptoms.pods:
        said = complaints.last_setback(_complaints(symptoms, pod))
        if said is not None and pod_states.waits_for_containers(pod):
            yield pod, said


def _complaints(symptoms: Symptoms, pod: Manifest) -> tuple[Complaint, ...]:
    return symptoms.observed.complaints.get(pod["metadata"]["name"], ())


def _waits_for(container: Manifest) -> str:
    waiting = container["state"]["waiting"]
    return str(waiting.get("message") or waiting["reason"])


def _memory_limit(pod: Manifest, container: str) -> str:
    for spec in pod.get("spec", {}).get("containers", []):
        if spec["name"] == container:
            limits = spec.get("resources", {}).get("limits", {})
            return str(limits.get("memory", "none (the node ran out)"))
    return "unknown"


def _restarts(container: Manifest) -> str:
    count = int(container.get("restartCount", 0))
    # Not the count itself: it grows for ever, and each growth would be a status write and an event.
    return ", restarting" if count else ""


def _name(pod: Manifest) -> str:
    return str(pod["metadata"]["name"])


def _where(pod: Manifest, container: Manifest) -> str:
    return f"pod {_name(pod)}, container {container['name']}"


def _one_line(message: str) -> str:
    text = " ".join(message.split())
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"
