"""Mutants of examinations: what a candidate's answers have to be before users meet it."""

from tests.mutants.patch import Mutant

_EXAMS = "tests/unit/rollout/test_exams.py"
_QUALITY = "tests/unit/rollout/test_quality.py"
_RESULTS = "tests/unit/test_exam_results.py"
_ROLLOUTS = "tests/unit/test_quality_in_rollouts.py"
_PROGRAM = "tests/unit/serving/quality/test_program.py"
_GRADING = "tests/unit/serving/quality/test_grading.py"

QUALITY = (
    Mutant(
        name="unexamined-is-good",
        breaks="a candidate whose examination left no result gets users",
        file="rollout/quality.py",
        old="    return run, None if found is Verdict.GOOD else f",
        new="    return run, None if found is not Verdict.BAD else f",
        caught_by=(
            f"{_QUALITY}::test_without_a_result_it_is_held_with_words_and_goes_back_in_the_end",
        ),
    ),
    Mutant(
        name="half-a-result-is-enough",
        breaks="prompts alone pass where the webhook is silent",
        file="rollout/exams.py",
        old="    if unknown:\n",
        new="    if len(unknown) == len(said):\n",
        caught_by=(f"{_EXAMS}::test_what_a_report_says",),
    ),
    Mutant(
        name="bad-answers-go-on",
        breaks="a candidate whose answers are bad waits in place of going back",
        file="rollout/quality.py",
        old="    if found is not Verdict.BAD:\n",
        new="    if found is not None:\n",
        caught_by=(f"{_QUALITY}::test_no_user_meets_a_candidate_whose_answers_are_bad",),
    ),
    Mutant(
        name="examined-once-for-all",
        breaks="the webhook is asked before the first step only",
        file="rollout/quality.py",
        old="    if run.exam is None or run.exam.gate != gate:\n",
        new="    if run.exam is None:\n",
        caught_by=(f"{_QUALITY}::test_a_good_candidate_is_examined_before_each_step_and_promoted",),
    ),
    Mutant(
        name="silence-forgets-the-result",
        breaks="a hold begins anew each time that an examination is tried again",
        file="rollout/quality.py",
        old="    if exam is None or report is None or report == exam.report:\n",
        new="    if exam is None or report == exam.report:\n",
        caught_by=(
            f"{_QUALITY}::test_an_examination_that_is_tried_again_neither_flaps_nor_begins_the_hold_anew",
        ),
    ),
    Mutant(
        name="the-job-before-speaks",
        breaks="the result of a Job that was deleted is taken for that of the next one",
        file="observed.py",
        old="        return tuple(pod for pod in self.examiners if is_owner(uid, pod))\n",
        new="        return tuple(pod for pod in self.examiners if uid)\n",
        caught_by=(f"{_RESULTS}::test_only_the_pod_of_this_very_job_speaks",),
    ),
    Mutant(
        name="names-may-be-answers",
        breaks="whatever a Job calls a name of a prompt stands in status",
        file="exam_results.py",
        old="if isinstance(one, str) and _FAILED.fullmatch(one)]",
        new="if isinstance(one, str)]",
        caught_by=(f"{_RESULTS}::test_names_that_are_no_names_and_too_many_are_left_out",),
    ),
    Mutant(
        name="asked-on-after-the-end",
        breaks="an examination goes on though its run is on its way back",
        file="rollout/quality.py",
        old="    return is_at_gate and run.exam is not None",
        new="    return run.exam is not None",
        caught_by=(f"{_ROLLOUTS}::test_an_aborted_run_asks_no_more",),
    ),
    Mutant(
        name="webhook-followed-elsewhere",
        breaks="a redirect sends the review wherever it likes",
        file="serving/deepseek_serving/quality/webhook.py",
        old="allow_redirects=False",
        new="allow_redirects=True",
        caught_by=(f"{_PROGRAM}::test_what_is_no_opinion_is_missing_and_nothing_is_followed",),
    ),
    Mutant(
        name="any-word-is-a-yes",
        breaks="a webhook that answers with a word is believed",
        file="serving/deepseek_serving/quality/webhook.py",
        old="    if not isinstance(passes, bool):\n",
        new="    if passes is None:\n",
        caught_by=(f"{_PROGRAM}::test_what_is_no_opinion_is_missing_and_nothing_is_followed",),
    ),
    Mutant(
        name="a-refusal-is-missing",
        breaks="an engine that refuses every prompt holds the run in place of failing it",
        file="serving/deepseek_serving/quality/asking.py",
        old="        if response.status in _NO_ROOM:\n",
        new="        if response.status != 200:\n",
        caught_by=(f"{_PROGRAM}::test_an_engine_that_does_not_answer_a_prompt_fails_it",),
    ),
    Mutant(
        name="one-of-many-is-contained",
        breaks="an answer with one of the expected texts is as good as one with all",
        file="serving/deepseek_serving/quality/grading.py",
        old="lambda: all(part in text for part in expected.contains)",
        new='lambda: any(part in text for part in expected.contains or ("",))',
        caught_by=(f"{_GRADING}::test_what_is_expected_is_there_or_named",),
    ),
)
