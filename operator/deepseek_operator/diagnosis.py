"""Why pods do not serve, in words: the root cause, not only "not ready".

Each check looks for one cause and states it as pod, container and what Kubernetes or the engine said.
The chain goes from what keeps a pod from existing to what keeps it from answering.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from deepseek_operator.api.conditions import Reason
from deepseek_operator.observed import Manifest, Observed

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


Check = Callable[[Symptoms], Finding | None]


def diagnose(observed: Observed, key: str) -> Finding | None:
    """The first cause that keeps the revision's pods from serving; None when nothing is known."""
    pods = (*observed.pods_of(key), *observed.workers_of(key))
    return _first(Symptoms(observed.engine_set(key), pods, observed))


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
    """The scheduler finds no node; its message names what is missing."""
    for pod in symptoms.pods:
        for condition in pod.get("status", {}).get("conditions", []):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                said = condition.get("message") or condition.get("reason")
                return Finding(Reason.UNSCHEDULABLE, f"pod {_name(pod)}: {said}")
    return None


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
