"""Which engine processes have been warmed up, and what is to be done about the others. Pure.

Of each pod with the gate, by its engine's present process (a container that was restarted is cold again):

    Cold ─▶ Warming ─▶ Warm          the gate is open
               │
               └─────▶ Failed ─▶ tried again after a while
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deepseek_operator import diagnosis
from deepseek_operator.api import names
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import warmup as builders
from deepseek_operator.build.template import ENGINE_CONTAINER
from deepseek_operator.diagnosis import Finding
from deepseek_operator.observed import Manifest, Observed
from deepseek_operator.rollout import agreement
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.warmth import Phase, WarmUp

RETRY = timedelta(seconds=30)
"""How long after it failed a warm-up is tried again."""


@dataclass(frozen=True, slots=True)
class Warming:
    """The pods of one revision, and what is to be written for them.

    `jobs` are created unless they are there; `gates` are statuses of pods; `reference` is what the
    revision's first pod answered to the fixed prompt, for its ControllerRevision to keep.
    """

    pods: tuple[WarmUp, ...] = ()
    jobs: tuple[Manifest, ...] = ()
    gates: tuple[Manifest, ...] = ()
    delete: tuple[Manifest, ...] = ()
    reference: str | None = None

    @property
    def finding(self) -> Finding | None:
        """Why the first pod that users may not reach is shut."""
        return next((one.finding for one in self.pods if one.finding is not None), None)


@dataclass(frozen=True, slots=True)
class _Scene:
    deployment: DeepSeekDeployment
    shape: Shape
    observed: Observed
    reference: str | None
    now: datetime


def is_locked(pod: Manifest) -> bool:
    """Whether the pod is shut until it has been warmed up."""
    gates = pod.get("spec", {}).get("readinessGates", [])
    return any(gate["conditionType"] == names.WARM_GATE for gate in gates)


def needs_warmup(pod: Manifest) -> bool:
    """Whether a started engine's present process is still shut."""
    return is_locked(pod) and _process(pod) is not None and not _is_open(pod)


def plan_warming(
    deployment: DeepSeekDeployment, shape: Shape, observed: Observed, *, now: datetime
) -> Warming:
    """Of a revision's pods, in the order in which they were made."""
    reference = _stored_reference(observed, shape.key)
    found = Warming(reference=reference)
    for pod in observed.pods_of(shape.key):
        if is_locked(pod):
            scene = _Scene(deployment, shape, observed, found.reference, now)
            found = _joined(found, _one(scene, pod))
    return found


def _joined(first: Warming, second: Warming) -> Warming:
    return Warming(
        pods=first.pods + second.pods,
        jobs=first.jobs + second.jobs,
        gates=first.gates + second.gates,
        delete=first.delete + second.delete,
        reference=first.reference or second.reference,
    )


def _one(scene: _Scene, pod: Manifest) -> Warming:
    name, process = _name(pod), _process(pod)
    if process is None:
        shut = _shut(scene, pod) if _gate(pod).get("status") == "True" else ()
        return Warming((WarmUp(name, Phase.COLD),), gates=shut)
    if _is_open(pod):
        return Warming((WarmUp(name, Phase.WARM),))
    job = builders.warmup_name(pod, process)
    runs = scene.observed.warmers_of(job)
    shut = _shut(scene, pod) if _gate(pod).get("status") == "True" else ()
    if not runs:
        ended = _ended_without_run(scene, pod, job)
        if ended is not None:
            return ended
        present = scene.observed.warmup(job)
        refused = diagnosis.diagnose_pods(scene.observed, (), made_by=present)
        finding = Finding(Reason.WARMING_UP, f"pod {name}: its warm-up begins")
        if refused is not None:
            finding = Finding(refused.reason, f"pod {name}: its warm-up: {refused.message}")
        made = builders.build_warmup_job(scene.deployment, scene.shape, pod, container_id=process)
        jobs = (made,) if present is None else ()
        return Warming((WarmUp(name, Phase.WARMING, finding),), jobs, shut)
    end = _end(runs[0])
    if end is None:
        return Warming((_under_way(scene, name, runs[0]),), gates=shut)
    return _ended(scene, pod, runs[0], end)


def _ended_without_run(scene: _Scene, pod: Manifest, name: str) -> Warming | None:
    """A Job that has ended and has no pod any more, or never had one: its result is lost."""
    job = scene.observed.warmup(name)
    for condition in (job or {}).get("status", {}).get("conditions", []):
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            said = condition.get("message") or "its pod is gone"
            finding = Finding(
                Reason.WARMUP_FAILED, f"pod {_name(pod)}: its warm-up left no result: {said}"
            )
            at = datetime.fromisoformat(condition["lastTransitionTime"])
            return _failed(scene, pod, finding, job=job, at=at)
    return None


def _under_way(scene: _Scene, name: str, run: Manifest) -> WarmUp:
    """A run that has not ended; what keeps it from starting is worth telling."""
    trouble = diagnosis.diagnose_pods(scene.observed, (run,))
    said = f"; its warm-up: {trouble.message}" if trouble else ""
    since = run["metadata"]["creationTimestamp"]
    reason = trouble.reason if trouble else Reason.WARMING_UP
    return WarmUp(
        name, Phase.WARMING, Finding(reason, f"pod {name}: warming up since {since}{said}")
    )


def _ended(scene: _Scene, pod: Manifest, run: Manifest, end: dict[str, Any]) -> Warming:
    name, result = _name(pod), _document(str(end.get("message", "")))
    if end.get("exitCode") != 0 or not result.get("opened"):
        finding = _failure(name, result, end)
        return _failed(scene, pod, finding, job=_job_of(run), at=_ended_at(run))
    found = json.dumps(result.get("logProbabilities")) if result.get("logProbabilities") else None
    dispute = agreement.dispute(scene.reference, found)
    if dispute is not None:
        finding = Finding(Reason.ANSWERS_DIFFER, f"pod {name}: {dispute}")
        return _failed(scene, pod, finding, job=_job_of(run), at=_ended_at(run))
    process = str(_process(pod))
    gate = builders.build_gate(
        pod,
        is_open=True,
        reason=Reason.WARMED_UP,
        message=f"{process}: {_words(result)}",
        now=scene.now,
    )
    kept = agreement.named(found, name) if found and scene.reference is None else None
    return Warming((WarmUp(name, Phase.WARM, None, result),), gates=(gate,), reference=kept)


def _failed(
    scene: _Scene, pod: Manifest, finding: Finding, *, job: Manifest | None, at: datetime
) -> Warming:
    due = at + RETRY <= scene.now
    return Warming(
        (WarmUp(_name(pod), Phase.FAILED, finding),),
        gates=_shut(scene, pod) if _gate(pod).get("status") == "True" else (),
        delete=(job,) if due and job is not None else (),
    )


def _failure(name: str, result: dict[str, Any], end: dict[str, Any]) -> Finding:
    failure = result.get("failure") or {}
    said = f"exit code {end.get('exitCode')} ({end.get('reason')})"
    if failure:
        said = f"{failure.get('reason')}: {failure.get('message')}; {failure.get('remedy')}"
    return Finding(Reason.WARMUP_FAILED, f"pod {name}: its warm-up failed: {said}")


def _shut(scene: _Scene, pod: Manifest) -> tuple[Manifest, ...]:
    return (
        builders.build_gate(
            pod,
            is_open=False,
            reason=Reason.WARMING_UP,
            message="the engine was restarted: this process has not been warmed up",
            now=scene.now,
        ),
    )


def _words(result: dict[str, Any]) -> str:
    said = f"warmed up in {result.get('seconds')} s by {result.get('requests')} requests"
    failure = result.get("failure")
    return f"{said}, though {failure.get('reason')}" if failure else said


def _process(pod: Manifest) -> str | None:
    """The engine's present container, once it has started and can be asked."""
    if not pod.get("status", {}).get("podIP"):
        return None
    for container in pod["status"].get("containerStatuses", []):
        running = "running" in container.get("state", {})
        if container["name"] == ENGINE_CONTAINER and container.get("started") and running:
            return container.get("containerID") or None
    return None


def _gate(pod: Manifest) -> dict[str, Any]:
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] == names.WARM_GATE:
            return dict(condition)
    return {}


def _is_open(pod: Manifest) -> bool:
    """Opened for the present process, and not for one before it."""
    gate, process = _gate(pod), _process(pod)
    opened_for = str(gate.get("message", "")).partition(": ")[0]
    return gate.get("status") == "True" and opened_for == process


def _stored_reference(observed: Observed, key: str) -> str | None:
    revision = observed.revision(key) or {"metadata": {}}
    annotations = revision["metadata"].get("annotations") or {}
    found = annotations.get(names.REFERENCE_ANNOTATION)
    return None if found is None else str(found)


def _end(run: Manifest) -> dict[str, Any] | None:
    for container in run.get("status", {}).get("containerStatuses", []):
        end: dict[str, Any] | None = container.get("state", {}).get("terminated")
        return end
    return {"message": "", "reason": "Failed"} if run["status"].get("phase") == "Failed" else None


def _ended_at(run: Manifest) -> datetime:
    end = _end(run) or {}
    return datetime.fromisoformat(end.get("finishedAt") or run["metadata"]["creationTimestamp"])


def _job_of(run: Manifest) -> Manifest | None:
    """The Job that controls the run, as far as deleting it needs."""
    for owner in run["metadata"].get("ownerReferences", []):
        if owner["kind"] == "Job":
            metadata = {
                "name": owner["name"],
                "namespace": run["metadata"]["namespace"],
                "uid": owner["uid"],
            }
            return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}
    return None


def _document(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _name(pod: Manifest) -> str:
    return str(pod["metadata"]["name"])
