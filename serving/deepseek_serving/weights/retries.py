"""How often and after which pause something is tried again."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from deepseek_serving.weights.errors import Reason, Temporary

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of patience; pauses in seconds."""

    attempts: int = 8
    """Failures in a row without one new byte."""
    stalls: int = 3
    """Of those, silences as long as the stall time-out."""
    first_pause: float = 1.0
    longest_pause: float = 60.0
    whole_refetches: int = 3
    """How often a file is fetched anew when its checksum is wrong."""


class Patience:
    """Counts failures in a row and says how long to wait after each."""

    def __init__(self, policy: Policy, *, dice: Callable[[], float] = random.random) -> None:
        self._policy = policy
        self._dice = dice
        self._failures = 0
        self._stalls = 0

    def progressed(self) -> None:
        """Something new has come: failures before it do not count any more."""
        self._failures = self._stalls = 0

    def pause_after(self, error: Temporary) -> float:
        """Seconds to wait before the next attempt; the error itself once they were enough."""
        self._failures += 1
        self._stalls += error.reason is Reason.STALLED
        if self._failures >= self._policy.attempts or self._stalls >= self._policy.stalls:
            raise Temporary(error.reason, f"{error.message}, {self._failures} times in a row")
        # At least half of the full pause, so that a crowd spreads and nobody hammers.
        full = min(
            self._policy.first_pause * 2.0 ** (self._failures - 1), self._policy.longest_pause
        )
        pause = full * (0.5 + self._dice() / 2)
        return max(pause, error.retry_after or 0.0)


def persistently(
    action: Callable[[], T], *, policy: Policy, wait: Callable[[float, Temporary], None]
) -> T:
    """What the action returns, tried again after temporary failures; `wait` may raise to stop."""
    patience = Patience(policy)
    while True:
        try:
            return action()
        except Temporary as error:
            wait(patience.pause_after(error), error)
