"""Copies before the first step: what is bad at them has no user, and what is good gets its first."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deepseek_operator.rollout import mirroring, record
from deepseek_operator.rollout.copies import Copies, Mirror, Mirrored
from deepseek_operator.rollout.evidence import Outcomes, Pair
from deepseek_operator.rollout.facts import Figures
from deepseek_operator.rollout.record import Record
from deepseek_operator.rollout.run import Cause, Limits, Phase, Step
from deepseek_operator.rollout.stretches import Reading
from tests.unit.rollout.stage import CANDIDATE, LATE, NEXT, START, Stage, plan

MIRROR = Mirror(percent=10)
STEPS = (Step(20, min_requests=20), Step(50, min_requests=50))


def staged(mirror: Mirror = MIRROR, **changes: object) -> Stage:
    return Stage(plan=plan(*STEPS, mirror=mirror, **changes))


def weights(stage: Stage) -> set[int]:
    return {rollout.run.weight for rollout in stage.history if rollout.run}


def test_a_good_candidate_computes_copies_and_then_has_its_first_users() -> None:
    stage = staged()

    first = stage.until(Phase.SHIFTING)

    assert stage.phases == [Phase.STARTING, Phase.MIRRORING, Phase.SHIFTING]
    assert weights(stage) == {0, 20}
    copied = [rollout.run for rollout in stage.history if rollout.run and rollout.run.mirrors]
    assert {run.weight for run in copied} == {0}
    assert copied[-1].requests >= MIRROR.min_requests
    assert first.copies is not None
    assert first.copies.answered >= MIRROR.min_requests
    assert (first.cause, first.said[-19:]) == (Cause.WEIGHT_SET, "20 % of the traffic")
    assert stage.until(Phase.WATCHING).weight == 100


def test_what_was_seen_of_copies_is_no_evidence_of_what_users_get() -> None:
    stage = staged()

    first = stage.until(Phase.SHIFTING)

    assert (first.evidence, first.requests, first.step_since, first.tripped) == ({}, 0, None, 0)


@pytest.mark.parametrize(
    ("share", "causes"),
    [
        pytest.param(0.1, {Cause.EVIDENCE_BAD}, id="some-fail"),
        pytest.param(1.0, {Cause.BREAKER, Cause.EVIDENCE_BAD}, id="all-fail"),
    ],
)
def test_no_user_meets_a_candidate_that_is_bad_at_copies(share: float, causes: set[Cause]) -> None:
    stage = staged(replace(MIRROR, min_duration=timedelta(minutes=10)))
    stage.bad[CANDIDATE] = share

    run = stage.until(Phase.ROLLED_BACK, Phase.SHIFTING)

    assert run.phase is Phase.ROLLED_BACK
    assert run.cause in causes
    assert "copies" in run.said
    assert weights(stage) == {0}
    assert stage.rollout.failure_of(CANDIDATE) is not None


def test_copies_that_all_fail_trip_the_breaker() -> None:
    stage = staged()
    stage.bad[CANDIDATE] = 0.9
    stage.until(Phase.MIRRORING)

    stage.until(Phase.ROLLING_BACK, passes=6)

    assert stage.run.cause is Cause.BREAKER
    assert stage.run.said == "50% of its copies or more failed, twice in a row"


def test_a_candidate_that_looks_worse_goes_on_with_copies_until_it_is_decided() -> None:
    stage = staged(replace(MIRROR, min_duration=timedelta(seconds=1), min_requests=1))
    stage.until(Phase.MIRRORING)
    stage.bad[CANDIDATE] = 0.3
    while not stage.run.requests:
        stage.one_pass()
    assert stage.run.phase is Phase.MIRRORING
    assert stage.run.said.startswith("it looks worse so far, errors: ")
    assert "copies for the candidate" in stage.run.said

    stage.bad[CANDIDATE] = 0.0

    assert stage.until(Phase.SHIFTING, Phase.ROLLED_BACK).phase is Phase.SHIFTING


@pytest.mark.parametrize(
    ("mirror", "said"),
    [
        pytest.param(
            replace(MIRROR, min_duration=timedelta(minutes=20)),
            "copies are made for 0:20:00 at least",
            id="time",
        ),
        pytest.param(replace(MIRROR, min_requests=100_000), "of 100000 copies", id="copies"),
    ],
)
def test_it_waits_for_time_and_for_copies(mirror: Mirror, said: str) -> None:
    stage = staged(mirror)
    stage.until(Phase.MIRRORING)
    for _ in range(40):
        stage.one_pass()

    assert stage.run.phase is Phase.MIRRORING
    assert said in stage.run.said


@pytest.mark.parametrize("rate", [0.0, 0.2])
def test_with_few_requests_it_goes_on_when_its_time_is_over(rate: float) -> None:
    stage = staged()
    stage.rate = rate
    began = stage.until(Phase.MIRRORING).since

    run = stage.until(Phase.SHIFTING, Phase.ROLLED_BACK)

    assert run.phase is Phase.SHIFTING
    assert stage.now - began >= MIRROR.max_duration
    assert run.copies is not None


@pytest.mark.parametrize(
    ("copies", "is_back"),
    [
        pytest.param(Copies(), False, id="no-requests"),
        pytest.param(Copies(answered=3, running=5), False, id="long-answers"),
        pytest.param(Copies(answered=3, failed=3), False, id="half"),
        pytest.param(Copies(answered=3, failed=4), True, id="most-fail"),
        pytest.param(Copies(running=1), True, id="none-is-answered"),
        pytest.param(Copies(dropped=9, running=1), True, id="full"),
    ],
)
def test_few_copies_that_stay_unanswered_are_no_hour_with_few_requests(
    copies: Copies, *, is_back: bool
) -> None:
    stage = staged()
    stage.rate = 0.0
    stage.until(Phase.MIRRORING)
    stage.one_pass()
    stage.copies = copies

    run = stage.until(Phase.SHIFTING, Phase.ROLLED_BACK)

    assert run.copies == copies
    assert (run.cause is Cause.COPIES_UNANSWERED) is is_back
    assert weights(stage) == ({0} if is_back else {0, 20})


def test_a_candidate_that_hangs_goes_back_in_words() -> None:
    stage = staged()
    stage.hangs = True

    run = stage.until(Phase.SHIFTING, Phase.ROLLED_BACK)

    assert (run.phase, run.cause) == (Phase.ROLLED_BACK, Cause.COPIES_UNANSWERED)
    assert "0:30:00 0 were answered, 0 failed" in run.said


def test_nothing_counts_before_every_gateway_makes_copies() -> None:
    stage = staged()
    stage.until(Phase.MIRRORING)
    stage.copying = stage.gateways_answer = False
    for _ in range(3):
        stage.one_pass()
    assert (stage.run.step_since, stage.run.requests) == (None, 0)

    held = stage.until(Phase.HELD)

    assert (held.cause, held.said) == (
        Cause.NOT_ACKNOWLEDGED,
        "not every gateway makes copies",
    )
    assert stage.until(Phase.ROLLING_BACK).cause is Cause.HELD_TOO_LONG
    assert weights(stage) == {0}


def test_without_figures_no_user_is_sent_however_long_it_takes() -> None:
    stage = staged()
    stage.until(Phase.MIRRORING)
    stage.one_pass()
    stage.sees = False

    held = stage.until(Phase.HELD)

    assert (held.cause, held.mirrors) == (Cause.NO_DATA, True)
    assert stage.until(Phase.ROLLED_BACK).cause is Cause.HELD_TOO_LONG
    assert weights(stage) == {0}


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param({"sees": False}, id="figures"),
        pytest.param({"gateways_answer": False}, id="gateways"),
        pytest.param({"carries": 0}, id="capacity"),
    ],
)
def test_nothing_goes_on_while_something_is_missing(missing: dict[str, object]) -> None:
    stage = staged(replace(MIRROR, min_requests=10**6))
    stage.until(Phase.MIRRORING)
    for _ in range(12):
        stage.one_pass()
    enough = replace(stage.run.plan, mirror=MIRROR)
    stage.rollout = replace(stage.rollout, run=replace(stage.run, plan=enough))
    before = {name: getattr(stage, name) for name in missing}
    for name, value in missing.items():
        setattr(stage, name, value)
    stage.one_pass()
    assert stage.run.phase is Phase.MIRRORING

    for name, value in before.items():
        setattr(stage, name, value)

    assert stage.until(Phase.SHIFTING, passes=1).weight == 20


def test_a_pause_holds_it_with_its_copies_and_they_are_still_judged() -> None:
    stage = staged()
    stage.until(Phase.MIRRORING)
    stage.paused = True
    held = stage.until(Phase.HELD)
    assert mirroring.told(held) == Mirrored(CANDIDATE, 10, 16)

    stage.bad[CANDIDATE] = 0.9

    assert stage.until(Phase.ROLLED_BACK).cause in (Cause.BREAKER, Cause.EVIDENCE_BAD)
    assert weights(stage) == {0}


def test_after_a_pause_it_goes_on_with_copies() -> None:
    stage = staged()
    stage.until(Phase.MIRRORING)
    stage.paused = True
    stage.until(Phase.HELD)
    stage.paused = False
    stage.one_pass()

    assert stage.run.phase is Phase.MIRRORING
    stage.until(Phase.WATCHING)


def test_after_a_hold_copies_are_waited_for_anew() -> None:
    stage = staged(replace(MIRROR, min_requests=10**6))
    stage.until(Phase.MIRRORING)
    stage.one_pass()
    stage.sees = False
    stage.until(Phase.HELD)
    stage.now += MIRROR.max_duration - timedelta(minutes=5)
    stage.sees = True
    stage.until(Phase.MIRRORING)
    stage.one_pass()

    assert stage.run.phase is Phase.MIRRORING
    assert stage.until(Phase.SHIFTING, passes=130).copies is not None


def test_a_candidate_without_a_pod_goes_back() -> None:
    stage = staged()
    stage.until(Phase.MIRRORING)
    stage.ready[CANDIDATE] = 0
    stage.one_pass()

    assert (stage.run.phase, stage.run.cause) == (Phase.ROLLING_BACK, Cause.CANDIDATE_LOST)


def test_engines_that_restart_over_copies_take_it_back() -> None:
    stage = staged()
    stage.restarts = 5
    stage.until(Phase.MIRRORING)
    stage.restarts = 8
    stage.one_pass()

    assert stage.run.cause is Cause.BREAKER


@pytest.mark.parametrize(
    ("verb", "phase"),
    [
        ("abort", Phase.ROLLING_BACK),
        ("promote", Phase.PROMOTING),
        ("approve", Phase.MIRRORING),
        ("rollback", Phase.MIRRORING),
    ],
)
def test_what_a_person_may_ask_for(verb: str, phase: Phase) -> None:
    stage = staged()
    stage.until(Phase.MIRRORING)
    stage.say(verb)
    stage.one_pass()

    assert stage.run.phase is phase
    assert not stage.run.approved


def test_another_spec_ends_it() -> None:
    stage = staged()
    stage.until(Phase.MIRRORING)
    stage.target = NEXT
    stage.one_pass()
    assert (stage.run.phase, stage.run.cause) == (Phase.ROLLING_BACK, Cause.SUPERSEDED)

    run = stage.until(Phase.MIRRORING)

    assert (run.candidate, run.copies) == (NEXT, None)


def test_a_run_that_is_never_decided_by_its_copies_ends() -> None:
    stage = staged(
        replace(MIRROR, min_requests=10**6, max_duration=timedelta(hours=20)),
        limits=Limits(total=timedelta(hours=2)),
    )

    assert stage.until(Phase.ROLLED_BACK).cause is Cause.TOO_LONG


def test_what_has_to_be_learned_is_learned_before_the_first_copy() -> None:
    stage = staged(metrics=(LATE,))
    stage.teaches = False
    for _ in range(5):
        stage.one_pass()
    assert stage.run.phase is Phase.STARTING

    stage.teaches = True

    assert not stage.until(Phase.MIRRORING).has_to_learn


def test_gateways_are_told_of_copies_in_this_phase_alone() -> None:
    stage = staged()
    stage.until(Phase.WATCHING)
    stage.say("rollback")
    stage.until(Phase.ROLLED_BACK)

    told = {rollout.run.phase for rollout in stage.history if rollout.run and rollout.run.mirrors}

    assert told == {Phase.MIRRORING}
    assert mirroring.told(stage.run) is None


def test_every_moment_of_it_comes_back_as_it_was() -> None:
    stage = staged()
    stage.until(Phase.ANALYZING)

    for rollout in stage.history:
        kept = Record(rollout)
        assert record.load(record.dump(kept)) == kept


def test_copies_stand_for_requests_and_nothing_else_is_touched() -> None:
    stage = staged()
    run = stage.until(Phase.MIRRORING)
    users, copies = Pair(stable=Outcomes(90, 1)), Pair(Outcomes(20, 3), Outcomes(5, 5))
    late = Pair(Outcomes(20, 2), Outcomes(90, 9))
    found = Figures({"errors": (users,), "copies": (copies,), "late": (late,)}, 20)

    seen = mirroring.figures(run, found)

    assert seen == Figures(
        {"errors": (Pair(Outcomes(20, 3), Outcomes(90, 1)),), "late": (late,)}, 20
    )
    later = stage.until(Phase.ANALYZING)
    assert mirroring.figures(later, found) == found
    assert mirroring.figures(run, None) is None


def test_no_stretch_has_minutes_of_before_or_copies_beside_users() -> None:
    stage = staged()
    early, late = Reading(START), Reading(START + timedelta(days=9))
    starting = stage.one_pass().run
    run = stage.until(Phase.MIRRORING)
    taken = stage.until(Phase.MIRRORING)
    first = stage.until(Phase.ANALYZING)
    assert starting is not None
    assert first.step_since is not None
    unsettled = Reading(first.step_since + first.plan.limits.settle - timedelta(seconds=1))
    without = replace(first, plan=replace(first.plan, mirror=None))

    assert taken.step_since is not None
    assert mirroring.begun(run, early) is None
    assert mirroring.begun(taken, early) is None
    assert mirroring.begun(taken, Reading(taken.step_since)) == Reading(taken.step_since)
    assert mirroring.begun(first, unsettled) is None
    assert mirroring.begun(first, late) == late
    assert mirroring.begun(without, early) == early
    assert mirroring.begun(replace(first, step=1), early) == early
    assert mirroring.begun(first, None) is None
