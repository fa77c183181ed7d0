"""Whether users' requests are divided between both revisions as they are asked to be. Pure.

Requests are divided at random, so what is seen differs from what is asked for by chance: four standard deviations of that
are tolerated, and two points always. Each stretch is looked at by itself, for what changes at once, and together with
those before it, for what is small or where few requests come.
"""

import math
from dataclasses import dataclass, replace

ENOUGH = 20
"""Requests of both revisions: with fewer of them hardly any share would be another one."""

_POINTS = 2.0
_DEVIATIONS = 4.0


@dataclass(frozen=True, slots=True)
class Reached:
    """Users' requests by whom they reached."""

    candidate: int = 0
    both: int = 0

    def __add__(self, other: "Reached") -> "Reached":
        return Reached(self.candidate + other.candidate, self.both + other.both)

    @property
    def percent(self) -> float:
        """That reached the candidate; of none, none."""
        return 100 * self.candidate / self.both if self.both else 0.0

    def agrees(self, weight: int) -> bool:
        """Whether so many may well come of so many percent that were asked for."""
        if not self.both:
            return True
        by_chance = _DEVIATIONS * math.sqrt(weight * (100 - weight) / self.both)
        return abs(self.percent - weight) <= max(_POINTS, by_chance)


@dataclass(frozen=True, slots=True)
class Share:
    """What was seen of a step's share, of stretches that lie wholly in it."""

    seen: Reached = Reached()
    """What is looked at together: all of the step, or since it last did not agree; of many requests the last."""
    off: Reached | None = None
    """What did not agree; None while all does."""

    @property
    def is_verified(self) -> bool:
        """Whether enough was seen, and all of it agrees."""
        return self.off is None and self.seen.both >= ENOUGH

    def after(self, found: Reached, *, weight: int) -> "Share":
        """With one more stretch.

        What did not agree is over once as many requests agree: fewer might not have shown it in the first place.
        """
        together = self.seen + found
        for seen in (found, together):
            if not seen.agrees(weight):
                return Share(off=seen)
        most = max(ENOUGH, _until_exact(weight))
        if self.off is not None and together.both < min(self.off.both, most):
            return replace(self, seen=together)
        if together.both >= 2 * most:
            # Hours of requests would hide what turns wrong.
            together = Reached(together.candidate // 2, together.both // 2)
        return Share(together)


def _until_exact(weight: int) -> int:
    """Requests from which on chance makes no more than what is tolerated always."""
    return math.ceil((_DEVIATIONS / _POINTS) ** 2 * weight * (100 - weight))
