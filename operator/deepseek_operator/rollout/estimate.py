"""How long a run still takes at its own traffic, if the candidate is as good as the stable revision. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from deepseek_operator.rollout import evidence as evidences
from deepseek_operator.rollout.evidence import Absolute, Criterion, Evidence, Metric, Relative
from deepseek_operator.rollout.run import Phase, Plan, Run, Step

_EACH = timedelta(minutes=1)
"""An estimate is no more exact than that."""


def left(run: Run) -> timedelta | None:
    """Until it is decided, in whole minutes; None where no requests tell, or where it waits for something else.

    From what is recorded alone, so that it changes when something was seen and not with each look.
    """
    rate = _per_second(run)
    if rate is None or run.phase is not Phase.ANALYZING:
        return None
    steps = [
        _step_seconds(step, rate, done=run.requests if number == 0 else 0)
        for number, step in enumerate(run.plan.steps[run.step :])
    ]
    seconds = sum(steps) + _until_decided(run.plan, run.evidence, rate)
    if math.isinf(seconds) or seconds > run.plan.limits.total.total_seconds():
        return None
    return math.ceil(timedelta(seconds=seconds) / _EACH) * _EACH


@dataclass(frozen=True, slots=True)
class Course:
    """How long a run takes that has not begun, in seconds."""

    steps: tuple[float, ...]
    decision: float | None
    """After the last step; None where it is not known how many requests there are, or where these never decide."""
    mirror: float = 0.0
    """Of copies, before the first step."""


def course(plan: Plan, rate: float | None) -> Course:
    """At so many requests a second of both revisions, none of which fails; without a rate, at least."""
    steps = tuple(_step_seconds(step, rate, done=0) for step in plan.steps)
    copies, mirror = plan.mirror, 0.0
    if copies is not None:
        mirror = _seconds(copies.min_duration, copies.min_requests, copies.percent, rate)
        # With too few requests for so long it goes on.
        mirror = min(mirror, copies.max_duration.total_seconds())
    known = [metric for metric in plan.metrics if not metric.learns]
    decision = None
    if rate is not None and known and plan.steps:
        found = _until_decided(replace(plan, metrics=tuple(known)), {}, rate)
        decision = None if math.isinf(found) else found
    return Course(steps, decision, mirror)


def _per_second(run: Run) -> float | None:
    """Requests of both revisions, as this step has had them."""
    if not run.requests or run.settled is None or run.last_data is None:
        return None
    seconds = (run.last_data - run.settled).total_seconds()
    return run.requests / seconds * 100 / run.weight if seconds > 0 and run.weight else None


def _step_seconds(step: Step, rate: float | None, *, done: int) -> float:
    least = timedelta() if done else step.min_duration
    return _seconds(least, max(0, step.min_requests - done), step.weight, rate)


def _seconds(least: timedelta, wanted: int, percent: int, rate: float | None) -> float:
    """Until so many requests were seen of a share of them, and not before the least time."""
    needed = 0.0 if rate is None else wanted / rate * 100 / percent
    return max(least.total_seconds(), needed)


def _until_decided(plan: Plan, evidence: Mapping[str, Evidence], rate: float) -> float:
    """After the last step.

    It ends with the decision; what the steps before it add to it is not counted on.
    """
    last = plan.steps[-1]
    decision = _decision_seconds(plan, evidence, rate)
    return max(0.0, decision - _step_seconds(last, rate, done=0))


def _decision_seconds(plan: Plan, evidence: Mapping[str, Evidence], rate: float) -> float:
    """Until the slowest metric is accepted, at the weight of the last step."""
    weight = plan.steps[-1].weight / 100
    needed = [_requests(plan, evidence, metric, weight) for metric in plan.metrics]
    return max(needed) / rate


def _requests(plan: Plan, evidence: Mapping[str, Evidence], metric: Metric, weight: float) -> float:
    """Of both revisions, until a metric is accepted by the quickest of its ways."""
    found = evidence.get(metric.name, Evidence())
    before = found.acceptance or (0.0,) * len(metric.accept)
    needed = [
        _requests_by(criterion, found, weight, missing=plan.bar.accept_at - already)
        for already, criterion in zip(before, metric.accept, strict=True)
    ]
    return min(needed) * found.roughness.factor


def _requests_by(criterion: Criterion, found: Evidence, weight: float, *, missing: float) -> float:
    if missing <= 0:
        return 0.0
    share = found.seen.stable.share
    if isinstance(criterion, Relative):
        return evidences.requests_to_accept(share, weight, margin=criterion.margin, missing=missing)
    if isinstance(criterion, Absolute):
        gain = criterion.gain(share)
        return missing / (gain * weight) if gain > 0 else math.inf
    return math.inf
