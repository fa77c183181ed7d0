"""What every check of a rollout looks at, and the moves that it may make. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from deepseek_operator.rollout import evidence as evidences
from deepseek_operator.rollout.commands import Verb
from deepseek_operator.rollout.evidence import Evidence, Metric, Verdict
from deepseek_operator.rollout.run import Cause, Facts, Phase, Rollout, Run, Step


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment of a run that has not ended; `verb` is what a person asks for just now."""

    rollout: Rollout
    run: Run
    facts: Facts
    verb: Verb | None
    now: datetime

    @property
    def step(self) -> Step:
        """The present step."""
        return self.run.plan.steps[self.run.step]

    @property
    def is_last(self) -> bool:
        """Whether promotion follows the present step."""
        return self.run.step == len(self.run.plan.steps) - 1

    def to(self, phase: Phase, cause: Cause, said: str, **changes: Any) -> Rollout:
        """The run in another phase, as of now."""
        changed: dict[str, Any] = {"hold": None, **changes}
        moved = replace(self.run, phase=phase, cause=cause, said=said, since=self.now, **changed)
        return replace(self.rollout, run=moved)

    def back(self, cause: Cause, said: str) -> Rollout:
        """Whoever has the role of the stable revision gives it back."""
        back = self.to(Phase.ROLLING_BACK, cause, said, weight=0)
        return replace(back, stable=self.run.stable)


def verdict(run: Run) -> Verdict:
    """Of all metrics together."""
    return evidences.overall(
        run.evidence.get(metric.name, Evidence()).verdict(run.plan.bar)
        for metric in run.plan.metrics
    )


def standing(run: Run) -> str:
    """How far each metric is, in words: the undecided ones first, for they are what is waited for."""
    parts, good = [], []
    for metric in run.plan.metrics:
        found = run.evidence.get(metric.name, Evidence())
        if found.verdict(run.plan.bar) is Verdict.GOOD:
            good.append(metric.name)
            continue
        accepted = max(found.acceptance, default=0.0)
        parts.append(
            f"{described(metric)} {found.verdict(run.plan.bar)} "
            f"({accepted:.1f} of {run.plan.bar.accept_at:.1f}, alarm {found.alarm:.1f} of "
            f"{run.plan.bar.alarm_at:.1f})"
        )
    return ", ".join([*parts, *([f"Good: {' '.join(good)}"] if good else [])])


def described(metric: Metric) -> str:
    """A metric's name, and what is late by it."""
    return metric.name if metric.limit is None else f"{metric.name} (over {metric.limit:g} s)"


def words(metric: Metric, found: Evidence) -> str:
    """What was seen of one metric, for people."""
    seen = found.seen
    low, high = evidences.interval(seen.candidate)
    return (
        f"{described(metric)}: {seen.candidate.bad} of {seen.candidate.total} requests of the candidate "
        f"({low:.2%} to {high:.2%}), {seen.stable.bad} of {seen.stable.total} of the stable revision"
    )


def elapsed(since: datetime, now: datetime) -> timedelta:
    """Never negative: clocks of two operators may differ."""
    return max(timedelta(0), now - since)
