"""How warm the pods of a revision are, as status and conditions have it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from deepseek_operator.diagnosis import Finding


class Phase(StrEnum):
    """How warm an engine process is."""

    COLD = "Cold"
    WARMING = "Warming"
    FAILED = "Failed"
    WARM = "Warm"


@dataclass(frozen=True, slots=True)
class WarmUp:
    """One pod: `finding` is why users may not reach it, `result` what its warm-up has told just now."""

    pod: str
    phase: Phase
    finding: Finding | None = None
    result: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Warmth:
    """One revision with pods; without `is_locked` its pods are never warmed up.

    `pods` is empty while all are ready: then nobody looks at them, and a gate that is open says enough.
    """

    key: str
    is_locked: bool
    at_strength: bool
    pods: tuple[WarmUp, ...]


MOST_RECORDS = 8
"""Warm-ups that status keeps: each is a table of some kilobytes."""


def records(
    warmth: Sequence[Warmth], stored: Sequence[dict[str, Any]], *, now: datetime
) -> list[dict[str, Any]]:
    """The last warm-up of each pod, oldest first: told just now, or kept from before.

    A pod that is gone is forgotten as soon as somebody has looked at its revision's pods.
    """
    by_key = {one.key: one for one in warmth}
    kept = {entry["pod"]: entry for entry in stored if _is_there(by_key, entry)}
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    for one in warmth:
        for pod in one.pods:
            if pod.result is not None:
                kept.pop(pod.pod, None)
                kept[pod.pod] = {"revision": one.key, "at": stamp, **entry(pod)}
    # What was let in though its warm-up failed is not forgotten for others that succeeded.
    ranked = sorted(kept.values(), key=lambda entry: ("failure" in entry, entry["at"]))
    return sorted(ranked[-MOST_RECORDS:], key=lambda entry: (entry["at"], entry["pod"]))


def _is_there(by_key: Mapping[str, Warmth], entry: dict[str, Any]) -> bool:
    one = by_key.get(entry["revision"])
    return one is not None and (not one.pods or entry["pod"] in {pod.pod for pod in one.pods})


def entry(one: WarmUp) -> dict[str, Any]:
    """A pod and what its warm-up has told."""
    result = one.result or {}
    failure = result.get("failure")
    figures = [_figure(name, shape) for name, shape in (result.get("shapes") or {}).items()]
    found = {
        "pod": one.pod,
        "seconds": round(result.get("seconds", 0)),
        "requests": int(result.get("requests", 0)),
        "figures": figures[:32],
    }
    if failure:
        found["failure"] = f"{failure.get('reason')}: {failure.get('message')}"[:1024]
    return found


def _figure(name: str, shape: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds: [time to first token, time between tokens or null], cold and warm."""
    cold, warm = shape["coldMs"], shape["warmMs"]
    found = {
        "name": name,
        "coldFirstToken": round(cold[0]),
        "warmFirstToken": round(warm[0]),
        "coldNextToken": None if cold[1] is None else round(cold[1]),
        "warmNextToken": None if warm[1] is None else round(warm[1]),
    }
    return {key: value for key, value in found.items() if value is not None}
