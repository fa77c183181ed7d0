"""What makes one doubt a candidate that has all of the traffic, and nobody left to be compared with. Pure.

Its own share of bad outcomes is what is left. What is fine is what the stable revision did while both served; several times
that raises the alarm. But what hits both looks the same from here: a bad hour, refusals that a client brought about. So nobody is taken
back for it: both are compared once more. What is not confirmed doubles what is fine, so that it ends.
"""

from dataclasses import replace

from deepseek_operator.rollout.evidence import Absolute, Alike, Both, Evidence, Metric, Verdict
from deepseek_operator.rollout.run import Run

_TIMES_WORSE = 2.5
"""Of the odds: of small shares it is the share itself, and of large ones it never is more than all."""
_MOST_SHARE = 0.9
"""Where more than that is bad as a rule, nothing that it could become is told apart from it."""


def alone(run: Run) -> Run:
    """The run, watched from now on; how rough errors are stays known."""
    found = [(metric, run.evidence.get(metric.name, Evidence())) for metric in run.plan.metrics]
    usual = [standard for metric, seen in found if (standard := _standard(metric, seen, run))]
    return replace(run, usual=tuple(usual), evidence=fresh(run))


def fresh(run: Run) -> dict[str, Evidence]:
    """Nothing seen, but how much of what is seen is one event."""
    return {name: Evidence(roughness=seen.roughness) for name, seen in run.evidence.items()}


def _standard(metric: Metric, seen: Evidence, run: Run) -> Metric | None:
    """The same metric with a limit; None for what only a comparison can judge."""
    if isinstance(metric.alarm, Absolute):
        # The user's own: it holds whoever serves.
        return metric
    floor = metric.alarm.absolute if isinstance(metric.alarm, Both) else _accepted_alone(metric)
    if isinstance(metric.alarm, Alike) or floor is None:
        return None
    share = seen.seen.stable.share
    if seen.verdict(run.plan.bar) is not Verdict.GOOD:
        # A person promoted it whatever the evidence said: they know what it did by then.
        share = max(share, seen.seen.candidate.share)
    fine = _times(max(share, floor.good), 2.0**run.doubts)
    if fine > _MOST_SHARE:
        return None
    limit = Absolute(good=fine, bad=max(floor.bad, _times(fine, _TIMES_WORSE)))
    return replace(metric, alarm=limit, accept=(limit,))


def _accepted_alone(metric: Metric) -> Absolute | None:
    """What is accepted though there is nothing to compare."""
    return next((one for one in metric.accept if isinstance(one, Absolute)), None)


def _times(share: float, ratio: float) -> float:
    odds = ratio * share
    return odds / (1 - share + odds)


def words(run: Run) -> str:
    """From where on each is doubted, for people."""
    limits = [(one.name, one.alarm.bad) for one in run.usual if isinstance(one.alarm, Absolute)]
    return ", ".join(f"{name} {bad:.1%}" for name, bad in limits)
