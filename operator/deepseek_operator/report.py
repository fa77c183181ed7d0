"""The outcome of a pass: conditions for its errors, events for what changed, when to look again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.api.conditions import ConditionType
from deepseek_operator.api.types import ObjectMeta

Manifest = dict[str, Any]

STALLED_SECONDS = 60.0
"""How soon a stalled object is looked at again: what blocks it may be outside what we watch."""

_REPORTED = {
    ConditionType.READY: ("Normal", "Warning"),
    ConditionType.STALLED: ("Warning", "Normal"),
    ConditionType.ROLLED_OUT: ("Normal", "Normal"),
}
"""Conditions whose changes become events, with the event's type when True and when not."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a pass ended, for the log, the metrics and the queue."""

    result: str
    writes: int
    generation: int
    requeue_seconds: float | None


def events_of_change(
    metadata: ObjectMeta, before: Manifest, after: Manifest, *, now: datetime
) -> list[Manifest]:
    """Events for the conditions whose status or reason changed; none for a new message alone."""
    old = {item["type"]: item for item in before.get("conditions", [])}
    events = []
    for condition in after.get("conditions", []):
        kinds = _REPORTED.get(condition["type"])
        previous = old.get(condition["type"])
        if kinds is None or not condition["message"] or _same(previous, condition):
            continue
        kind = kinds[0] if condition["status"] == "True" else kinds[1]
        events.append(_event(metadata, condition, kind, now))
    return events


def _same(previous: Manifest | None, condition: Manifest) -> bool:
    return previous is not None and all(
        previous.get(field) == condition[field] for field in ("status", "reason")
    )


def _event(metadata: ObjectMeta, condition: Manifest, kind: str, now: datetime) -> Manifest:
    """An event whose name holds its content and time: written twice, it is one event."""
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    content = f"{metadata.uid}/{condition['type']}/{condition['reason']}/{stamp}"
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
        "reason": condition["reason"],
        "message": f"{condition['type']}={condition['status']}: {condition['message']}"[:1024],
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
        "source": {"component": names.FIELD_MANAGER},
        "reportingComponent": names.FIELD_MANAGER,
        "reportingInstance": "",
    }
