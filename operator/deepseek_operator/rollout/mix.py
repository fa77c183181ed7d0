"""Whether both revisions are asked the same; while they are not, what depends on it is not compared. Pure.

Requests are divided at random, so that both get the same mix of short and long ones, but for chance; with a
sticky key, a few heavy users may stay with one of the two. Engines do not tell the times of long requests apart
from those of short ones, but how many were long. How the long ones of a stretch are divided is compared with
how all of its requests are (Cochran 1954, Mantel and Haenszel 1959): a share of the traffic that changes from step to
step, or a mix that changes from hour to hour, makes no difference.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from deepseek_operator.rollout.evidence import Alike, Bar, Evidence, Metric, Pair, Window

NAME = "longPrompts"

DEPENDENT = frozenset({"timeToFirstToken", "timePerOutputToken", "preemptions", "truncated"})
"""Metrics that a request's size is in, where they compare the two revisions."""


@dataclass(frozen=True, slots=True)
class Mix:
    """The candidate's long requests, and what chance would have given it, of all stretches so far."""

    long: int = 0
    expected: float = 0.0
    variance: float = 0.0

    def after(self, window: Window) -> "Mix":
        """With one more stretch."""
        mix = self
        for pair in window:
            mix = mix._with(pair)
        return mix

    def _with(self, pair: Pair) -> "Mix":
        both = pair.candidate + pair.stable
        if both.total < 2:
            return self
        of_candidate, of_stable = pair.candidate.total, pair.stable.total
        chance = of_candidate * of_stable / (both.total**2 * (both.total - 1))
        return Mix(
            self.long + pair.candidate.bad,
            self.expected + both.bad * of_candidate / both.total,
            self.variance + both.bad * (both.total - both.bad) * chance,
        )

    def differs(self, criterion: Alike) -> bool:
        """Whether it is more than chance, and more than a little."""
        apart = abs(self.long - self.expected)
        less, more = sorted((float(self.long), self.expected))
        is_no_chance = self.variance > 0 and apart >= criterion.deviations * math.sqrt(
            self.variance
        )
        return is_no_chance and more >= criterion.times * less


def judged(
    evidence: Mapping[str, Evidence], mix: Mix, *, metrics: Iterable[Metric], bar: Bar
) -> dict[str, Evidence]:
    """The evidence, without what cannot be compared; a mix that is alike is good, and another one undecided."""
    metrics = tuple(metrics)
    found = dict(evidence)
    for guard in metrics:
        if not isinstance(guard.alarm, Alike):
            continue
        differs = mix.differs(guard.alarm)
        seen = found[guard.name]
        found[guard.name] = replace(seen, acceptance=() if differs else (bar.accept_at,))
        if differs:
            aside = (metric.name for metric in metrics if metric.name in DEPENDENT)
            found.update(dict.fromkeys(aside, Evidence()))
    return found
