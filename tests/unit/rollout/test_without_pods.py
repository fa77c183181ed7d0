"""A run beside a revision without pods: nobody is served, nothing can be compared, and nobody could come back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deepseek_operator.rollout.copies import Mirror
from deepseek_operator.rollout.exams import Grade, Quality, Report
from deepseek_operator.rollout.run import Cause, Phase
from tests.unit.rollout.stage import CANDIDATE, LATE, STABLE, Stage, plan

PASSED, FAILED = Report(candidate=Grade(10, 10)), Report(candidate=Grade(10, 1))


def beside_nobody(**changes: object) -> Stage:
    """The stable revision is to have no pods, and so its engines teach nothing."""
    stage = Stage(**changes)  # type: ignore[arg-type]
    stage.wants[STABLE] = 0
    stage.teaches = False
    return stage


def test_the_first_ready_pod_takes_all_and_the_run_is_over() -> None:
    stage = beside_nobody(plan=plan(metrics=(LATE,)))
    stage.ready[CANDIDATE] = 0
    for _ in range(2):
        stage.one_pass()
    assert (stage.run.phase, stage.rollout.stable) == (Phase.STARTING, STABLE)
    assert stage.run.said == "no pod of revision candidate is ready"
    stage.ready[CANDIDATE] = 1

    stage.one_pass()

    assert (stage.run.phase, stage.run.cause) == (Phase.SUCCEEDED, Cause.NOTHING_TO_COMPARE)
    assert (stage.run.weight, stage.rollout.stable) == (100, CANDIDATE)


@pytest.mark.parametrize("minutes", [3, 60], ids=["silent", "silent-for-long"])
def test_figures_that_nobody_can_have_hold_nothing(minutes: int) -> None:
    """Nothing was learned of it, and nobody has told anything for longer than a run is held."""
    stage = beside_nobody(plan=plan(metrics=(LATE,)), sees=False)
    stage.ready[CANDIDATE] = 0
    stage.one_pass()
    stage.now += timedelta(minutes=minutes)
    stage.ready[CANDIDATE] = 2

    stage.one_pass()

    assert stage.run.phase is Phase.SUCCEEDED


def test_a_spec_that_cannot_be_served_meanwhile_keeps_nobody_waiting() -> None:
    stage = beside_nobody()
    stage.ready[CANDIDATE] = 0
    stage.one_pass()
    stage.target = None
    stage.one_pass()
    assert stage.run.phase is Phase.STARTING
    stage.ready[CANDIDATE] = 2

    stage.one_pass()

    assert (stage.run.phase, stage.rollout.stable) == (Phase.SUCCEEDED, CANDIDATE)


def test_a_pause_holds_it_all_the_same() -> None:
    stage = beside_nobody(paused=True)

    stage.one_pass()
    stage.one_pass()

    assert (stage.run.phase, stage.run.cause) == (Phase.HELD, Cause.PAUSED)
    stage.paused = False
    stage.until(Phase.SUCCEEDED, passes=3)


def test_its_answers_are_examined_before_anybody_reads_them() -> None:
    stage = beside_nobody(plan=plan(quality=Quality(prompts=True, max_drop=2)))
    stage.one_pass()
    stage.one_pass()
    assert (stage.run.phase, stage.run.weight) == (Phase.STARTING, 0)
    assert stage.run.exam is not None
    # There is nobody that it could fall behind.
    assert stage.run.plan.quality == Quality(prompts=True)
    stage.report = PASSED

    stage.until(Phase.SUCCEEDED, passes=3)


def test_bad_answers_go_back_to_nobody() -> None:
    stage = beside_nobody(plan=plan(quality=Quality(prompts=True)), report=FAILED)

    run = stage.until(Phase.ROLLED_BACK, passes=10)

    assert (run.cause, stage.rollout.stable) == (Cause.QUALITY_FAILED, STABLE)


@pytest.mark.parametrize(
    "phase", [Phase.SHIFTING, Phase.ANALYZING, Phase.PROMOTING, Phase.WATCHING]
)
def test_whose_pods_are_not_wanted_any_more_gets_nothing_and_nobody_goes_back_to_it(
    phase: Phase,
) -> None:
    """A fallback that it was, say, and that was removed."""
    stage = Stage()
    stage.until(phase)
    stage.wants[STABLE] = 0

    stage.one_pass()

    assert (stage.run.phase, stage.rollout.stable) == (Phase.SUCCEEDED, CANDIDATE)
    assert stage.run.weight == 100


@pytest.mark.parametrize(
    "phase",
    [Phase.STARTING, Phase.MIRRORING, Phase.SHIFTING, Phase.ANALYZING, Phase.HELD],
)
def test_where_nobody_is_to_be_served_a_run_ends_and_blames_nobody(phase: Phase) -> None:
    stage = Stage(plan=plan(mirror=Mirror(percent=20)))
    stage.paused = phase is Phase.HELD
    stage.until(phase)
    stage.asks_for_pods = False

    stage.until(Phase.ROLLED_BACK, passes=4)
    for _ in range(600):
        stage.one_pass()

    assert (stage.run.cause, stage.rollout.stable) == (Cause.SCALED_TO_ZERO, STABLE)
    assert (stage.run.number, stage.rollout.failures) == (1, ())
    stage.asks_for_pods, stage.paused = True, False
    stage.until(Phase.SUCCEEDED)
    assert (stage.run.number, stage.rollout.stable) == (2, CANDIDATE)


@pytest.mark.parametrize("phase", [Phase.PROMOTING, Phase.WATCHING])
def test_where_nobody_is_to_be_served_a_promoted_one_is_not_lost(phase: Phase) -> None:
    stage = Stage()
    stage.until(phase)
    stage.asks_for_pods = False

    for _ in range(3):
        stage.one_pass()

    assert (stage.run.phase, stage.run.cause) == (Phase.SUCCEEDED, Cause.SCALED_TO_ZERO)
    assert (stage.rollout.stable, stage.rollout.failures) == (CANDIDATE, ())


def test_nobody_is_tried_again_while_nobody_is_to_be_served() -> None:
    stage = Stage()
    stage.until(Phase.ANALYZING)
    stage.say("abort")
    stage.until(Phase.ROLLED_BACK)
    stage.asks_for_pods = False
    stage.say("retry")

    stage.one_pass()

    assert (stage.run.number, stage.run.phase) == (1, Phase.ROLLED_BACK)
    assert stage.rollout.answer == "retry: refused, spec.replicas is 0"


def test_a_stable_revision_that_starts_too_is_not_silent() -> None:
    """After nobody was served both start, and the candidate does not wait in vain for the slower one."""
    stage = Stage(plan=plan(metrics=(LATE,)), teaches=False)
    stage.ready[STABLE] = 0
    for _ in range(160):
        stage.one_pass()
    assert (stage.run.cause, stage.run.weight) == (Cause.STABLE_SHORT, 0)
    stage.ready[STABLE], stage.teaches = 2, True

    stage.until(Phase.SUCCEEDED)

    assert stage.run.number == 1


def test_an_abort_is_done_although_nobody_serves() -> None:
    stage = beside_nobody()
    stage.ready[CANDIDATE] = 0
    stage.one_pass()
    stage.ready[CANDIDATE] = 2
    stage.say("abort")

    stage.one_pass()

    assert (stage.run.phase, stage.run.cause) == (Phase.ROLLING_BACK, Cause.ABORTED)


def test_with_pods_it_is_compared_as_ever() -> None:
    quality = Quality(prompts=True, max_drop=2)
    stage = Stage(plan=plan(quality=quality))

    stage.one_pass()

    assert stage.run.plan == replace(stage.plan, quality=quality)
    assert stage.run.phase is Phase.STARTING
