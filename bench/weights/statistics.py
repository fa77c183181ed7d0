"""Ratios of paired rounds, with the interval in which the true one lies."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

STUDENT = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179)
"""The 97.5 % quantiles of Student's distribution with 1, 2, ... degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the bounds of its 95 % interval."""

    middle: float
    low: float
    high: float


def ratio(pairs: Sequence[tuple[float, float]]) -> Interval:
    """The geometric mean of first to second, and its 95 % interval."""
    logs = [math.log(first / second) for first, second in pairs]
    middle = statistics.fmean(logs)
    if len(logs) < 2:
        return Interval(math.exp(middle), 0.0, math.inf)
    quantile = STUDENT[min(len(logs) - 2, len(STUDENT) - 1)]
    reach = quantile * statistics.stdev(logs) / math.sqrt(len(logs))
    return Interval(math.exp(middle), math.exp(middle - reach), math.exp(middle + reach))
