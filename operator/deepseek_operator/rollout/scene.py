"""What every check of a rollout looks at, and the moves that it may make. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from deepseek_operator.rollout import evidence as evidences
from deepseek_operator.rollout.commands import Verb
from deepseek_operator.rollout.evidence import Absolute, Alike, Evidence, Metric, Verdict
from deepseek_operator.rollout.facts import Facts
from deepseek_operator.rollout.run import Cause, Phase, Rollout, Run, Step


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

    @property
    def is_paused(self) -> bool:
        """Whether a person keeps it where it is; a Replace that has begun to stop somebody is kept by nobody."""
        return self.facts.paused and self.run.stopped is None

    @property
    def spent(self) -> timedelta:
        """Of the longest duration; what a person had paused is none of it."""
        run = self.run
        return elapsed(run.doubted or run.started, self.now) - run.paused

    def to(self, phase: Phase, cause: Cause, said: str, **changes: Any) -> Rollout:
        """The run in another phase, as of now."""
        changed: dict[str, Any] = {"hold": None, **changes}
        moved = replace(self.run, phase=phase, cause=cause, said=said, since=self.now, **changed)
        return replace(self.rollout, run=moved)

    def back(self, cause: Cause, said: str) -> Rollout:
        """Whoever has the role of the stable revision gives it back."""
        phase, changes = Phase.ROLLING_BACK, {}
        if self.run.plan.replaces and not self.run.has_swapped:
            # Nobody was sent to it yet: there is nothing to take back.
            phase = Phase.RETURNING
        elif self.run.plan.replaces:
            changes = {"stopped": self.now}
        back = self.to(phase, cause, said, weight=0, **changes)
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
        if isinstance(metric.alarm, Alike):
            parts.append(_mixed(run, metric, metric.alarm))
            continue
        accepted = max(found.acceptance, default=0.0)
        parts.append(
            f"{described(metric)} {found.verdict(run.plan.bar)} "
            f"({accepted:.1f} of {run.plan.bar.accept_at:.1f}, alarm {found.alarm:.1f} of "
            f"{run.plan.bar.alarm_at:.1f})"
        )
    return ", ".join([*parts, *([f"Good: {' '.join(good)}"] if good else [])])


def _mixed(run: Run, metric: Metric, criterion: Alike) -> str:
    if not run.mix.differs(criterion):
        return f"{metric.name} {Verdict.UNKNOWN}"
    return (
        f"{described(metric)}: {run.mix.long} requests of the candidate, where its share of all of them would "
        f"be {run.mix.expected:.0f}, so what depends on their length is not compared"
    )


def described(metric: Metric) -> str:
    """A metric's name, and what is late, or long, by it."""
    unit = "tokens" if isinstance(metric.alarm, Alike) else "s"
    return metric.name if metric.limit is None else f"{metric.name} (over {metric.limit:g} {unit})"


def words(metric: Metric, found: Evidence, *, copies: bool = False) -> str:
    """What was seen of one metric, for people; `copies` is whether no user was the candidate's."""
    seen = found.seen
    low, high = evidences.interval(seen.candidate)
    of = "copies for" if copies else "requests of"
    said = (
        f"{described(metric)}: {seen.candidate.bad} of {seen.candidate.total} {of} the candidate "
        f"({low:.2%} to {high:.2%})"
    )
    if isinstance(metric.alarm, Absolute) and not seen.stable.total:
        # In its rollback window there is nobody else.
        return f"{said}, and up to {metric.alarm.good:.2%} is fine"
    return f"{said}, {seen.stable.bad} of {seen.stable.total} of the stable revision"


def elapsed(since: datetime, now: datetime) -> timedelta:
    """Never negative: clocks of two operators may differ."""
    return max(timedelta(0), now - since)
