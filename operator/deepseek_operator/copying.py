"""Revisions whose pods each fetch a copy of the weights, and how far these are. Pure."""

from typing import Any

from deepseek_operator import fetch_results
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.sources import FetchedSource
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import copies
from deepseek_operator.build import weights as builders
from deepseek_operator.diagnosis import Finding
from deepseek_operator.observed import Manifest, Observed
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.weights import Phase, Progress, Weights


def template_with_copies(
    deployment: DeepSeekDeployment,
    shape: Shape,
    *,
    volume: Manifest,
    running: Manifest | None = None,
) -> Manifest:
    """The template of pods that each fetch a copy; `volume` is the spec of its claim.

    What was decided for pods that are there is read from their template, `running`: they are not restarted
    for it.
    """
    fetch = builders.build_fetch_job(
        deployment, shape, _claim(deployment, shape), patience=_patience(running)
    )
    return copies.with_copies(shape.template, fetch["spec"]["template"]["spec"], volume=volume)


def copied_weights(deployment: DeepSeekDeployment, shape: Shape, observed: Observed) -> Weights:
    """In trouble where a copy needs a person and nothing has come since."""
    ends = (_last_end(pod) for pod in observed.pods_of(shape.key) if not _told(observed, pod).total)
    stuck = (end for end in ends if end and end.get("exitCode") == builders.NEEDS_A_PERSON)
    trouble = next((fetch_results.failure(shape.source, end) for end in stuck), None)
    claim = _claim(deployment, shape)
    return Weights(claim, shape.source, Phase.PER_POD, Progress(), trouble)


def progress(observed: Observed, key: str, source: str) -> Finding | None:
    """What the first pod that is still fetching its copy says of it; None where none is."""
    for pod in observed.pods_of(key):
        end = _last_end(pod)
        failure = fetch_results.failure(source, end) if end and end.get("exitCode") != 0 else None
        if failure is None and "running" not in _copy_status(pod).get("state", {}):
            continue
        name = pod["metadata"]["name"]
        said = f"pod {name}: its copy of the weights: {_told(observed, pod)}"
        if failure is None:
            return Finding(Reason.WEIGHTS_FETCHING, said)
        return Finding(failure.reason, f"{said}; tried again after: {failure.message}")
    return None


def _patience(running: Manifest | None) -> str | None:
    containers = running["spec"]["initContainers"] if running else []
    for container in containers:
        for argument in container.get("args", []):
            if argument.startswith(builders.PATIENCE_FLAG):
                return str(argument)
    return None


def _claim(deployment: DeepSeekDeployment, shape: Shape) -> str:
    """What a shared claim would be called: status tells weights apart by it."""
    return builders.claim_name(FetchedSource(shape.source), deployment.spec.cache)


def _last_end(pod: Manifest) -> dict[str, Any] | None:
    """How the last attempt of a pod to fetch its copy ended; the present one counts once it has."""
    status = _copy_status(pod)
    for state in (status.get("state", {}), status.get("lastState", {})):
        if "terminated" in state:
            return dict(state["terminated"])
    return None


def _told(observed: Observed, pod: Manifest) -> Progress:
    return Progress.told(fetch_results.document(observed.progress.get(pod["metadata"]["name"], "")))


def _copy_status(pod: Manifest) -> dict[str, Any]:
    statuses = pod.get("status", {}).get("initContainerStatuses", [])
    return next((item for item in statuses if item["name"] == builders.FETCH_CONTAINER), {})
