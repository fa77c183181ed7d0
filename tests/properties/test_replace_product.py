"""Every fault in every phase of a Replace, for one pass and for longer: the product of all of them.

While a fault lasts one of the two revisions has no pods; once it is over the run comes to an end, somebody serves with all
pods, and a good revision that is applied afterwards takes over.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache

import pytest

from deepseek_operator.rollout import replacing
from deepseek_operator.rollout.exams import Grade, Opinion, Quality
from deepseek_operator.rollout.facts import Facts, Fleet
from deepseek_operator.rollout.run import ENDED, Breaker, Cause, Limits, Phase
from tests.properties.promises import GOOD_REPORT
from tests.unit.rollout.stage import CANDIDATE, NEXT, STABLE, Stage, plan

PLAN = plan(
    replaces=True,
    steps=(),
    breaker=Breaker(windows=15),
    limits=Limits(
        start=timedelta(minutes=10),
        hold=timedelta(minutes=5),
        total=timedelta(hours=1),
        drain=timedelta(minutes=2),
        keep=timedelta(minutes=3),
    ),
    quality=Quality(prompts=True, webhook=True, patience=timedelta(minutes=5)),
)
LONG = 60
"""Passes, 15 minutes: longer than any part of an outage may take."""
MOST_PASSES = 400


@dataclass
class Replacing(Stage):
    """A stage on which revisions have pods only where the run leaves them some."""

    unprepared: str = ""
    leaving: int = 0

    def facts(self, *, traffic: bool = True) -> Facts:
        found = super().facts(traffic=traffic)
        run = self.rollout.run
        empty = replacing.without_pods(run)
        stable = run.stable if run and not run.is_over else self.rollout.stable
        return replace(
            found,
            candidate=Fleet() if run and run.candidate in empty else found.candidate,
            stable=Fleet() if stable in empty else self.fleet(stable),
            unprepared=self.unprepared,
            leaving=self.leaving,
        )


Fault = Callable[[Replacing], None]


def _set(**values: object) -> Fault:
    def fault(stage: Replacing) -> None:
        for name, value in values.items():
            setattr(stage, name, value)

    return fault


def _pods(revision: str, ready: int) -> Fault:
    def fault(stage: Replacing) -> None:
        stage.ready[revision] = ready

    return fault


def _said(verb: str) -> Fault:
    def fault(stage: Replacing) -> None:
        if stage.rollout.run is not None:
            stage.say(verb)

    return fault


def _restarted(stage: Replacing) -> None:
    stage.restarts += 5


def _fails(stage: Replacing) -> None:
    stage.bad[CANDIDATE] = 0.6


def _hours(hours: int) -> Fault:
    def fault(stage: Replacing) -> None:
        stage.now += timedelta(hours=hours)

    return fault


FAULTS: dict[str, Fault] = {
    "nothing": _set(),
    "weights-gone": _set(unprepared="3 % of the weights are there"),
    "pods-that-do-not-end": _set(leaving=1),
    "silent-gateways": _set(gateways_answer=False),
    "no-figures": _set(sees=False),
    "requests-that-never-end": _set(running=3),
    "candidate-gone": _pods(CANDIDATE, 0),
    "candidate-short": _pods(CANDIDATE, 1),
    "stable-gone": _pods(STABLE, 0),
    "a-controller-lags": _set(lags=True),
    "nobody-is-to-be-served": _set(asks_for_pods=False),
    "candidate-fails": _fails,
    "engines-restart": _restarted,
    "unexamined": _set(report=None),
    "examined-in-part": _set(report=replace(GOOD_REPORT, opinion=None, missing="no answer")),
    "bad-answers": _set(report=replace(GOOD_REPORT, candidate=Grade(10, 8))),
    "a-judge-says-no": _set(report=replace(GOOD_REPORT, opinion=Opinion(passes=False))),
    "another-model": _set(target=NEXT),
    "the-old-model": _set(target=STABLE),
    "spec-cannot-be-served": _set(target=None),
    "paused": _set(paused=True),
    "no-promotion-by-itself": _set(promotes_itself=False),
    "abort": _said("abort"),
    "rollback": _said("rollback"),
    "promote": _said("promote"),
    "approve": _said("approve"),
    "retry": _said("retry"),
    "a-stale-command": _set(command="abort:0-another/0"),
    "clock-forward": _hours(1),
    "clock-back": _hours(-1),
}
ONCE = frozenset({"engines-restart", "clock-forward", "clock-back"})
PHASES = (
    Phase.PREPARING,
    Phase.AWAITING_APPROVAL,
    Phase.HELD,
    Phase.CLOSING,
    Phase.STOPPING,
    Phase.STARTING,
    Phase.PROMOTING,
    Phase.WATCHING,
    Phase.ROLLING_BACK,
    Phase.DRAINING,
    Phase.RETURNING,
    Phase.ROLLED_BACK,
    Phase.SUCCEEDED,
)


def _all_is_well(stage: Replacing) -> None:
    stage.ready = dict.fromkeys((STABLE, CANDIDATE, NEXT), 2)
    stage.bad = dict.fromkeys((STABLE, CANDIDATE, NEXT), 0.01)
    stage.sees = stage.gateways_answer = stage.promotes_itself = True
    stage.paused, stage.running, stage.command = False, 0, None
    stage.unprepared, stage.leaving, stage.report = "", 0, GOOD_REPORT
    stage.lags, stage.asks_for_pods = False, True


def _one_pass(stage: Replacing) -> None:
    before = stage.rollout.run
    stage.one_pass()
    run = stage.run
    if run.phase not in ENDED:
        assert replacing.without_pods(run), "both have pods"
    if before is None or before.number != run.number:
        return
    if run.phase is Phase.CLOSING and before.phase is not Phase.CLOSING:
        assert not stage.unprepared
        assert stage.gateways_answer
    if run.has_swapped and not before.has_swapped:
        by_hand = run.cause is Cause.PROMOTED_BY_HAND
        assert stage.ready[run.candidate] >= (1 if by_hand else 2) or not stage.asks_for_pods
        assert not stage.lags
        by_hand = by_hand or not stage.asks_for_pods
        assert by_hand or (run.exam is not None and run.exam.report == GOOD_REPORT)


def _drive(stage: Replacing, phase: Phase) -> None:
    """To a phase, by what leads there."""
    if phase in (Phase.ROLLING_BACK, Phase.DRAINING, Phase.RETURNING, Phase.ROLLED_BACK):
        _drive(stage, Phase.WATCHING)
        stage.say("rollback")
    stage.promotes_itself = phase is not Phase.AWAITING_APPROVAL
    stage.paused = phase is Phase.HELD
    stage.unprepared = "weights" if phase is Phase.PREPARING else ""
    stage.running = 3 if phase in (Phase.CLOSING, Phase.DRAINING) else 0
    stage.leaving = int(phase is Phase.STOPPING)
    stage.report = None if phase is Phase.STARTING else GOOD_REPORT
    for _ in range(MOST_PASSES):
        if stage.rollout.run is not None and stage.run.phase is phase:
            return
        if phase is Phase.RETURNING:
            stage.ready[STABLE] = 0
        _one_pass(stage)
    raise AssertionError(f"{phase} is not reached: {stage.rollout.run}")


@cache
def reached(phase: Phase) -> Replacing:
    stage = Replacing(plan=PLAN, seed=7)
    _all_is_well(stage)
    _drive(stage, phase)
    return stage


def _until_settled(stage: Replacing) -> None:
    for _ in range(MOST_PASSES):
        _one_pass(stage)
        if stage.run.phase in ENDED:
            return
    raise AssertionError(f"it does not end: {stage.rollout.run}")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("phase", PHASES)
def test_a_fault_leaves_one_at_a_time_and_the_run_ends_after_it(phase: Phase, fault: str) -> None:
    for passes in (1, LONG):
        stage = deepcopy(reached(phase))
        for number in range(passes):
            if number == 0 or fault not in ONCE:
                FAULTS[fault](stage)
            _one_pass(stage)
        _all_is_well(stage)
        _until_settled(stage)
        assert stage.rollout.stable in (stage.run.stable, stage.run.candidate)

        stage.target = NEXT
        if stage.rollout.failure_of(NEXT):
            stage.say("retry")
        _one_pass(stage)
        _until_settled(stage)
        assert stage.rollout.stable == NEXT, stage.rollout.run


BOUNDED = [
    name for name in FAULTS if name not in {"paused", "no-promotion-by-itself", "weights-gone"}
]
"""Faults that keep no run in a phase in which the stable revision serves."""


@pytest.mark.parametrize("fault", BOUNDED)
@pytest.mark.parametrize("phase", [Phase.CLOSING, Phase.STOPPING, Phase.STARTING])
def test_no_outage_lasts_as_long_as_its_fault(phase: Phase, fault: str) -> None:
    stage = deepcopy(reached(phase))
    _all_is_well(stage)
    for number in range(3 * LONG):
        if number == 0 or fault not in ONCE:
            FAULTS[fault](stage)
        _one_pass(stage)
        if fault == "spec-cannot-be-served":
            assert stage.run.phase is not Phase.RETURNING, stage.run
        if stage.run.has_swapped or stage.run.phase in (Phase.RETURNING, *ENDED):
            return

    raise AssertionError(f"nobody serves: {stage.run}")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("phase", [phase for phase in PHASES if phase not in ENDED])
def test_an_abort_is_heard_whatever_is_wrong(phase: Phase, fault: str) -> None:
    stage = deepcopy(reached(phase))
    kept = stage.run.stable
    FAULTS[fault](stage)
    _one_pass(stage)
    if stage.run.phase in ENDED or stage.run.stable != kept:
        return

    stage.say("abort")
    _one_pass(stage)

    assert stage.rollout.stable == kept
    assert stage.weight() == 0


SERVED_BY_THE_OLD_ONE = frozenset({Phase.PREPARING, Phase.AWAITING_APPROVAL, Phase.HELD})


@pytest.mark.parametrize("phase", [one for one in PHASES if one not in SERVED_BY_THE_OLD_ONE])
def test_gateways_that_never_answer_again_keep_no_run_from_its_end(phase: Phase) -> None:
    stage = deepcopy(reached(phase))
    _all_is_well(stage)
    stage.gateways_answer = False

    for _ in range(2 * MOST_PASSES):
        _one_pass(stage)

    assert stage.run.phase in ENDED, stage.run


def test_the_plan_reaches_every_phase() -> None:
    assert set(PHASES) == set(Phase) - {Phase.MIRRORING, Phase.SHIFTING, Phase.ANALYZING}
    for phase in PHASES:
        assert reached(phase).run.phase is phase
