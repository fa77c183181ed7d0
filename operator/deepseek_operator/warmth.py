"""How warm the pods of a revision are, as status and conditions have it."""

from dataclasses import dataclass
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

    def latest(self) -> dict[str, Any] | None:
        """The last result of a warm-up that this pass has read, as status has it."""
        told = [one for one in self.pods if one.result is not None]
        return None if not told else {"revision": self.key, **entry(told[-1])}


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
