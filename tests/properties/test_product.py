"""Every fault, in every phase, at the first and at the last step, for one pass and for longer: the product of all of them.

While a fault lasts no promise of a rollout is broken; once it is over the run comes to an end, and a good revision that
is applied afterwards gets all of the traffic. Random histories (test_machine.py) seldom meet the late phases.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import product

import pytest

from deepseek_operator.rollout.copies import Mirror
from deepseek_operator.rollout.exams import Grade, Opinion, Quality
from deepseek_operator.rollout.machine import decide
from deepseek_operator.rollout.run import (
    ENDED,
    REPLACES_ALONE,
    Cause,
    Limits,
    Phase,
    Rollout,
    Step,
)
from tests.properties.promises import GOOD_REPORT, Watched, check
from tests.unit.rollout.stage import CANDIDATE, ERRORS, LATE, NEXT, STABLE, Stage, plan

PLAN = plan(
    Step(10, min_requests=20, min_duration=timedelta(seconds=30)),
    Step(50, min_requests=20, min_duration=timedelta(seconds=30), pause=True),
    limits=Limits(
        start=timedelta(minutes=10),
        hold=timedelta(minutes=5),
        total=timedelta(hours=1),
        drain=timedelta(minutes=2),
        keep=timedelta(minutes=6),
    ),
    metrics=(ERRORS, LATE),
    quality=Quality(prompts=True, every_step=True, webhook=True, patience=timedelta(minutes=5)),
    mirror=Mirror(
        percent=50,
        min_requests=20,
        min_duration=timedelta(seconds=30),
        max_duration=timedelta(minutes=3),
    ),
)
LONG = 30
"""Passes, 7.5 minutes: longer than a run may be held, and than most of its deadlines."""
MOST_PASSES = 400
"""More than the 240 of the longest duration of a run, and its way back."""

Fault = Callable[[Stage], None]


def _pods(revision: str, ready: int) -> Fault:
    def fault(stage: Stage) -> None:
        stage.ready[revision] = ready

    return fault


def _turned(revision: str, share: float) -> Fault:
    def fault(stage: Stage) -> None:
        stage.bad[revision] = share

    return fault


def _wanted(revision: str, pods: int) -> Fault:
    def fault(stage: Stage) -> None:
        stage.wants[revision] = pods

    return fault


def _set(**values: object) -> Fault:
    def fault(stage: Stage) -> None:
        for name, value in values.items():
            setattr(stage, name, value)

    return fault


def _said(verb: str) -> Fault:
    def fault(stage: Stage) -> None:
        if stage.rollout.run is not None:
            stage.say(verb)

    return fault


def _jump(hours: int) -> Fault:
    def fault(stage: Stage) -> None:
        stage.now += timedelta(hours=hours)

    return fault


def _restarted(stage: Stage) -> None:
    stage.restarts += 5


def _paused_and_then_held(stage: Stage) -> None:
    """For longer than a run may be held, and resumed while a pod of the stable revision is away."""
    hold = stage.run.hold if stage.rollout.run else None
    is_long = hold is not None and stage.now - hold.since > stage.run.plan.limits.hold
    if (is_long and stage.paused) or stage.ready[STABLE] == 1:
        stage.paused, stage.ready[STABLE] = False, 1
    else:
        stage.paused = True


FAULTS: dict[str, Fault] = {
    "nothing": _set(),
    "no-figures": _set(sees=False),
    "silent-gateways": _set(gateways_answer=False),
    "silent-engines": _set(teaches=False),
    "another-split": _set(leak=30),
    "unexamined": _set(report=None),
    "examined-in-part": _set(report=replace(GOOD_REPORT, opinion=None, missing="no answer")),
    "bad-answers": _set(report=replace(GOOD_REPORT, candidate=Grade(10, 8))),
    "a-judge-says-no": _set(report=replace(GOOD_REPORT, opinion=Opinion(passes=False))),
    "no-requests": _set(rate=0.0),
    "candidate-gone": _pods(CANDIDATE, 0),
    "candidate-short": _pods(CANDIDATE, 1),
    "stable-gone": _pods(STABLE, 0),
    "stable-short": _pods(STABLE, 1),
    "a-controller-lags": _set(lags=True),
    "nobody-is-to-be-served": _set(asks_for_pods=False),
    "stable-without-pods": _wanted(STABLE, 0),
    "no-capacity": _set(carries=0),
    "little-capacity": _set(carries=30),
    "sized-for-less": _set(bears=1.0),
    "sized-for-less-than-the-old-one": _set(bears=1.0, stable_bears=8.0),
    "sized-as-the-old-one": _set(bears=1.0, stable_bears=1.0),
    "candidate-fails": _turned(CANDIDATE, 0.6),
    "stable-fails": _turned(STABLE, 0.6),
    "candidate-hangs": _set(hangs=True),
    "engines-restart": _restarted,
    "requests-that-never-end": _set(running=3),
    "another-model": _set(target=NEXT),
    "the-old-model": _set(target=STABLE),
    "spec-cannot-be-served": _set(target=None),
    "paused": _set(paused=True),
    "paused-then-another-cause": _paused_and_then_held,
    "no-promotion-by-itself": _set(promotes_itself=False),
    "abort": _said("abort"),
    "rollback": _said("rollback"),
    "promote": _said("promote"),
    "approve": _said("approve"),
    "retry": _said("retry"),
    "a-stale-command": _set(command="abort:0-another/0"),
    "clock-forward": _jump(1),
    "clock-back": _jump(-1),
}
PASSING = frozenset({"engines-restart", "clock-forward", "clock-back"})
"""Faults that happen once, however long they are felt."""
PERSONS = frozenset({"abort", "rollback", "promote", "retry"})


def _one_pass(stage: Watched) -> None:
    """As an operator's pass, with all that has to hold of it."""
    before = stage.rollout
    stage.now += timedelta(seconds=stage.seconds)
    facts = stage.facts()
    after = decide(before, facts, now=stage.now)
    check(before, facts, after)
    stage.witness.look(before, facts, after)
    stage.patience.look(before, after, now=stage.now)
    stage.rollout = after
    stage.take_up()


def _all_is_well(stage: Stage) -> None:
    stage.ready = dict.fromkeys((STABLE, CANDIDATE, NEXT), 2)
    stage.wants = dict.fromkeys((STABLE, CANDIDATE, NEXT), 2)
    stage.bad = dict.fromkeys((STABLE, CANDIDATE, NEXT), 0.1)
    stage.sees = stage.gateways_answer = stage.promotes_itself = stage.teaches = True
    stage.paused, stage.leak, stage.running, stage.command = False, 0, 0, None
    stage.hangs, stage.asks_for_pods, stage.lags = False, True, False
    stage.report = GOOD_REPORT
    stage.rate, stage.carries, stage.seconds = 4.0, 100, 15.0
    stage.bears = stage.stable_bears = None


def _approves(stage: Stage) -> None:
    run = stage.rollout.run
    if run is not None and run.phase is Phase.AWAITING_APPROVAL:
        stage.say("approve")


def _drive(stage: Watched, phase: Phase, step: int) -> None:
    """To a phase, at a step as far as the phase has one."""
    if phase in (Phase.ROLLING_BACK, Phase.DRAINING, Phase.ROLLED_BACK):
        _drive(stage, Phase.ANALYZING, step)
        stage.say("abort")
        stage.running = 3 if phase is Phase.DRAINING else 0
    if phase is Phase.HELD:
        _drive(stage, Phase.ANALYZING, step)
        stage.ready[STABLE] = 1
    for _ in range(MOST_PASSES):
        run = stage.rollout.run
        if run is not None and run.phase is phase and (run.step >= step or phase in NO_STEP):
            return
        if phase is not Phase.AWAITING_APPROVAL or step == 0:
            _approves(stage)
        _one_pass(stage)
    raise AssertionError(f"{phase} at step {step} is not reached: {stage.rollout.run}")


NO_STEP = frozenset(
    {Phase.STARTING, Phase.MIRRORING, Phase.PROMOTING, Phase.WATCHING, Phase.SUCCEEDED}
)
"""Phases that a run meets once."""
LAST_ONLY = frozenset({Phase.AWAITING_APPROVAL})
PLACES = [
    (phase, step)
    for phase, step in product(Phase, (0, 1))
    if phase not in REPLACES_ALONE
    if not (phase in NO_STEP and step) and not (phase in LAST_ONLY and not step)
]


@cache
def reached(phase: Phase, step: int) -> Watched:
    stage = Watched(plan=PLAN, seed=7)
    _all_is_well(stage)
    _drive(stage, phase, step)
    return stage


def _is_settled(rollout: Rollout) -> bool:
    return rollout.run is None or rollout.run.phase in ENDED


def _until_settled(stage: Watched) -> None:
    for _ in range(MOST_PASSES):
        _one_pass(stage)
        _approves(stage)
        if _is_settled(stage.rollout):
            return
    raise AssertionError(f"it does not end: {stage.rollout.run}")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("phase", "step"), PLACES)
def test_a_fault_breaks_no_promise_and_the_run_ends_after_it(
    phase: Phase, step: int, fault: str
) -> None:
    for passes in (1, LONG):
        _check_a_fault(deepcopy(reached(phase, step)), fault, passes=passes)


def _check_a_fault(stage: Watched, fault: str, *, passes: int) -> None:
    for number in range(passes):
        if number == 0 or fault not in PASSING:
            FAULTS[fault](stage)
        _one_pass(stage)
    _all_is_well(stage)
    _until_settled(stage)

    assert stage.weight() in (0, 100)
    stage.target = NEXT
    if stage.rollout.failure_of(NEXT):
        # The fault has already undone this one, and only a person tries it again.
        stage.say("retry")
    _one_pass(stage)
    _until_settled(stage)
    assert stage.rollout.stable == NEXT, stage.rollout.run


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("phase", "step"), PLACES)
def test_an_abort_is_heard_whatever_is_wrong(phase: Phase, step: int, fault: str) -> None:
    stage = deepcopy(reached(phase, step))
    kept = stage.run.stable
    FAULTS[fault](stage)
    _one_pass(stage)
    if _is_settled(stage.rollout) or stage.run.stable != kept:
        return

    stage.say("abort")
    _one_pass(stage)

    assert stage.weight() == 0
    assert stage.rollout.stable == kept


BLAMED = frozenset({Phase.ROLLING_BACK, Phase.DRAINING, Phase.ROLLED_BACK})
"""Phases that an abort led to."""


@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in PERSONS])
@pytest.mark.parametrize(("phase", "step"), PLACES)
def test_nothing_but_evidence_promotes(phase: Phase, step: int, fault: str) -> None:
    stage = deepcopy(reached(phase, step))
    was_promoted = stage.run.has_swapped

    for _ in range(LONG):
        FAULTS[fault](stage)
        _one_pass(stage)
        run = stage.run
        assert stage.asks_for_pods or not stage.rollout.failures or phase in BLAMED
        if run.has_swapped and not was_promoted:
            if run.cause is Cause.NOTHING_TO_COMPARE:
                assert stage.wants[run.stable] == 0
                return
            assert run.cause in (Cause.ACCEPTED, Cause.PROMOTED, Cause.WINDOW_CLOSED)
            assert run.step == len(PLAN.steps) - 1
            return


@pytest.mark.parametrize("share", [0.3, 0.4, 0.6])
def test_a_fault_in_the_rollback_window_brings_the_old_revision_back(share: float) -> None:
    """One in ten is bad as a rule here."""
    stage = deepcopy(reached(Phase.WATCHING, 0))
    stage.rate = 40.0

    stage.bad[CANDIDATE] = share
    _until_settled(stage)

    assert (stage.run.phase, stage.rollout.stable) == (Phase.ROLLED_BACK, STABLE)
    assert stage.run.cause in (Cause.EVIDENCE_BAD, Cause.BREAKER)
    assert stage.run.doubts or share > 0.5


@pytest.mark.parametrize(("phase", "step"), PLACES)
def test_gateways_that_never_answer_again_leave_nobody_half_way(phase: Phase, step: int) -> None:
    """Not healed: whoever has not ended goes back, and waits there for the gateways alone."""
    stage = deepcopy(reached(phase, step))
    stage.gateways_answer = False

    for _ in range(MOST_PASSES):
        _one_pass(stage)

    assert _is_settled(stage.rollout) or stage.run.phase is Phase.ROLLING_BACK
    assert stage.weight() in (0, 100)


def test_the_plan_reaches_every_phase() -> None:
    assert {phase for phase, _ in PLACES} == set(Phase) - REPLACES_ALONE
    assert replace(reached(Phase.SUCCEEDED, 0).run, said="").cause is Cause.WINDOW_CLOSED
