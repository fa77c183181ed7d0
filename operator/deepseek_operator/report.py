"""The outcome of a pass: conditions for its errors, events for what changed, when to look again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.api.conditions import ConditionType, Reason
from deepseek_operator.api.types import ObjectMeta

Manifest = dict[str, Any]

STALLED_SECONDS = 60.0
"""How soon a stalled object is looked at again: what blocks it may be outside what we watch."""

_REPORTED = {
    ConditionType.READY: ("Normal", "Warning"),
    ConditionType.STALLED: ("Warning", "Normal"),
    ConditionType.ROLLED_OUT: ("Normal", "Normal"),
    ConditionType.FALLBACK_READY: ("Normal", "Warning"),
    ConditionType.SECRETS_READY: ("Normal", "Warning"),
}
"""Conditions whose changes become events, with the event's type when True and when not."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a pass ended, for the log, the metrics and the queue."""

    result: str
    writes: int
    generation: int
    requeue_seconds: float | None
    status: Manifest | None = None
    """What the object says of itself by now; None where it is gone."""
    first_token_seconds: float | None = None
    """The longest that its users are to wait for a first token; None where nothing is asked."""
    asleep_at: tuple[str, ...] = ()
    """Addresses of its gateway's pods while it has no replica for want of requests; one that comes there wakes it."""


def events_of_change(
    metadata: ObjectMeta, before: Manifest, after: Manifest, *, now: datetime
) -> list[Manifest]:
    """Events for the conditions whose status or reason changed; none for a new message alone."""
    old = {item["type"]: item for item in before.get("conditions", [])}
    events = events_of_weights(metadata, before, after, now=now)
    events += events_of_warmups(metadata, before, after, now=now)
    events += events_of_rollout(metadata, before, after, now=now)
    events += events_of_scaling(metadata, before, after, now=now)
    for condition in after.get("conditions", []):
        kinds = _REPORTED.get(condition["type"])
        previous = old.get(condition["type"])
        if kinds is None or not condition["message"] or _same(previous, condition):
            continue
        kind = kinds[0] if condition["status"] == "True" else kinds[1]
        said = f"{condition['type']}={condition['status']}: {condition['message']}"
        events.append(_event(metadata, kind, condition["reason"], said, now=now))
    return events


def events_of_weights(
    metadata: ObjectMeta, before: Manifest, after: Manifest, *, now: datetime
) -> list[Manifest]:
    """An event when weights begin to be fetched, at each tenth, and when they are there."""
    old = {entry["claim"]: entry for entry in before.get("weights", [])}
    events = []
    for entry in after.get("weights", []):
        tenth, earlier = _tenth(entry), _tenth(old.get(entry["claim"]))
        if tenth is None or (earlier is not None and tenth <= earlier):
            continue
        said = f"weights of {entry['source']}: {10 * tenth} %"
        if entry["phase"] == "Ready":
            said = f"weights of {entry['source']}: all there and verified"
        events.append(_event(metadata, "Normal", _WEIGHTS_REASONS[entry["phase"]], said, now=now))
    return events


def events_of_warmups(
    metadata: ObjectMeta, before: Manifest, after: Manifest, *, now: datetime
) -> list[Manifest]:
    """An event for each pod that has been warmed up since."""
    old = [(entry["pod"], entry["at"]) for entry in before.get("warmup", [])]
    return [
        _event(metadata, "Normal", Reason.WARMED_UP, _said_of_warmup(entry), now=now)
        for entry in after.get("warmup", [])
        if (entry["pod"], entry["at"]) not in old
    ]


_ALARMING = frozenset({"RollingBack", "Returning", "Held"})
_ALARMING_REASONS = frozenset({"NotAcknowledged", "ComparedAgain"})
"""In whatever phase."""


def events_of_rollout(
    metadata: ObjectMeta, before: Manifest, after: Manifest, *, now: datetime
) -> list[Manifest]:
    """An event for each phase that a run comes to, and for each command's end."""
    old, new = before.get("rollout") or {}, after.get("rollout") or {}
    events = []
    if new and any(
        new.get(field) != old.get(field) for field in ("run", "phase", "step", "reason")
    ):
        alarming = new["phase"] in _ALARMING or "run" not in new
        alarming |= new["reason"] in _ALARMING_REASONS
        said = new["message"]
        if "run" in new:
            place = f", step {new['step']} of {new['steps']}, {new['weight']} %"
            said = f"{new['run']}: {new['phase']}{place if new['steps'] else ''}: {said}"
        kind = "Warning" if alarming else "Normal"
        events.append(_event(metadata, kind, new["reason"], said, now=now))
    examined = new.get("quality") or {}
    if examined.get("verdict") == "Good" and examined != old.get("quality"):
        said = f"{new['run']}: before {examined['before']}, {examined['message']}"
        events.append(_event(metadata, "Normal", "QualityPassed", said, now=now))
    if new.get("command") and new["command"] != old.get("command"):
        events.append(_event(metadata, "Normal", "Command", new["command"], now=now))
    return events


def events_of_scaling(
    metadata: ObjectMeta, before: Manifest, after: Manifest, *, now: datetime
) -> list[Manifest]:
    """An event for each number that was decided anew."""
    old = {one["revision"]: one["replicas"] for one in before.get("autoscaling", ())}
    events = []
    for one in after.get("autoscaling", ()):
        had = old.get(one["revision"])
        if had == one["replicas"]:
            continue
        began = "begins with" if had is None else f"{had} replicas become"
        said = f"revision {one['revision']}: {began} {one['replicas']}: {one['message']}"
        reason = f"Scaled{one['reason']}"
        events.append(_event(metadata, "Normal", reason, said, now=now))
    return events


def _said_of_warmup(entry: Manifest) -> str:
    said = f"pod {entry['pod']}: warmed up in {entry['seconds']} s by {entry['requests']} requests"
    figures = entry["figures"]
    if figures:
        slowest = max(figures, key=lambda figure: int(figure["coldFirstToken"]))
        said += (
            f"; coldest was {slowest['name']}: first token after {slowest['coldFirstToken']} ms, "
            f"then {slowest['warmFirstToken']} ms"
        )
    return said + (f"; {entry['failure']}" if "failure" in entry else "")


_WEIGHTS_REASONS = {
    "Fetching": Reason.WEIGHTS_FETCHING,
    "Verifying": Reason.WEIGHTS_FETCHING,
    "Ready": Reason.WEIGHTS_COMPLETE,
}


def _tenth(entry: Manifest | None) -> int | None:
    """Tenths that are fetched, 11 for all of them verified; None before the first byte is known."""
    if entry is None or entry["phase"] not in _WEIGHTS_REASONS:
        return None
    if entry["phase"] == "Ready":
        return 11
    total = entry.get("bytesTotal")
    return 10 * int(entry.get("bytesDone", 0)) // int(total) if total else None


def _same(previous: Manifest | None, condition: Manifest) -> bool:
    return previous is not None and all(
        previous.get(field) == condition[field] for field in ("status", "reason")
    )


def _event(
    metadata: ObjectMeta, kind: str, reason: str, message: str, *, now: datetime
) -> Manifest:
    """An event whose name holds its content: what happens again is the same event, and counted."""
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    content = f"{metadata.uid}/{kind}/{reason}/{message}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{metadata.name}.{names.digest(content)}",
            "namespace": metadata.namespace,
        },
        "involvedObject": {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "name": metadata.name,
            "namespace": metadata.namespace,
            "uid": metadata.uid,
        },
        "type": kind,
        "reason": str(reason),
        "message": message[:1024],
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
        "source": {"component": names.FIELD_MANAGER},
        "reportingComponent": names.FIELD_MANAGER,
        "reportingInstance": "",
    }


def once_more(present: Manifest, event: Manifest) -> list[Manifest] | None:
    """JSON patch by which an event that is there has happened again; None where it is of this very second."""
    stamp = event["lastTimestamp"]
    if present.get("lastTimestamp") == stamp:
        return None
    version = present["metadata"]["resourceVersion"]
    return [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        {"op": "add", "path": "/count", "value": int(present.get("count") or 1) + 1},
        {"op": "add", "path": "/lastTimestamp", "value": stamp},
    ]
