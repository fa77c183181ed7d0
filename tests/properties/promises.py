"""What holds of any one decision of a rollout, whatever is true at once."""

import math
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from deepseek_operator.rollout import demands, evidence
from deepseek_operator.rollout.evidence import Absolute, Verdict
from deepseek_operator.rollout.exams import Grade, Opinion, Report
from deepseek_operator.rollout.facts import Facts, Figures
from deepseek_operator.rollout.run import (
    ENDED,
    FOR_A_PERSON,
    ON_THE_WAY_BACK,
    Cause,
    Phase,
    Rollout,
    Run,
)
from tests.unit.rollout.stage import Stage


@dataclass
class Witness:
    """Sees how requests are divided, whatever a record says of it."""

    place: tuple[object, ...] = ()
    """The run and step, and since when its split was settled."""
    agreed: bool | None = None
    """Whether the last stretch of that was divided as it was asked for; None before the first."""

    def look(self, before: Rollout, facts: Facts, after: Rollout) -> None:
        """No more traffic while requests are seen to be divided otherwise, or not seen at all."""
        old, new = before.run, after.run
        if old is None or new is None or old.number != new.number:
            return
        place = (old.number, old.step, old.settled)
        if place != self.place:
            self.place, self.agreed = place, None
        figures = facts.figures
        is_whole = figures and figures.since and old.settled and figures.since >= old.settled
        if figures is not None and is_whole:
            self.agreed = _agrees(figures, old.weight)
        by_choice = new.cause in (Cause.PROMOTED_BY_HAND, Cause.NOTHING_TO_COMPARE)
        if old.weight and new.weight > old.weight and not by_choice:
            assert self.agreed


def _agrees(figures: Figures, weight: int) -> bool:
    by_chance = 4 * math.sqrt(weight * (100 - weight) / figures.users)
    return abs(100 * figures.reached / figures.users - weight) <= max(2, by_chance)


@dataclass
class Patience:
    """Counts for itself how long a run has taken, and how long it was held, while no person kept it where it was."""

    at: datetime | None = None
    spent: timedelta = timedelta(0)
    held: timedelta = timedelta(0)

    def look(self, before: Rollout, after: Rollout, *, now: datetime) -> None:
        """No run goes back for a time that was a person's."""
        old, new = before.run, after.run
        passed = timedelta(0) if self.at is None else max(timedelta(0), now - self.at)
        self.at = now
        if old is None or new is None or (old.number, old.doubts) != (new.number, new.doubts):
            self.spent = self.held = timedelta(0)
            return
        cause = old.hold.cause if old.hold else None
        self.spent += timedelta(0) if cause is Cause.PAUSED else passed
        is_timed = cause is not None and cause not in FOR_A_PERSON
        self.held = self.held + passed if is_timed else timedelta(0)
        if old.phase in ON_THE_WAY_BACK | ENDED or old.has_swapped:
            return
        if new.cause is Cause.TOO_LONG:
            assert self.spent > new.plan.limits.total
        if new.cause is Cause.HELD_TOO_LONG:
            assert self.held > new.plan.limits.hold


@dataclass
class Watched(Stage):
    """A stage with those who look on."""

    witness: Witness = field(default_factory=Witness)
    patience: Patience = field(default_factory=Patience)


GOOD_REPORT = Report(candidate=Grade(10, 10), opinion=Opinion(passes=True))


def check(before: Rollout, facts: Facts, after: Rollout, *, is_examined: bool = True) -> None:
    """What holds of any one decision; `is_examined`: where the plan asks for answers at every gate."""
    old, new = before.run, after.run
    assert after.runs >= before.runs
    if new is None:
        return
    assert 0 <= new.weight <= 100
    assert new.weight in {0, 100, *(step.weight for step in new.plan.steps)}
    _check_beginning(before, facts, after)
    if old is None or old.number != new.number:
        assert new.weight == 0
        return
    assert (new.plan == old.plan) or _has_learned(old, facts, new)
    _check_window(new)
    assert not (new.weight and new.has_to_learn) or new.cause is Cause.NOTHING_TO_COMPARE
    _check_rise(old, facts, new)
    _check_steps(old, facts, new)
    _check_promotion(old, facts, new)
    if is_examined:
        check_quality(old, new)
    _check_pause(old, facts, new)
    _check_copies(old, facts, new)
    _check_pods(old, facts, new)
    _check_blame(before, facts, after)
    if after.stable != before.stable:
        assert {before.stable, after.stable} == {new.candidate, new.stable}


def _has_learned(old: Run, facts: Facts, new: Run) -> bool:
    """The one change of a plan: what the stable revision teaches, before the first weight, or what it never taught."""
    if new.cause is Cause.PROMOTED_BY_HAND and old.has_to_learn and not facts.metrics:
        taught = tuple(metric for metric in old.plan.metrics if not metric.learns)
        return new.plan == replace(old.plan, metrics=taught)
    is_first = old.place is Phase.STARTING and new.phase in (
        Phase.MIRRORING,
        Phase.SHIFTING,
        Phase.PROMOTING,
    )
    learned = replace(old.plan, metrics=facts.metrics) if facts.metrics else None
    return is_first and old.has_to_learn and new.plan == learned


def _check_window(run: Run) -> None:
    """Whoever is watched is judged by limits that one revision alone can miss."""
    if run.phase is Phase.WATCHING and not run.plan.replaces:
        assert all(isinstance(metric.alarm, Absolute) for metric in run.judged_by)
        assert run.judged_by


def _check_beginning(before: Rollout, facts: Facts, after: Rollout) -> None:
    """A run begins from rest, and a revision that failed only when that is asked for."""
    old, new = before.run, after.run
    if new is None or (old is not None and old.number == new.number):
        return
    assert old is None or old.phase in ENDED
    assert facts.asks_for_pods
    assert (new.candidate, new.stable) == (facts.target, before.stable)
    assert new.candidate != new.stable
    is_asked_for = (facts.command or "").startswith("retry:")
    assert before.failure_of(new.candidate) is None or is_asked_for


def _check_rise(old: Run, facts: Facts, new: Run) -> None:
    """More traffic only for warm pods that can bear it, on figures that are there."""
    if new.weight <= old.weight:
        return
    if new.cause is Cause.NOTHING_TO_COMPARE:
        assert facts.candidate.sure
        assert not facts.stable.wanted
        assert not facts.paused
        return
    assert facts.candidate.sure >= max(1, facts.candidate.wanted)
    assert facts.carries >= new.weight
    if new.cause is Cause.PROMOTED_BY_HAND:
        # A person may know better than figures, sizes and holds; pods are no matter of opinion.
        return
    if old.weight:
        known = replace(old, demand=new.demand)
        assert new.weight in new.overruled or demands.short(known, facts) is None
    assert new.overruled <= {100, *(step.weight for step in new.plan.steps)}
    assert not facts.paused
    assert facts.target == new.candidate
    assert (
        not (facts.command or "").startswith("abort:")
        or facts.command != f"abort:{old.name}/{old.step}"
    )
    if old.weight:
        assert facts.sees
        assert facts.stable.ready >= facts.stable.wanted


def _check_steps(old: Run, facts: Facts, new: Run) -> None:
    """Step by step, none left out, and none with a gate passed without its approval."""
    assert old.step <= new.step <= old.step + 1
    if new.step == old.step:
        return
    step = old.plan.steps[old.step]
    assert facts.acknowledged == old.weight == step.weight
    assert old.step_since is not None
    if step.pause:
        assert old.step in new.approved


def _check_promotion(old: Run, facts: Facts, new: Run) -> None:
    if new.phase is not Phase.PROMOTING or old.phase is Phase.PROMOTING:
        return
    if new.cause is Cause.PROMOTED_BY_HAND:
        return
    assert new.cause is Cause.ACCEPTED
    assert old.step == len(old.plan.steps) - 1
    assert facts.acknowledged == old.weight
    verdicts = [new.evidence[metric.name].verdict(new.plan.bar) for metric in new.plan.metrics]
    assert evidence.overall(verdicts) is Verdict.GOOD


_BY_TIME = frozenset({Cause.HELD_TOO_LONG, Cause.TOO_LONG, Cause.CANDIDATE_NOT_READY})


def _check_pause(old: Run, facts: Facts, new: Run) -> None:
    """A pause ends by nobody but a person, and by what the candidate does."""
    if facts.paused and not old.has_swapped and old.phase not in ON_THE_WAY_BACK | ENDED:
        assert new.cause not in _BY_TIME


def check_quality(old: Run, new: Run) -> None:
    """No more traffic before the answers were found good at this very gate, but by hand."""
    if new.weight <= old.weight or new.cause is Cause.PROMOTED_BY_HAND:
        return
    if new.cause is Cause.NOTHING_TO_COMPARE and (old.weight or old.mirrors):
        # What has users, or copies, was examined for it.
        return
    gate = 0 if old.weight == 0 else old.step + 1
    assert new.exam is not None
    assert new.exam.gate == gate
    assert new.exam.report == GOOD_REPORT


def _check_copies(old: Run, facts: Facts, new: Run) -> None:
    """Copies before users, never beside them; and nobody's copies speak for what users get."""
    if new.mirrors:
        assert (new.weight, new.step, new.has_swapped) == (0, 0, False)
        assert not new.has_to_learn
    if old.weight or not new.weight:
        return
    if new.cause in (Cause.PROMOTED_BY_HAND, Cause.NOTHING_TO_COMPARE):
        return
    assert old.phase is Phase.MIRRORING
    assert old.step_since is not None
    assert facts.sees
    assert facts.acknowledged == 0
    assert (new.evidence, new.requests) == ({}, 0)
    verdicts = [found.verdict(old.plan.bar) for found in old.evidence.values()]
    assert Verdict.BAD not in verdicts


def _check_pods(old: Run, facts: Facts, new: Run) -> None:
    """No share of the requests goes to a revision that is to have no pods, unless a person keeps it there."""
    if not facts.stable.wanted and not facts.paused:
        assert new.weight in (0, 100)
    if new.cause is Cause.CANDIDATE_LOST and old.cause is not new.cause:
        assert not facts.candidate.ready
    if not facts.asks_for_pods:
        assert new.phase in ENDED | ON_THE_WAY_BACK


def _check_blame(before: Rollout, facts: Facts, after: Rollout) -> None:
    """Where nobody is to be served, no revision fails for that, and none that was promoted is taken back."""
    old, new = before.run, after.run
    if facts.asks_for_pods or old is None or new is None or old.phase in ENDED | ON_THE_WAY_BACK:
        return
    if (facts.command or "").startswith(("abort:", "rollback:")) or new.cause is Cause.SUPERSEDED:
        return
    assert new.cause is Cause.SCALED_TO_ZERO
    assert after.stable == before.stable
    assert after.failures == before.failures
