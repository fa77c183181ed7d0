"""What the requests of two revisions say of them: when to roll back, when to promote, and how sure that is. Pure.

Every metric is a count of outcomes of which some are bad: an error, a first token later than a limit. Both
revisions are counted over the same minutes. Three things follow from that:

* Given how many bad outcomes there were in all, how many fell to the candidate does not depend on how
  bad the hour was: trouble that hits both cancels, and so does any share of the traffic (the conditional
  binomial test). The log-likelihood ratio of "fails `ratio` times as often" to "fails as often" is the
  logarithm of an *e-value*: under the second, and for any better candidate, its exponential has a mean
  of at most 1, so that by Ville's inequality it seldom grows, whenever one looks.
* The *alarm* adds these up and never falls below 0 (a CUSUM e-detector: Shin, Ramdas and Rinaldo,
  arXiv 2203.03532; Lorden 1971). Without that, hours of good requests would hide a candidate that turns
  bad. A good candidate is expected to raise it once in exp(alarm_at) windows. What one window may add
  is capped: errors come in bursts.
* The *acceptance* adds up the opposite, "fails as often" against "fails `margin` times as often" (Wald's
  sequential test), and never rises far above what is needed: what is accepted is of now. Some it may, for
  many metrics that each have just enough seldom have it at the same time.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Outcomes:
    """So many outcomes, of which so many were bad."""

    total: int = 0
    bad: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.bad <= self.total:
            raise ValueError(f"{self.bad} of {self.total} outcomes cannot be bad")

    def __add__(self, other: "Outcomes") -> "Outcomes":
        return Outcomes(self.total + other.total, self.bad + other.bad)

    @property
    def share(self) -> float:
        """Of bad outcomes; 0 of none."""
        return self.bad / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Candidate and stable revision over the same minutes, on requests of one kind."""

    candidate: Outcomes = Outcomes()
    stable: Outcomes = Outcomes()

    def __add__(self, other: "Pair") -> "Pair":
        return Pair(self.candidate + other.candidate, self.stable + other.stable)


Window = tuple[Pair, ...]
"""One stretch of time, a pair for each kind of request: a mix that differs is then no regression."""


@dataclass(frozen=True, slots=True)
class Relative:
    """The candidate against the stable revision."""

    ratio: float = 2.5
    """Failing so many times as often is to be noticed."""
    margin: float = 2.0
    """Promoted only once it is unlikely to fail so many times as often."""

    def __post_init__(self) -> None:
        if self.ratio <= 1 or self.margin <= 1:
            raise ValueError("ratio and margin of a relative criterion have to be above 1")

    def alarm(self, window: Window) -> float:
        """What a window adds to the alarm."""
        return sum(log_e(pair, self.ratio) for pair in window)

    def acceptance(self, window: Window) -> float:
        """What a window adds to the acceptance."""
        return -sum(log_e(pair, self.margin) for pair in window)


@dataclass(frozen=True, slots=True)
class Absolute:
    """The candidate against limits of its own: between models that differ by nature."""

    good: float
    """A share of bad outcomes that is fine."""
    bad: float
    """A share that is not."""

    def __post_init__(self) -> None:
        if not 0 < self.good < self.bad < 1:
            raise ValueError("an absolute criterion needs 0 < good < bad < 1")

    def alarm(self, window: Window) -> float:
        """What a window adds to the alarm."""
        return sum(self._log_e(pair.candidate) for pair in window)

    def acceptance(self, window: Window) -> float:
        """What a window adds to the acceptance."""
        return -self.alarm(window)

    def gain(self, share: float) -> float:
        """What one request of a candidate with this share of bad ones adds to the acceptance, on average."""
        return -(
            share * math.log(self.bad / self.good)
            + (1 - share) * math.log((1 - self.bad) / (1 - self.good))
        )

    def _log_e(self, outcomes: Outcomes) -> float:
        fine = outcomes.total - outcomes.bad
        return outcomes.bad * math.log(self.bad / self.good) + fine * math.log(
            (1 - self.bad) / (1 - self.good)
        )


@dataclass(frozen=True, slots=True)
class Both:
    """Worse than the stable revision is, and worse than it was before.

    Of two e-values the smaller is one for either: it grows only while both find the candidate worse. So a
    stable revision that is fast because it has little left to do makes nobody slow.
    """

    relative: Relative
    absolute: Absolute

    def alarm(self, window: Window) -> float:
        """What a window adds to the alarm."""
        return min(self.relative.alarm(window), self.absolute.alarm(window))

    def acceptance(self, window: Window) -> float:
        """What a window adds to the acceptance: no more than either does."""
        return min(self.relative.acceptance(window), self.absolute.acceptance(window))


@dataclass(frozen=True, slots=True)
class Alike:
    """No limit of the candidate's: whether both revisions are asked the same (rollout/mix.py)."""

    deviations: float = 4.0
    """So far from what chance would give the candidate."""
    times: float = 1.25
    """And so many times as much, or as little."""

    def alarm(self, _: Window) -> float:
        """Nobody is bad by what it is asked."""
        return 0.0

    def acceptance(self, _: Window) -> float:
        """Nor good."""
        return 0.0


Criterion = Relative | Absolute | Both | Alike


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that is compared.

    Any one of `accept` is enough to accept it: where the stable revision makes no errors at all there is
    nothing to compare with, and a share that is fine by itself has to do.
    """

    name: str
    alarm: Criterion
    accept: tuple[Criterion, ...]
    measure: str = ""
    """What engines tell that it is made of; empty for what gateways count."""
    limit: float | None = None
    """Of a time, in seconds: what takes longer is bad."""
    learns: bool = False
    """Whether limit and criteria follow from what the stable revision did before: until then nothing does."""

    def __post_init__(self) -> None:
        if not self.accept:
            raise ValueError(f"metric {self.name}: nothing would ever accept it")


@dataclass(frozen=True, slots=True)
class Bar:
    """How much evidence is asked for."""

    alarm_at: float
    accept_at: float
    cap: float = 2.0
    """The most that one window adds to the alarm: a burst is one event, and six of them are none by chance."""
    spare: float = 0.0
    """So much more than what is needed an acceptance may rise."""

    def __post_init__(self) -> None:
        if not (self.alarm_at > 0 and self.accept_at > 0 and self.cap > 0 and self.spare >= 0):
            raise ValueError("a bar that asks for no evidence is none")

    @property
    def suspicious_at(self) -> float:
        """From this alarm on a candidate gets no larger share: one window has said all that one may say."""
        return self.cap


def bar(*, metrics: int, windows: int = 50_000, risk: float = 0.05) -> Bar:
    """For so many metrics that each may raise the alarm.

    `windows`: a good candidate is rolled back at most once in so many; `risk`: how likely a candidate at
    the margin is ever accepted. Acceptance needs every metric, so it needs no correction for their number.
    """
    accept_at = -math.log(risk)
    return Bar(alarm_at=math.log(metrics * windows), accept_at=accept_at, spare=accept_at)


class Verdict(StrEnum):
    """What the evidence says so far."""

    GOOD = "Good"
    BAD = "Bad"
    UNKNOWN = "Unknown"


_FREE_PAIRS = 3
"""Pairs of windows that count as seen, at the value of independent outcomes."""


@dataclass(frozen=True, slots=True)
class Roughness:
    """How much more bad outcomes come together than chance alone would have them.

    The mean squared difference of the stable revision's share from one window to the next, in units of
    what independent outcomes would make it: 1 for those, 5 where errors come in fives. Slow changes cancel.
    """

    last: Outcomes = Outcomes()
    squares: float = 0.0
    pairs: int = 0

    @property
    def factor(self) -> float:
        """By which all evidence is divided; never below 1."""
        return max(1.0, (self.squares + _FREE_PAIRS) / (self.pairs + _FREE_PAIRS))

    def after(self, window: Outcomes) -> "Roughness":
        """With one more window of the stable revision; two without a bad outcome tell nothing."""
        if not window.total:
            return self
        both = window + self.last
        if not self.last.total or not 0 < both.bad < both.total:
            return Roughness(window, self.squares, self.pairs)
        expected = both.share * (1 - both.share) * (1 / window.total + 1 / self.last.total)
        square = (window.share - self.last.share) ** 2 / expected
        return Roughness(window, self.squares + square, self.pairs + 1)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that has to be kept of one metric: its sums, and the totals for people to read."""

    alarm: float = 0.0
    acceptance: tuple[float, ...] = ()
    """For each of the metric's ways to be accepted; none before the first window."""
    seen: Pair = Pair()
    roughness: Roughness = Roughness()

    def verdict(self, bar: Bar) -> Verdict:
        """An alarm counts before an acceptance."""
        if self.alarm >= bar.alarm_at:
            return Verdict.BAD
        is_accepted = max(self.acceptance, default=0.0) >= bar.accept_at
        return Verdict.GOOD if is_accepted else Verdict.UNKNOWN


def fold(evidence: Evidence, window: Window, *, metric: Metric, bar: Bar) -> Evidence:
    """The evidence after one more window."""
    seen = sum(window, start=evidence.seen)
    stable = sum((pair.stable for pair in window), start=Outcomes())
    roughness = evidence.roughness.after(stable)
    before = evidence.acceptance or (0.0,) * len(metric.accept)
    added = metric.alarm.alarm(window) / roughness.factor
    return Evidence(
        alarm=max(0.0, evidence.alarm) + min(bar.cap, added),
        acceptance=tuple(
            min(
                bar.accept_at + bar.spare, already + criterion.acceptance(window) / roughness.factor
            )
            for already, criterion in zip(before, metric.accept, strict=True)
        ),
        seen=seen,
        roughness=roughness,
    )


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """One bad metric is bad; all have to be good, and there has to be one."""
    found = list(verdicts)
    if Verdict.BAD in found:
        return Verdict.BAD
    return Verdict.GOOD if found and set(found) == {Verdict.GOOD} else Verdict.UNKNOWN


def log_e(pair: Pair, ratio: float) -> float:
    """Log-likelihood ratio of a candidate that fails `ratio` times as often to one that fails as often.

    Nothing follows from minutes in which one of the two had no request.
    """
    candidate, stable = pair.candidate, pair.stable
    if not candidate.total or not stable.total:
        return 0.0
    equal = candidate.total / (candidate.total + stable.total)
    worse = ratio * candidate.total / (ratio * candidate.total + stable.total)
    return candidate.bad * math.log(worse / equal) + stable.bad * math.log(
        (1 - worse) / (1 - equal)
    )


def requests_to_accept(share: float, weight: float, *, margin: float, missing: float) -> float:
    """Expected requests of both revisions until a candidate that is as good is accepted.

    `share` of bad outcomes, `weight` of the candidate (0 to 1), `missing` acceptance. Infinite without
    bad outcomes: then nothing tells a good candidate from a bad one.
    """
    if missing <= 0:
        return 0.0
    worse = margin * weight / (margin * weight + 1 - weight)
    gain = weight * math.log(weight / worse) + (1 - weight) * math.log((1 - weight) / (1 - worse))
    return missing / (share * gain) if share > 0 else math.inf


def interval(outcomes: Outcomes, *, risk: float = 0.05) -> tuple[float, float]:
    """Where the true share of bad outcomes is, however often one looks (Robbins 1970).

    All shares p for which the likelihood, mixed over Jeffreys' prior, is below that at p divided by `risk`.
    """
    if not outcomes.total:
        return 0.0, 1.0
    bad, fine = outcomes.bad, outcomes.total - outcomes.bad
    mixed = _log_beta(bad + 0.5, fine + 0.5) - _log_beta(0.5, 0.5)

    def is_excluded(share: float) -> bool:
        likelihood = bad * _log(share) + fine * _log(1 - share)
        return mixed - likelihood >= -math.log(risk)

    middle = outcomes.share
    return _edge(is_excluded, 0.0, middle), _edge(is_excluded, 1.0, middle)


def _edge(is_excluded: Callable[[float], bool], outside: float, inside: float) -> float:
    """Between a share that may be excluded and one that is not; by halving."""
    if not is_excluded(outside):
        return outside
    for _ in range(60):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if is_excluded(middle) else (outside, middle)
    return inside


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log(value: float) -> float:
    """0 times this is 0, as a likelihood needs it."""
    return math.log(value) if value > 0 else -1e300
