"""What the times of a shape come to: rounds, stability, cold and warm."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from deepseek_serving.warmup.client import Timing

STABLE_RATIO = 1.2
"""Two rounds whose times differ by less are equally warm; compiling costs factors, not fifths."""

NOISE_SECONDS = 0.005
"""Two rounds closer than this are equal too: the scheduler of a busy node does as much to either."""

SLOW_SHARE = 0.95
"""A round's time is that of its slow requests, since those met what was cold; of fewer than twenty it
is the slowest, and of many one straggler does not count."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Seconds of one round of a shape."""

    first_token: float
    inter_token: float | None

    def milliseconds(self) -> list[float | None]:
        """As the result shows it: time to first token, inter-token latency."""
        between = None if self.inter_token is None else round(self.inter_token * 1000, 1)
        return [round(self.first_token * 1000, 1), between]


def figure(timings: Sequence[Timing]) -> Figure:
    """One round's slow requests."""
    between = [timing.inter_token for timing in timings if timing.inter_token is not None]
    first = slow([timing.first_token for timing in timings])
    return Figure(first, slow(between) if between else None)


def slow(seconds: Sequence[float]) -> float:
    """The time that 95 % do not exceed, by nearest rank."""
    return sorted(seconds)[math.ceil(SLOW_SHARE * len(seconds)) - 1]


def are_stable(rounds: Sequence[Figure]) -> bool:
    """Whether the last two rounds took about as long."""
    if len(rounds) < 2:
        return False
    before, after = rounds[-2:]
    if not _alike(before.first_token, after.first_token):
        return False
    if before.inter_token is None or after.inter_token is None:
        return True
    return _alike(before.inter_token, after.inter_token)


def _alike(one: float, other: float) -> bool:
    low, high = sorted((one, other))
    return high - low <= NOISE_SECONDS or high <= low * STABLE_RATIO
