"""What the operator's gauges tell of an object, from its status alone: few series an object, and none once it is gone."""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import Gauge

from deepseek_operator.rollout.run import ENDED, JUDGED

Manifest = Mapping[str, Any]
Series = Mapping[tuple[str, ...], float]
"""Values by their labels, without those that name the object."""


class OfObjects:
    """A gauge of which each object has series of its own; one that it does not have any more goes."""

    def __init__(self, gauge: Gauge) -> None:
        """The gauge's first labels are namespace and name."""
        self._gauge = gauge
        self._told: dict[tuple[str, str], frozenset[tuple[str, ...]]] = {}

    def tell(self, namespace: str, name: str, series: Series) -> None:
        """All that is to be told of an object by now."""
        for labels in self._told.pop((namespace, name), frozenset()) - series.keys():
            self._gauge.remove(namespace, name, *labels)
        for labels, value in series.items():
            self._gauge.labels(namespace, name, *labels).set(value)
        if series:
            self._told[namespace, name] = frozenset(series)


def conditions(status: Manifest) -> Series:
    """By type and reason: 1 where it is True, 0 where it is False; nothing where it is Unknown."""
    values = {"True": 1.0, "False": 0.0}
    return {
        (one["type"], one["reason"]): values[one["status"]]
        for one in status.get("conditions", [])
        if one["status"] in values
    }


def revisions(status: Manifest) -> Series:
    """By revision, role and model: 1. A revision has one role, that in a run before that in the fallback."""
    found: dict[str, tuple[str, str]] = {}
    for role, entry in _roles(status):
        found.setdefault(entry["revision"], (role, entry["model"]))
    return {(revision, role, model): 1.0 for revision, (role, model) in found.items()}


def replicas(status: Manifest) -> Series:
    """By role and state: how many are wanted, and how many are ready."""
    found: dict[tuple[str, ...], float] = {}
    gateway = status.get("gateway")
    for role, entry in (*_roles(status), *([("gateway", gateway)] if gateway else [])):
        for state, field in (("wanted", "replicas"), ("ready", "readyReplicas")):
            found[role, state] = found.get((role, state), 0.0) + entry.get(field, 0)
    return found


def alarms(status: Manifest) -> Series:
    """By what is compared: the share of the alarm that takes the traffic back; nothing once it is decided."""
    rollout = status.get("rollout") or {}
    if rollout.get("phase") not in JUDGED:
        return {}
    return {
        (one["name"],): one["alarmPercent"] / 100
        for one in rollout.get("metrics", [])
        if "alarmPercent" in one
    }


def _roles(status: Manifest) -> Iterator[tuple[str, Manifest]]:
    """The revisions that status tells of; with a run under way by their roles in it."""
    rollout = status.get("rollout") or {}
    is_under_way = "run" in rollout and rollout["phase"] not in ENDED
    serving, desired = status.get("serving"), status.get("desired")
    told = [one for one in (serving, desired) if one is not None]
    if is_under_way:
        known = {one["revision"]: one for one in told}
        for role in ("stable", "candidate"):
            key = rollout[role]
            yield role, known.get(key, {"revision": key, "model": ""})
    else:
        roles = ("stable",) if serving is not None else ()
        beside = desired is not None and (serving or {}).get("revision") != desired["revision"]
        yield from zip((*roles, "candidate") if beside else roles, told, strict=False)
    for entry in status.get("fallback", []):
        yield "fallback", entry
