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
