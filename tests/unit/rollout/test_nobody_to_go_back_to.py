"""A stable revision that is to have pods and has none that is ready: nobody goes back to it because time goes by."""

from datetime import timedelta

import pytest

from deepseek_operator.rollout.run import Cause, Limits, Phase
from tests.unit.rollout.stage import CANDIDATE, ERRORS, LATE, STABLE, Stage, plan

SAID = "0 of 2 pods of the stable revision are ready: bring them back, or promote the candidate"


def left_for(stage: Stage, time: timedelta) -> Stage:
    until = stage.now + time
    while stage.now < until:
        stage.one_pass()
    return stage


@pytest.fixture
def waiting() -> Stage:
    """The candidate's pods are ready, and the stable revision's, which it would learn from, are not."""
    stage = Stage(plan=plan(metrics=(ERRORS, LATE)), teaches=False, sees=False, seconds=60.0)
    stage.ready[STABLE] = 0
    return stage


def test_a_candidate_is_not_blamed_for_pods_of_the_stable_revision(waiting: Stage) -> None:
    left_for(waiting, timedelta(minutes=2))
    assert waiting.run.phase is Phase.STARTING

    left_for(waiting, Limits().total * 2)

    assert (waiting.run.phase, waiting.run.cause) == (Phase.HELD, Cause.STABLE_SHORT)
    assert waiting.run.said == SAID
    assert waiting.rollout.failures == ()


def test_it_goes_on_once_they_are_back(waiting: Stage) -> None:
    left_for(waiting, timedelta(hours=23))
    waiting.ready[STABLE], waiting.teaches, waiting.sees = 2, True, True

    assert waiting.until(Phase.ANALYZING).weight == 1


def test_pods_of_its_own_that_are_not_ready_in_time_are_its_own_fault(waiting: Stage) -> None:
    waiting.ready[CANDIDATE] = 1

    run = waiting.until(Phase.ROLLED_BACK)

    assert run.cause is Cause.CANDIDATE_NOT_READY
    assert run.said.endswith("(rollout.startTimeout): 1 of 2 pods are ready and warmed up")


def test_a_person_may_promote_what_waits_for_nobody_but_the_stable_revision(
    waiting: Stage,
) -> None:
    left_for(waiting, timedelta(hours=1))
    waiting.say("promote")

    waiting.one_pass()

    assert (waiting.run.phase, waiting.rollout.stable) == (Phase.PROMOTING, CANDIDATE)


@pytest.fixture
def served() -> Stage:
    """Both revisions served, and then the stable one's pods went."""
    stage = Stage(seconds=60.0)
    stage.until(Phase.ANALYZING)
    stage.ready[STABLE] = 0
    return stage


def test_users_stay_with_who_answers(served: Stage) -> None:
    left_for(served, Limits().total * 2)

    assert (served.run.phase, served.run.cause) == (Phase.HELD, Cause.STABLE_SHORT)
    assert (served.run.weight, served.run.said) == (1, SAID)
    served.say("promote")
    assert served.one_pass().stable == CANDIDATE


def test_a_pod_that_is_back_has_the_others_waited_for(served: Stage) -> None:
    left_for(served, timedelta(hours=2))
    served.ready[STABLE] = 1

    left_for(served, Limits().hold - timedelta(minutes=2))
    assert served.run.phase is Phase.HELD
    run = served.until(Phase.ROLLED_BACK, passes=5)

    assert run.cause is Cause.HELD_TOO_LONG


def test_what_is_bad_goes_back_whoever_answers_then(served: Stage) -> None:
    served.restarts = 3

    assert served.until(Phase.ROLLED_BACK, passes=5).cause is Cause.BREAKER


def test_a_pause_meanwhile_is_no_time_of_the_run(served: Stage) -> None:
    served.paused = True
    left_for(served, Limits().total * 2)
    served.paused, served.ready[STABLE] = False, 2

    served.until(Phase.SUCCEEDED)

    assert served.run.paused > Limits().total


def test_a_promotion_that_a_gateway_does_not_take_up_is_not_taken_back_to_nobody() -> None:
    stage = Stage(seconds=60.0)
    stage.until(Phase.PROMOTING)
    stage.gateways_answer, stage.ready[STABLE] = False, 0

    left_for(stage, Limits().hold * 3)
    assert (stage.run.phase, stage.run.cause) == (Phase.PROMOTING, Cause.NOT_ACKNOWLEDGED)
    stage.ready[STABLE] = 2

    assert stage.until(Phase.ROLLING_BACK, passes=2).cause is Cause.HELD_TOO_LONG
