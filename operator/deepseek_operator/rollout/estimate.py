"""How long a run still takes at its own traffic, if the candidate is as good as the stable revision. Pure."""

import math
from datetime import timedelta

from deepseek_operator.rollout import evidence as evidences
from deepseek_operator.rollout.evidence import Absolute, Criterion, Evidence, Metric, Relative
from deepseek_operator.rollout.run import Phase, Run, Step

_EACH = timedelta(minutes=1)
"""An estimate is no more exact than that."""


def left(run: Run) -> timedelta | None:
    """Until it is decided, in whole minutes; None where no requests tell, or where it waits for something else.

    From what is recorded alone, so that it changes when something was seen and not with each look.
    """
    rate = _per_second(run)
    if rate is None or run.phase is not Phase.ANALYZING:
        return None
    seconds = sum(
        _step_seconds(step, rate, done=run.requests if number == 0 else 0)
        for number, step in enumerate(run.plan.steps[run.step :])
    )
    last = run.plan.steps[-1]
    # The last step ends with the decision; what the steps before it add to it is not counted on.
    seconds += max(0.0, _decision_seconds(run, rate) - _step_seconds(last, rate, done=0))
    if math.isinf(seconds) or seconds > run.plan.limits.total.total_seconds():
        return None
    return math.ceil(timedelta(seconds=seconds) / _EACH) * _EACH


def _per_second(run: Run) -> float | None:
    """Requests of both revisions, as this step has had them."""
    if not run.requests or run.step_since is None or run.last_data is None:
        return None
    seconds = (run.last_data - run.step_since).total_seconds()
    return run.requests / seconds * 100 / run.weight if seconds > 0 and run.weight else None


def _step_seconds(step: Step, rate: float, *, done: int) -> float:
    wanted = max(0, step.min_requests - done)
    return max(
        step.min_duration.total_seconds() if not done else 0.0, wanted / rate * 100 / step.weight
    )


def _decision_seconds(run: Run, rate: float) -> float:
    """Until the slowest metric is accepted, at the weight of the last step."""
    weight = run.plan.steps[-1].weight / 100
    needed = [_requests(run, metric, weight) for metric in run.plan.metrics]
    return max(needed) / rate


def _requests(run: Run, metric: Metric, weight: float) -> float:
    """Of both revisions, until a metric is accepted by the quickest of its ways."""
    found = run.evidence.get(metric.name, Evidence())
    before = found.acceptance or (0.0,) * len(metric.accept)
    needed = [
        _requests_by(criterion, found, weight, missing=run.plan.bar.accept_at - already)
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
