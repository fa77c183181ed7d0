"""Why pods do not serve, in words: the root cause, not only "not ready".

Each check looks for one cause and states it as pod, container and what Kubernetes or the engine said.
The chain goes from what keeps a pod from existing to what keeps it from answering.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.api.conditions import Reason
from deepseek_operator.capacity import holders, placing, room, words
from deepseek_operator.capacity.holders import Holder
from deepseek_operator.capacity.room import Cluster, Fit, Want
from deepseek_operator.observed import Manifest, Observed, is_group, nodes_of

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


def diagnose_pods(observed: Observed, pods: tuple[Manifest, ...]) -> Finding | None:
    """The first cause that keeps pods of any kind from running."""
    return _first(Symptoms(None, pods, observed))


def _first(symptoms: Symptoms) -> Finding | None:
    for check in CHECKS:
        finding = check(symptoms)
        if finding is not None:
            return Finding(finding.reason, _one_line(finding.message))
    return None


def pods_refused(symptoms: Symptoms) -> Finding | None:
    """The API server refuses the pods: a quota, a policy, a missing ServiceAccount."""
    status = (symptoms.engine_set or {}).get("status", {})
    for condition in status.get("conditions", []):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return Finding(Reason.PODS_REFUSED, f"pods are refused: {condition.get('message')}")
    return None


def unschedulable(symptoms: Symptoms) -> Finding | None:
    """The scheduler finds no node; beside its message stands what accelerators are needed and free."""
    waiting = [pod for pod in symptoms.pods if unscheduled(pod) is not None]
    if not waiting:
        return None
    said = unscheduled(waiting[0])
    cluster = symptoms.observed.cluster
    counted = _counted(symptoms, waiting, cluster) if cluster is not None else None
    if counted is not None:
        said = f"{counted} (scheduler: {said})"
    return Finding(Reason.UNSCHEDULABLE, f"pod {_name(waiting[0])}: {said}")


def unscheduled(pod: Manifest) -> str | None:
    """What the scheduler says of a pod that it finds no node for."""
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message") or condition.get("reason"))
    return None


def wants_accelerators(pod: Manifest) -> bool:
    """Whether the pod waits for a node, and accelerators may be what is missing."""
    return unscheduled(pod) is not None and holders.accelerators_of(pod.get("spec", {})) > 0


def _counted(symptoms: Symptoms, waiting: list[Manifest], cluster: Cluster) -> str | None:
    """What the pods that wait need and what there is; None for pods without accelerators."""
    spec = waiting[0].get("spec", {})
    size, placement = holders.accelerators_of(spec), placing.placement_of(spec)
    want = Want("", _wanted(symptoms, waiting), size, placement)
    if not want.accelerators:
        return None
    if room.fit(cluster, [want]) is Fit.YES:
        return "the accelerators that it needs are free, so something else keeps it off"
    known = symptoms.observed.catalog.accelerators
    said = words.shortage(cluster, [want], known=known)
    serving: tuple[Holder, ...] = ()
    if symptoms.beside is not None:
        metadata = waiting[0]["metadata"]
        owner = metadata.get("labels", {}).get(names.DEPLOYMENT_LABEL, "")
        serving = cluster.held_by(metadata.get("namespace", ""), owner, symptoms.beside)
    would_fit = serving and room.fit(cluster, [want], without=serving) is Fit.YES
    # With a route on a Gateway of somebody else there is no Replace.
    return (
        f"{said}; strategy Replace would fit"
        if would_fit and not symptoms.observed.routes
        else said
    )


def _wanted(symptoms: Symptoms, waiting: list[Manifest]) -> int:
    """Pods that need room: those that wait, or of groups all that are asked for and have no node.

    A group's workers may not be there before its leader has a node (exclusive topology), and nobody is served without them.
    """
    engine_set = symptoms.engine_set
    if engine_set is None or not is_group(engine_set):
        return len(waiting)
    asked = int(engine_set["spec"]["replicas"]) * nodes_of(engine_set)
    placed = sum(bool(pod.get("spec", {}).get("nodeName")) for pod in symptoms.pods)
    return max(len(waiting), asked - placed)


_PULL_REASONS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
)
_CONFIG_REASONS = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
)


def image_pull_failed(symptoms: Symptoms) -> Finding | None:
    """A node cannot pull an image."""
    return _waiting_finding(symptoms, _PULL_REASONS, Reason.IMAGE_PULL_FAILED, "cannot be pulled")


def container_config_error(symptoms: Symptoms) -> Finding | None:
    """A node cannot create a container: a missing Secret or key, a bad volume path."""
    return _waiting_finding(
        symptoms, _CONFIG_REASONS, Reason.CONTAINER_CONFIG_ERROR, "cannot be created"
    )


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
    """A container ended with an error; the cause is the error its log ends with."""
    for pod, container, end in _failed_ends(symptoms):
        log = symptoms.observed.logs.get(pod["metadata"]["name"]) or end.get("message") or ""
        said = telling_line(log) or "it wrote nothing"
        code = f"exit code {end.get('exitCode')}{_restarts(container)}"
        return Finding(Reason.ENGINE_FAILED, f"{_where(pod, container)}: {code}: {said}")
    return None


def volume_not_mounted(symptoms: Symptoms) -> Finding | None:
    """A pod has a node but waits for its volumes."""
    for pod in symptoms.pods:
        for said in symptoms.observed.warnings.get(pod["metadata"]["name"], ()):
            return Finding(Reason.VOLUME_NOT_MOUNTED, f"pod {_name(pod)}: {said}")
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


CHECKS: tuple[Check, ...] = (
    pods_refused,
    unschedulable,
    image_pull_failed,
    container_config_error,
    out_of_memory,
    engine_failed,
    volume_not_mounted,
    engine_loading,
    not_answering,
)

_ERROR_LINE = re.compile(r"\b([A-Z]\w*(?:Error|Exception|Interrupt)|[Ee]rror|ERROR)\b\s*:\s*\S")
_EXCEPTION_LINE = re.compile(r"(?:^|\s)((?:\w+\.)*[A-Z]\w*(?:Error|Exception)): \S.*$")
_ECHO = re.compile(r"Engine core initialization failed|See root cause above|EngineDeadError")
_PYDANTIC = re.compile(r"ValidationError: 1 validation error for \w+$")
_LOG_PREFIX = re.compile(r"^\(\w+ pid=\d+\)")
_SECRET = re.compile(r"(hf_|sk-|Bearer )[A-Za-z0-9_.-]{8,}")


def telling_line(log: str) -> str:
    """The line of a log that says why: the last exception raised, else an error, else the last line.

    vLLM ends with "Engine core initialization failed. See root cause above": that echo is skipped, as
    the engine process's own exception stands before it.
    """
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    causes = [line for line in lines if not _ECHO.search(line)]
    for index in reversed(range(len(causes))):
        if match := _EXCEPTION_LINE.search(causes[index]):
            said = _with_details(match[0].strip(), causes[index + 1 :])
            return _SECRET.sub(r"\1***", said)
    for line in reversed(causes):
        if _ERROR_LINE.search(line):
            return _SECRET.sub(r"\1***", line)
    return _SECRET.sub(r"\1***", lines[-1]) if lines else ""


def _with_details(exception: str, following: list[str]) -> str:
    """A pydantic error with what is wrong: it stands in the line below, before its own remarks."""
    if not _PYDANTIC.search(exception) or not following:
        return exception
    detail = following[0].partition(" [type=")[0]
    return f"{exception}: {_LOG_PREFIX.sub('', detail).strip().removeprefix('Value error, ')}"


def failed_container(pod: Manifest) -> tuple[str, bool] | None:
    """The container whose log tells of a failure, and whether it is the previous run's log."""
    for container in _statuses(pod):
        if _failed_end(container) is not None:
            return str(container["name"]), "running" in container.get("state", {})
    return None


def waits_for_volumes(pod: Manifest) -> bool:
    """Whether the pod has a node and no container has been created yet."""
    statuses = _statuses(pod)
    reasons = {status.get("state", {}).get("waiting", {}).get("reason") for status in statuses}
    return bool(pod.get("spec", {}).get("nodeName")) and bool(
        reasons & {"ContainerCreating", "PodInitializing"}
    )


def _containers(symptoms: Symptoms) -> Iterator[tuple[Manifest, Manifest]]:
    for pod in symptoms.pods:
        for status in _statuses(pod):
            yield pod, status


def _statuses(pod: Manifest) -> list[Manifest]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def _waiting_finding(
    symptoms: Symptoms, reasons: frozenset[str], reason: Reason, what: str
) -> Finding | None:
    for pod, container in _containers(symptoms):
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("reason") in reasons:
            said = waiting.get("message") or waiting["reason"]
            image = f"image {container.get('image')} " if reason is Reason.IMAGE_PULL_FAILED else ""
            return Finding(reason, f"{_where(pod, container)}: {image}{what}: {said}")
    return None


def _failed_ends(symptoms: Symptoms) -> Iterator[tuple[Manifest, Manifest, dict[str, Any]]]:
    for pod, container in _containers(symptoms):
        end = _failed_end(container)
        if end is not None and not container.get("ready"):
            yield pod, container, end


def _failed_end(container: Manifest) -> dict[str, Any] | None:
    for state in (container.get("state", {}), container.get("lastState", {})):
        end = state.get("terminated")
        if end and end.get("exitCode") != 0:
            return dict(end)
    return None


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
