"""What events say of pods that do not come up, where their statuses do not.

Reasons and words are those of the kubelet (pkg/kubelet/events/event.go), of the attach controller, and of the
controllers that make pods.
"""

from collections.abc import Iterable
from typing import Any

from deepseek_operator import pod_states
from deepseek_operator.api import names
from deepseek_operator.observed import Complaint, Manifest, Observed, is_over

MOST_KEPT = 20
"""Complaints of one pod; the API server holds one for each thing that is said again and again."""

REFUSED = "FailedCreate"
"""A controller may not make a pod; the event is on what it makes pods for."""

VOLUME = frozenset({"FailedMount", "FailedAttachVolume", "FailedMapVolume"})
SETUP = frozenset(
    {
        "FailedCreatePodSandBox",
        "FailedCreatePodContainer",
        "FailedPrepareDynamicResources",
        "NetworkNotReady",
    }
)
"""A node cannot set a pod up before any of its containers."""

_PULLING = "Pulling"
_PULL_FAILED = "Failed"
_KILLING = "Killing"
_UNHEALTHY = "Unhealthy"
_GOES_ON = frozenset({_PULLING, "Pulled", "Created", "Started"})
"""Said once volumes and network are there."""

_KEPT = VOLUME | SETUP | _GOES_ON | {_PULL_FAILED, _KILLING, _UNHEALTHY, REFUSED}
_SECONDS = len("2026-03-01T12:00:00")
_LONGEST_PROBE = 200


def complaints(events: Iterable[Manifest]) -> tuple[Complaint, ...]:
    """The last of what events say that may tell why a pod does not come up, the newest at the end."""
    kept = [_complaint(event) for event in events if event.get("reason") in _KEPT]
    kept.sort(key=lambda complaint: complaint.at)
    return tuple(kept[-MOST_KEPT:])


def is_wanted(pod: Manifest) -> bool:
    """Whether events may tell more of a pod than its status."""
    if is_over(pod):
        return False
    if pod_states.waits_for_containers(pod) or pod_states.failed_container(pod) is not None:
        return True
    return any(map(_is_silent_back_off, pod_states.statuses(pod)))


def last_setback(said: Iterable[Complaint]) -> Complaint | None:
    """What keeps a node from making a pod's containers, or the image that is pulled for one."""
    of_interest = [item for item in said if item.reason in VOLUME | SETUP | _GOES_ON]
    last = of_interest[-1] if of_interest else None
    return last if last and last.reason in VOLUME | SETUP | {_PULLING} else None


def is_pull(complaint: Complaint) -> bool:
    """Whether nothing is wrong: the node pulls an image."""
    return complaint.reason == _PULLING


def pull_error(said: Iterable[Complaint], container: Manifest) -> str | None:
    """Why an image cannot be pulled, where the status only says that it is tried again.

    So do kubelets of before 1.32 (https://github.com/kubernetes/kubernetes/pull/127918).
    """
    if not _is_silent_back_off(container):
        return None
    image = f'"{container.get("image")}"'
    found = [one for one in said if one.reason == _PULL_FAILED and image in one.message]
    return found[-1].message if found else None


def failed_probe(said: Iterable[Complaint], name: str, end: dict[str, Any]) -> str | None:
    """The probe for which the kubelet killed the run of a container that ended so; None if it did not."""
    said = tuple(said)
    for killing in reversed(said):
        is_its_own = killing.message.startswith(f"Container {name} failed ")
        if killing.reason == _KILLING and is_its_own and _is_within(killing.at, end):
            probe = killing.message.removeprefix(f"Container {name} failed ").partition(" ")[0]
            words = f"{probe.capitalize()} probe "
            found = [
                item.message
                for item in said
                if item.reason == _UNHEALTHY
                and item.place == killing.place
                and item.message.startswith(words)
            ]
            return (found[-1] if found else f"{words}failed")[:_LONGEST_PROBE]
    return None


def longer(probe: str, name: str, made_by: Manifest | None, observed: Observed) -> str:
    """How an engine gets longer than its start-up probe gave it, where nobody knows how much it loads; else nothing."""
    if made_by is None or name != "engine" or not probe.startswith("Startup"):
        return ""
    model = (made_by["metadata"].get("annotations") or {}).get(names.MODEL_ANNOTATION)
    if model is None or model in observed.catalog.models:
        return ""
    return f"; if it was still loading, add {model} to the catalog, by whose weightsBytes it gets its time"


def _is_within(at: str, end: dict[str, Any]) -> bool:
    """Whether something was said during the run that ended so, as far as its times are known."""
    began, ended = str(end.get("startedAt") or ""), str(end.get("finishedAt") or "~")
    return began[:_SECONDS] <= at[:_SECONDS] <= ended[:_SECONDS]


def _is_silent_back_off(container: Manifest) -> bool:
    waiting = container.get("state", {}).get("waiting", {})
    said = waiting.get("message") or ""
    return waiting.get("reason") == "ImagePullBackOff" and ": " not in said


def _complaint(event: Manifest) -> Complaint:
    last = event.get("lastTimestamp") or event.get("eventTime")
    about = event.get("involvedObject", {})
    return Complaint(
        reason=str(event.get("reason")),
        message=str(event.get("message")),
        at=str(last or event["metadata"].get("creationTimestamp", "")),
        place=str(about.get("fieldPath") or ""),
    )
