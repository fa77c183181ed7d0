"""Users' requests, drawn at random: how many there are in a stretch of time, and how many of them fail."""

import math
from dataclasses import dataclass

import numpy as np

from deepseek_operator.rollout.evidence import Outcomes, Pair


@dataclass(frozen=True, slots=True)
class Traffic:
    """What users send and how often it fails."""

    per_second: float
    """Requests of all users, on average."""
    failing: float
    """Share of the stable revision's requests that fail, on average."""
    ratio: float
    """So many times as often the candidate's fail."""
    kind: str = "steady"
    metric: str = "errors"
    """What these requests fail at; at everything else both revisions are alike."""


USUAL = {
    "errors": 0.002,
    "rejections": 0.01,
    "empty": 0.001,
    "timeToFirstToken": 0.05,
    "timePerOutputToken": 0.05,
    "preemptions": 0.0,
    "truncated": 0.1,
    "longPrompts": 0.25,
    "timeToFirstTokenLimit": 0.02,
}
"""Share of either revision's requests that is bad by a metric, where the traffic is about another."""

KINDS = ("steady", "bursty", "diurnal", "autocorrelated")
BURST = 5
"""Errors that come together: a pod that was stuck, a client that sent the same request again."""

DAY = 24 * 3600.0
CORRELATION_SECONDS = 300.0
"""Over which trouble that hits both revisions lasts."""


class Users:
    """The traffic of one run."""

    def __init__(self, traffic: Traffic, chance: np.random.Generator) -> None:
        self.traffic, self.chance = traffic, chance
        self.trouble = 0.0
        self.began = float(chance.uniform(0, DAY))

    def per_second(self, at: float) -> float:
        """The present rate: by day up to 1.8 times the mean, by night down to a fifth."""
        if self.traffic.kind != "diurnal":
            return self.traffic.per_second
        return self.traffic.per_second * (1 + 0.8 * math.sin(2 * math.pi * (self.began + at) / DAY))

    def stretch(self, at: float, seconds: float, weight: float) -> Pair:
        """What both revisions did in so many seconds, at this weight (0 to 1)."""
        total = int(self.chance.poisson(self.per_second(at) * seconds))
        candidate = int(self.chance.binomial(total, weight))
        failing = self._failing(seconds)
        return Pair(
            self._outcomes(candidate, failing * self.traffic.ratio),
            self._outcomes(total - candidate, failing),
        )

    def usual(self, pair: Pair) -> dict[str, Pair]:
        """What the same requests did by every other metric."""
        return {
            metric: Pair(
                self._independent(pair.candidate.total, share),
                self._independent(pair.stable.total, share),
            )
            for metric, share in USUAL.items()
            if metric != self.traffic.metric
        }

    def _independent(self, total: int, share: float) -> Outcomes:
        return Outcomes(total, int(self.chance.binomial(total, share)))

    def _failing(self, seconds: float) -> float:
        """The share that fails just now: a bad hour is bad for both."""
        if self.traffic.kind != "autocorrelated":
            return self.traffic.failing
        keep = math.exp(-seconds / CORRELATION_SECONDS)
        noise = float(self.chance.normal(0, math.sqrt(1 - keep**2)))
        self.trouble = keep * self.trouble + noise
        # Of mean 1, and now and then several times that.
        return self.traffic.failing * math.exp(self.trouble * 0.8 - 0.32)

    def _outcomes(self, total: int, failing: float) -> Outcomes:
        share = min(failing, 1.0)
        if self.traffic.kind != "bursty":
            return self._independent(total, share)
        bursts = int(self.chance.poisson(total * share / BURST))
        return Outcomes(total, min(total, BURST * bursts))
