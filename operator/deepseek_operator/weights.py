"""How far the weights of a source are, in words and as status has it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from deepseek_operator.api.conditions import Reason
from deepseek_operator.diagnosis import Finding

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


class Phase(StrEnum):
    """How far the weights of a source are."""

    SIZING = "Sizing"
    WAITING = "Waiting"
    FETCHING = "Fetching"
    VERIFYING = "Verifying"
    FAILED = "Failed"
    READY = "Ready"
    PER_POD = "PerPod"
    """No volume can be shared between nodes: each pod fetches a copy of its own."""


_REASONS = {
    Phase.SIZING: Reason.WEIGHTS_SIZING,
    Phase.WAITING: Reason.WEIGHTS_WAITING,
    Phase.FETCHING: Reason.WEIGHTS_FETCHING,
    Phase.VERIFYING: Reason.WEIGHTS_FETCHING,
    Phase.FAILED: Reason.WEIGHTS_FAILED,
}


@dataclass(frozen=True, slots=True)
class Progress:
    """What is there of what there will be, in bytes; what is not known is None."""

    done: int | None = None
    total: int | None = None
    per_second: int | None = None
    seconds_left: int | None = None

    @property
    def percent(self) -> int | None:
        """Rounded down: 100 only when all is there."""
        return None if not self.total or self.done is None else 100 * self.done // self.total

    @classmethod
    def told(cls, line: dict[str, Any]) -> "Progress":
        """As a fetch tells it (deepseek_serving.weights.progress)."""
        return cls(
            done=line.get("bytesDone"),
            total=line.get("bytesTotal") or None,
            per_second=line.get("bytesPerSecond"),
            seconds_left=line.get("secondsLeft"),
        )

    def __str__(self) -> str:
        """61 % of 642 GiB, 410 MiB/s, 9 min left."""
        if self.total is None or self.percent is None:
            return "the size is not known yet"
        parts = [f"{self.percent} % of {_size(self.total)}"]
        if self.per_second:
            parts.append(f"{_size(self.per_second)}/s")
        if self.seconds_left is not None:
            parts.append(f"{_duration(self.seconds_left)} left")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of one source; `trouble` is what keeps them from coming."""

    claim: str
    source: str
    phase: Phase
    progress: Progress = Progress()
    trouble: Finding | None = None

    @property
    def missing(self) -> Finding | None:
        """Why no engine can start with them yet; None once they are there or each pod sees to them."""
        if self.phase in (Phase.READY, Phase.PER_POD):
            return None
        if self.phase is Phase.FAILED and self.trouble is not None:
            return self.trouble
        said = f"; {self.trouble.message}" if self.trouble else ""
        reason = self.trouble.reason if self.trouble else _REASONS[self.phase]
        return Finding(reason, f"{self._work()}{said}")

    def _work(self) -> str:
        words = {
            Phase.SIZING: f"asking {self.source} for the size of its weights",
            Phase.WAITING: f"weights of {self.source} wait for their volume and a node",
            Phase.FETCHING: f"weights: {self.progress}",
            Phase.VERIFYING: f"weights: verifying, {self.progress}",
        }
        return words.get(self.phase, f"weights of {self.source} are missing")

    def entry(self) -> dict[str, Any]:
        """As status has it."""
        known = {
            "bytesDone": self.progress.done,
            "bytesTotal": self.progress.total,
            "bytesPerSecond": self.progress.per_second,
            "secondsLeft": self.progress.seconds_left,
        }
        return {
            "claim": self.claim,
            "source": self.source,
            "phase": str(self.phase),
            **{name: value for name, value in known.items() if value is not None},
        }


def _size(count: int) -> str:
    """642 GiB, 4.3 MiB: three digits or two."""
    value, unit = float(count), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if value < 10 and unit else f"{value:.0f} {_UNITS[unit]}"


def _duration(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
