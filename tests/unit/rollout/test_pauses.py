"""A pause is a person's: it ends by nobody but them, and no part of it is held against a candidate."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from deepseek_operator.rollout import record
from deepseek_operator.rollout.record import Record
from deepseek_operator.rollout.run import Cause, Limits, Phase, Step
from tests.properties.test_replace_product import Replacing
from tests.unit.rollout.stage import CANDIDATE, STABLE, Stage, plan

LONG = plan(Step(50, min_duration=timedelta(hours=100)))
"""A step that lasts longer than a run may."""
HOLD, TOTAL = Limits().hold, Limits().total


def comparing(**changes: object) -> Stage:
    """A good candidate, looked at each ten minutes."""
    stage = Stage(plan=LONG, seconds=15.0, rate=2.0, **changes)  # type: ignore[arg-type]
    stage.until(Phase.ANALYZING)
    stage.seconds, stage.rate = 600.0, 0.02
    return stage


def goes_by(stage: Stage, time: timedelta) -> None:
    """Passes for so long."""
    begun = stage.now
    while stage.now - begun < time:
        stage.one_pass()


def paused_for(stage: Stage, time: timedelta) -> None:
    """A person pauses it, and resumes it later."""
    stage.paused = True
    goes_by(stage, time)
    assert (stage.run.phase, stage.run.cause) == (Phase.HELD, Cause.PAUSED)
    stage.paused = False


def test_a_run_that_was_paused_for_days_goes_on_and_has_all_of_its_time() -> None:
    stage = comparing()
    goes_by(stage, timedelta(hours=1))
    paused_for(stage, timedelta(hours=60))
    for _ in range(3):
        stage.one_pass()
    assert (stage.run.phase, stage.rollout.failures) == (Phase.ANALYZING, ())

    run = stage.until(Phase.ROLLING_BACK)

    assert run.cause is Cause.TOO_LONG
    assert TOTAL < stage.now - run.started - timedelta(hours=60) < TOTAL + timedelta(minutes=30)
    assert run.paused == timedelta(hours=60)


def test_every_pause_of_a_run_is_taken_off() -> None:
    stage = comparing()
    for _ in range(5):
        goes_by(stage, timedelta(hours=2))
        paused_for(stage, timedelta(hours=20))

    stage.one_pass()

    assert (stage.run.phase, stage.run.paused) == (Phase.ANALYZING, timedelta(hours=100))


@pytest.mark.parametrize("seconds", [60.0, 600.0])
def test_no_pause_ends_because_the_longest_duration_does(seconds: float) -> None:
    stage = comparing(promotes_itself=False)
    stage.seconds = seconds
    goes_by(stage, TOTAL - timedelta(minutes=15))

    paused_for(stage, timedelta(hours=60))

    stage.one_pass()
    assert stage.run.phase is Phase.ANALYZING
    assert stage.until(Phase.ROLLING_BACK).cause is Cause.TOO_LONG


@pytest.mark.parametrize("held_before", [False, True])
def test_who_pauses_just_in_time_is_in_time(*, held_before: bool) -> None:
    """Though the pass that hears of it comes after the time is over."""
    stage = comparing()
    if held_before:
        stage.ready[STABLE] = 1
        stage.one_pass()
        assert stage.run.cause is Cause.STABLE_SHORT
    else:
        goes_by(stage, TOTAL - timedelta(minutes=20))
    stage.paused, stage.seconds = True, 3600.0

    stage.one_pass()

    assert (stage.run.phase, stage.run.cause) == (Phase.HELD, Cause.PAUSED)


def test_a_candidate_that_starts_while_it_is_paused_has_all_of_its_time_afterwards() -> None:
    stage = Stage(plan=LONG, seconds=600.0, rate=0.02)
    stage.ready[CANDIDATE] = 0
    stage.one_pass()
    paused_for(stage, Limits().start * 2)

    stage.one_pass()
    assert stage.run.phase is Phase.STARTING
    goes_by(stage, Limits().start - timedelta(minutes=10))
    assert stage.run.phase is Phase.STARTING
    stage.one_pass()
    stage.one_pass()

    assert stage.run.cause is Cause.CANDIDATE_NOT_READY


@pytest.mark.parametrize("before", [Cause.PAUSED, Cause.CANDIDATE_SHORT])
@pytest.mark.parametrize(
    ("trouble", "after"),
    [
        pytest.param({"ready": {STABLE: 1, CANDIDATE: 2}}, Cause.STABLE_SHORT, id="stable-short"),
        pytest.param({"target": None}, Cause.SPEC_NOT_SERVABLE, id="not-servable"),
    ],
)
def test_what_holds_it_after_a_person_did_has_all_of_its_time(
    before: Cause, trouble: dict[str, object], after: Cause
) -> None:
    stage = comparing()
    stage.bears, stage.stable_bears = (
        (0.001, 8.0) if before is Cause.CANDIDATE_SHORT else (None, None)
    )
    stage.paused = before is Cause.PAUSED
    if before is Cause.CANDIDATE_SHORT:
        run = stage.run
        short = replace(run.plan, steps=(Step(50, min_requests=20),))
        stage.rollout = replace(stage.rollout, run=replace(run, plan=short))
        stage.rate, stage.seconds = 2.0, 60.0
        stage.bad = {STABLE: 0.1, CANDIDATE: 0.1}
        stage.until(Phase.HELD)
        stage.rate, stage.seconds = 0.02, 600.0
    goes_by(stage, 3 * HOLD)
    assert (stage.run.phase, stage.run.cause) == (Phase.HELD, before)
    stage.paused = False
    for name, value in trouble.items():
        setattr(stage, name, value)

    goes_by(stage, HOLD)
    assert (stage.run.phase, stage.run.cause) == (Phase.HELD, after)
    stage.one_pass()
    stage.one_pass()

    assert (stage.run.phase, stage.run.cause) == (Phase.ROLLING_BACK, Cause.HELD_TOO_LONG)


def test_one_hold_after_another_that_nobody_asked_for_counts_on() -> None:
    stage = comparing()
    stage.ready[STABLE] = 1
    goes_by(stage, HOLD - timedelta(minutes=10))
    stage.target = None

    stage.one_pass()
    stage.ready[STABLE] = 2
    stage.one_pass()
    stage.one_pass()

    assert stage.run.cause is Cause.HELD_TOO_LONG


def test_what_is_compared_once_more_counts_from_there() -> None:
    """A pause of before is no time that a comparison of after has spared."""
    stage = Stage(plan=plan(Step(50, min_requests=50)), rate=20.0)
    stage.until(Phase.ANALYZING)
    stage.seconds, stage.rate = 600.0, 0.02
    paused_for(stage, timedelta(hours=3))
    stage.seconds, stage.rate = 15.0, 20.0
    stage.until(Phase.WATCHING)
    stage.bad[CANDIDATE] = 0.2

    run = stage.until(Phase.SHIFTING)

    assert (run.cause, run.paused) == (Cause.DOUBTED, timedelta(0))


def test_no_pause_is_longer_than_its_run_however_clocks_jump() -> None:
    """Else there would be no end of it, once a clock has gone back and forth."""
    stage = comparing()
    for _ in range(3):
        stage.paused = True
        stage.one_pass()
        stage.now += timedelta(hours=10)
        stage.paused = False
        stage.one_pass()

        assert stage.run.phase is Phase.ANALYZING
        assert timedelta(hours=10) < stage.run.paused <= stage.now - stage.run.started
        stage.now -= timedelta(hours=10)


def test_a_replace_that_is_paused_before_anybody_stops_has_all_of_its_time() -> None:
    patient = plan(replaces=True, steps=())
    stage = Replacing(
        plan=patient, seconds=600.0, rate=0.02, unprepared="3 % of the weights are there"
    )
    stage.one_pass()
    paused_for(stage, timedelta(hours=60))
    stage.target = None
    stage.paused = True
    stage.one_pass()
    goes_by(stage, 2 * HOLD)
    assert stage.run.cause is Cause.PAUSED
    stage.target, stage.paused = CANDIDATE, False

    stage.one_pass()
    assert stage.run.phase is Phase.PREPARING
    stage.unprepared, stage.seconds = "", 15.0

    assert stage.until(Phase.WATCHING).stopped is not None


def test_a_replace_that_has_begun_to_stop_is_kept_by_nobody() -> None:
    stage = Replacing(plan=plan(replaces=True, steps=()), rate=0.02)
    stage.until(Phase.STARTING)
    stage.ready[CANDIDATE], stage.paused, stage.seconds = 0, True, 600.0

    assert stage.until(Phase.RETURNING).cause is Cause.CANDIDATE_NOT_READY


def test_a_record_of_an_operator_that_took_no_time_off_is_read() -> None:
    stage = comparing()
    data = json.loads(record.dump(Record(stage.rollout)))
    del data["rollout"]["run"]["paused"]

    run = record.load(json.dumps(data)).rollout.run

    assert run is not None
    assert run == stage.run
    assert run.paused == timedelta(0)
