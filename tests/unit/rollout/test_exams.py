"""judge(): what an examination's report says, and what it does not."""

import pytest

from deepseek_operator.rollout.evidence import Verdict
from deepseek_operator.rollout.exams import Grade, Opinion, Quality, Report, judge

PROMPTS = Quality(prompts=True, min_passing=90)
DROP = Quality(prompts=True, min_passing=50, max_drop=5)
JUDGE = Quality(webhook=True)
BOTH = Quality(prompts=True, webhook=True)
YES, NO = Opinion(passes=True), Opinion(passes=False, reason="too terse")
GOOD = Grade(20, 20)


@pytest.mark.parametrize(
    ("quality", "report", "verdict", "words"),
    [
        pytest.param(PROMPTS, None, "Unknown", "being examined", id="under-way"),
        pytest.param(PROMPTS, Report(Grade(10, 9)), "Good", "9 of 10", id="just-enough"),
        pytest.param(
            PROMPTS,
            Report(Grade(100, 89, ("a: contains",))),
            "Bad",
            "89 of 100 reference prompts were answered as expected, and 90 % have to be (a: contains)",
            id="one-too-few",
        ),
        pytest.param(PROMPTS, Report(missing="no pod"), "Unknown", "no pod", id="missing"),
        pytest.param(PROMPTS, Report(), "Unknown", "not asked", id="nothing-was-asked"),
        pytest.param(
            DROP, Report(Grade(20, 19), Grade(20, 20)), "Good", "20 of 20 by", id="drop-allowed"
        ),
        pytest.param(
            DROP, Report(Grade(20, 18), Grade(20, 20)), "Bad", "5 points fewer", id="drop-too-large"
        ),
        pytest.param(
            DROP, Report(Grade(20, 20), Grade(20, 12)), "Good", "12 of 20 by", id="better"
        ),
        pytest.param(
            DROP, Report(GOOD, missing="TimedOut"), "Unknown", "TimedOut", id="stable-is-missing"
        ),
        pytest.param(
            DROP, Report(Grade(20, 9), missing="TimedOut"), "Bad", "9 of 20", id="bad-by-itself"
        ),
        pytest.param(JUDGE, Report(opinion=YES), "Good", "the webhook agrees", id="webhook-agrees"),
        pytest.param(JUDGE, Report(opinion=NO), "Bad", "too terse", id="webhook-says-no"),
        pytest.param(JUDGE, Report(missing="down"), "Unknown", "down", id="webhook-is-silent"),
        pytest.param(JUDGE, Report(), "Unknown", "not asked", id="webhook-was-not-asked"),
        pytest.param(BOTH, Report(GOOD, opinion=YES), "Good", "; the webhook", id="both-are-good"),
        pytest.param(BOTH, Report(GOOD, opinion=NO), "Bad", "says no", id="webhook-has-a-veto"),
        pytest.param(
            BOTH, Report(Grade(20, 1), opinion=YES), "Bad", "1 of 20", id="webhook-outvotes-nobody"
        ),
        pytest.param(BOTH, Report(opinion=YES), "Unknown", "not asked", id="half-is-not-enough"),
        pytest.param(
            BOTH, Report(missing="x", opinion=NO), "Bad", "says no", id="a-no-needs-no-more"
        ),
    ],
)
def test_what_a_report_says(
    quality: Quality, report: Report | None, verdict: str, words: str
) -> None:
    found, said = judge(quality, 0, report)

    assert (found, words in said) == (Verdict(verdict), True), said


def test_prompts_are_asked_once_and_the_webhook_each_time_unless_told_otherwise() -> None:
    every = Quality(prompts=True, every_step=True, max_drop=0)

    assert [PROMPTS.is_due(gate) for gate in range(3)] == [True, False, False]
    assert [every.is_due(gate) and every.compares(gate) for gate in range(3)] == [True] * 3
    assert [JUDGE.is_due(gate) for gate in range(3)] == [True] * 3
    assert [BOTH.asks_prompts(gate) for gate in range(3)] == [True, False, False]
    assert not PROMPTS.compares(0)


def test_what_is_not_due_is_not_missed() -> None:
    assert judge(BOTH, 1, Report(opinion=YES))[0] is Verdict.GOOD


@pytest.mark.parametrize(("asked", "passed"), [(0, 0), (3, 4), (3, -1)])
def test_numbers_that_do_not_fit_are_no_grade(asked: int, passed: int) -> None:
    with pytest.raises(ValueError, match="cannot have passed"):
        Grade(asked, passed)
