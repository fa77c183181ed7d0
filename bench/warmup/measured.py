"""What was measured, and the figures that follow from it. Pure."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.warmup.requests import Timed


@dataclass(frozen=True, slots=True)
class First:
    """The first requests to a pod after it had become ready, beside those to a warm one."""

    pod: tuple[Timed, ...]
    control: tuple[Timed, ...]

    @property
    def slowest(self) -> float:
        """The pod's slowest request against the warm median of its kind."""
        return _slowest(self.pod, self._warm)

    @property
    def control_slowest(self) -> float:
        """The same of the control: what this machine's noise alone makes."""
        return _slowest(self.control, self._warm)

    @property
    def very_first(self) -> float:
        """The pod's first request against the warm median of its kind."""
        return self.pod[0].seconds / self._warm[self.pod[0].kind]

    @property
    def _warm(self) -> dict[str, float]:
        return medians(self.control)


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a pod, in seconds from the start of its engine's container."""

    until_open: float
    warmup: float
    first_round: float
    """Slowest time to first token of the warm-up's first rounds."""


def medians(requests: Sequence[Timed]) -> dict[str, float]:
    """The median of each kind."""
    by_kind: dict[str, list[float]] = {}
    for request in requests:
        by_kind.setdefault(request.kind, []).append(request.seconds)
    return {kind: statistics.median(seconds) for kind, seconds in by_kind.items()}


def _slowest(requests: Sequence[Timed], warm: Mapping[str, float]) -> float:
    return max(request.seconds / warm[request.kind] for request in requests)
