"""Examinations in the history of a run: nothing goes forward without a good one, and nothing waits for ever."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deepseek_operator.rollout import quality, record
from deepseek_operator.rollout.exams import Exam, Grade, Opinion, Quality, Report
from deepseek_operator.rollout.record import Record
from deepseek_operator.rollout.run import Cause, Limits, Phase, Step
from tests.unit.rollout.stage import CANDIDATE, START, Stage, plan

GOOD = Report(Grade(10, 10), opinion=Opinion(passes=True))
BAD = replace(GOOD, candidate=Grade(10, 3, ("capital: contains",)))
SILENT = replace(GOOD, opinion=None, missing="WebhookUnanswered: TimeoutError")
EXAMINED = Quality(prompts=True, webhook=True, patience=timedelta(minutes=15))
STEPS = (Step(20, min_requests=20), Step(50, min_requests=50))


def staged(report: Report | None, asked: Quality = EXAMINED, **changes: object) -> Stage:
    return Stage(plan=plan(*STEPS, quality=asked, **changes), report=report)


def test_a_good_candidate_is_examined_before_each_step_and_promoted() -> None:
    stage = staged(GOOD)

    stage.until(Phase.WATCHING)

    gates = [run.exam.gate for rollout in stage.history if (run := rollout.run) and run.exam]
    assert sorted(set(gates)) == [0, 1, 2]
    assert gates == sorted(gates)


def test_no_user_meets_a_candidate_whose_answers_are_bad() -> None:
    stage = staged(BAD)

    run = stage.until(Phase.ROLLED_BACK, Phase.ANALYZING)

    assert (run.phase, run.cause) == (Phase.ROLLED_BACK, Cause.QUALITY_FAILED)
    assert run.said.startswith("before step 1, 3 of 10 reference prompts")
    assert "capital: contains" in run.said
    assert {rollout.run.weight for rollout in stage.history if rollout.run} == {0}
    assert stage.rollout.failure_of(CANDIDATE) is not None


def test_nothing_is_asked_before_the_pods_are_warm() -> None:
    stage = staged(GOOD)
    stage.ready[CANDIDATE] = 1
    for _ in range(5):
        stage.one_pass()
    assert stage.run.exam is None

    stage.ready[CANDIDATE] = 2
    stage.one_pass()

    assert stage.run.exam == Exam(0, stage.now)
    assert stage.run.weight == 0
    assert "before step 1" in stage.run.said


@pytest.mark.parametrize("report", [None, SILENT, Report(missing="no ConfigMap")])
def test_without_a_result_it_is_held_with_words_and_goes_back_in_the_end(
    report: Report | None,
) -> None:
    stage = staged(report)

    held = stage.until(Phase.HELD)
    assert (held.cause, held.weight) == (Cause.QUALITY_UNKNOWN, 0)
    assert (report.missing if report else "no result since") in held.said
    ended = stage.until(Phase.ROLLED_BACK)

    assert ended.cause is Cause.HELD_TOO_LONG
    assert held.said.split(";")[0] in ended.said
    assert {rollout.run.weight for rollout in stage.history if rollout.run} == {0}


def test_an_examination_that_is_tried_again_neither_flaps_nor_begins_the_hold_anew() -> None:
    stage = staged(SILENT)
    began = stage.until(Phase.HELD).hold
    for report in (None, SILENT, None, Report(missing="another")):
        stage.report = report
        stage.one_pass()

        assert stage.run.phase is Phase.HELD
        assert stage.run.hold == began

    stage.report = GOOD
    assert stage.until(Phase.ANALYZING).weight == 20


def test_a_webhook_that_says_no_before_the_promotion_takes_it_back() -> None:
    stage = staged(GOOD)
    stage.until(Phase.ANALYZING)
    while stage.run.exam is None or stage.run.exam.gate < 2:
        stage.report = None if stage.run.step == 1 else GOOD
        stage.one_pass()
    assert stage.run.weight == 50
    stage.report = Report(opinion=Opinion(passes=False, reason="budget"))

    run = stage.until(Phase.ROLLED_BACK, Phase.WATCHING)

    assert run.cause is Cause.QUALITY_FAILED
    assert run.said == "before promotion, the webhook says no: budget"


def test_a_webhook_that_falls_silent_holds_the_weight_that_there_is() -> None:
    stage = staged(GOOD)
    stage.until(Phase.ANALYZING)
    stage.report = Report(missing="WebhookUnanswered: no route")

    held = stage.until(Phase.HELD)

    assert (held.cause, held.weight) == (Cause.QUALITY_UNKNOWN, 20)
    stage.report = GOOD
    stage.until(Phase.WATCHING)


def test_while_it_is_held_for_its_quality_bad_evidence_still_takes_it_back() -> None:
    stage = staged(GOOD)
    stage.until(Phase.ANALYZING)
    stage.report = SILENT
    stage.until(Phase.HELD)
    stage.bad[CANDIDATE] = 0.6

    assert stage.until(Phase.ROLLED_BACK).cause in (Cause.BREAKER, Cause.EVIDENCE_BAD)


def test_a_person_may_promote_what_cannot_be_examined_but_not_what_failed() -> None:
    stage = staged(GOOD)
    stage.until(Phase.ANALYZING)
    stage.report = SILENT
    stage.until(Phase.HELD)
    stage.say("promote")
    stage.one_pass()
    assert stage.run.cause is Cause.PROMOTED_BY_HAND

    other = staged(GOOD)
    other.until(Phase.ANALYZING)
    other.report = SILENT
    other.until(Phase.HELD)
    other.say("promote")
    other.report = replace(SILENT, opinion=Opinion(passes=False))
    other.one_pass()
    assert other.run.cause is Cause.QUALITY_FAILED


def test_a_long_examination_is_no_pod_that_does_not_start() -> None:
    asked = replace(EXAMINED, patience=timedelta(hours=2))
    stage = staged(None, asked, limits=Limits(start=timedelta(minutes=10)))
    for _ in range(100):
        stage.one_pass()
    assert stage.run.phase is Phase.STARTING

    stage.report = GOOD
    stage.until(Phase.ANALYZING)


def test_pods_that_go_after_a_good_examination_are_waited_for_no_longer_than_others() -> None:
    stage = staged(GOOD, limits=Limits(start=timedelta(minutes=10)))
    stage.one_pass()
    stage.one_pass()
    assert stage.run.exam is not None
    stage.ready[CANDIDATE] = 1

    assert stage.until(Phase.ROLLED_BACK).cause is Cause.CANDIDATE_NOT_READY


def test_prompts_alone_are_asked_before_the_first_step_only() -> None:
    stage = staged(Report(Grade(10, 10)), Quality(prompts=True))

    stage.until(Phase.WATCHING)

    assert stage.run.exam is not None
    assert stage.run.exam.gate == 0


def test_who_is_not_examined_has_no_examination() -> None:
    stage = Stage(plan=plan(*STEPS), report=BAD)

    stage.until(Phase.WATCHING)

    assert stage.run.exam is None


def test_an_examination_comes_back_from_the_record() -> None:
    stage = staged(BAD)
    stage.until(Phase.ROLLED_BACK)

    kept = Record(stage.rollout)

    assert record.load(record.dump(kept)) == kept


def test_what_engines_count_is_of_an_examination_until_some_time_after_it() -> None:
    settle = timedelta(seconds=15)
    run = staged(None).one_pass().run
    assert run is not None
    asked = replace(run, exam=Exam(0, START))
    done = replace(run, exam=Exam(0, START, GOOD, START))

    assert quality.is_disturbing(asked, now=START, settle=settle)
    assert quality.is_disturbing(done, now=START + timedelta(seconds=14), settle=settle)
    assert not quality.is_disturbing(done, now=START + settle, settle=settle)
    assert not quality.is_disturbing(replace(run, exam=Exam(1, START)), now=START, settle=settle)
    assert not quality.is_disturbing(None, now=START, settle=settle)
