"""The pods of an object as `kubectl deepseek status` shows them: where each runs, and what keeps it. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.api.conditions import Reason
from deepseek_operator.diagnosis import diagnose_pods
from deepseek_operator.observed import (
    Manifest,
    Observed,
    is_over,
    restarts_of,
    revision_of,
    worker_of,
)
from deepseek_operator.pod_states import condition

READY, ENDING, ENDED, COLD, STARTING = "Ready", "Ending", "Ended", "Cold", "Starting"
"""States of pods of which no reason of a condition is known."""


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod."""

    name: str
    revision: str | None
    """Whose engine it runs; None of a gateway's pod."""
    node: str | None
    """None before it is scheduled."""
    state: str
    """Ready, Ending, Ended, Cold (its engine answers, and was not warmed up yet), Starting, or a reason of conditions."""
    message: str
    """The cause in words; empty where there is none to tell."""
    restarts: int
    """Of its containers, all together."""

    def document(self) -> dict[str, Any]:
        """As `-o json` has it."""
        return asdict(self)


def of_object(manifest: Manifest, found: Iterable[Manifest]) -> tuple[Pod, ...]:
    """These pods of the object, by name."""
    warm = condition(manifest, "Warm")
    made = (_pod(pod, warm) for pod in found)
    return tuple(sorted(made, key=lambda pod: pod.name))


def lines(pods: Sequence[Pod]) -> list[str]:
    """The branches of a tree."""
    if not pods:
        return []
    columns = [(pod.name, pod.state, pod.node or "-") for pod in pods]
    first, second, third = (max(len(row[number]) for row in columns) for number in range(3))
    branches = ["├─"] * (len(pods) - 1) + ["└─"]
    return [
        f"            {branch} {name:<{first}}  {state:<{second}}  {node:<{third}}  {_said(pod)}".rstrip()
        for branch, pod, (name, state, node) in zip(branches, pods, columns, strict=True)
    ]


def _said(pod: Pod) -> str:
    again = [f"{pod.restarts} restarts"] if pod.restarts else []
    return "; ".join([*filter(None, [pod.message]), *again])


def _pod(pod: Manifest, warm: Manifest) -> Pod:
    metadata = pod["metadata"]
    name = str(metadata["name"])
    state, message = _state(pod, warm)
    for known in (f"pod {name}, ", f"pod {name}: "):
        message = message.removeprefix(known)
    node = pod.get("spec", {}).get("nodeName")
    return Pod(name, revision_of(pod) or worker_of(pod), node, state, message, restarts_of(pod))


def _state(pod: Manifest, warm: Manifest) -> tuple[str, str]:
    until = pod["metadata"].get("deletionTimestamp")
    if until is not None:
        return ENDING, f"to be gone by {until}"
    finding = diagnose_pods(Observed(pods=(pod,)), (pod,))
    if is_over(pod):
        return (ENDED, "") if finding is None else (finding.reason, finding.message)
    if condition(pod, "Ready").get("status") == "True":
        return READY, ""
    if finding is not None and finding.reason is not Reason.NOT_ANSWERING:
        return finding.reason, finding.message
    if _has_gate(pod) and _engine_has_started(pod):
        is_told = warm.get("message", "").startswith(f"pod {pod['metadata']['name']}: ")
        return (warm["reason"], warm["message"]) if is_told else (COLD, "not warmed up yet")
    return (STARTING, "") if finding is None else (finding.reason, finding.message)


def _has_gate(pod: Manifest) -> bool:
    gates = pod.get("spec", {}).get("readinessGates") or ()
    return any(gate["conditionType"] == names.WARM_GATE for gate in gates)


def _engine_has_started(pod: Manifest) -> bool:
    found = pod.get("status", {}).get("containerStatuses") or ()
    return any(one["name"] == "engine" and one.get("started") for one in found)
