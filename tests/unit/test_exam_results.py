"""What a Job's end says of an examination: numbers that fit, or words about what is missing."""

import json
from typing import Any

import pytest

from deepseek_operator.exam_results import ended_at, read, report_of
from deepseek_operator.observed import Observed
from deepseek_operator.rollout.exams import Grade, Opinion, Report
from tests.unit.samples import Manifest

JOB = "quality-0123456789"
WHOLE: Manifest = {
    "candidate": {"asked": 4, "passed": 3, "failed": ["capital: contains"]},
    "stable": {"asked": 4, "passed": 4, "failed": []},
    "webhook": {"pass": True, "reason": "fine"},
    "failure": None,
}


def end(document: Any = None, *, code: int = 0, text: str | None = None) -> Manifest:
    message = json.dumps(document or WHOLE) if text is None else text
    return {"exitCode": code, "reason": "Completed", "message": message}


def job(uid: str = "u", **condition: str) -> Manifest:
    found = {"status": "True", "lastTransitionTime": "2026-03-01T12:00:00Z", **condition}
    conditions = [found] if condition else []
    return {"metadata": {"name": JOB, "uid": uid}, "status": {"conditions": conditions}}


def pod(ended: Manifest | None, *, of: str = "u") -> Manifest:
    state = {"running": {}} if ended is None else {"terminated": ended}
    return {
        "metadata": {"name": "p", "ownerReferences": [{"uid": of}]},
        "spec": {"nodeName": "n", "containers": []},
        "status": {"containerStatuses": [{"name": "quality", "state": state}]},
    }


def test_a_whole_result_is_read() -> None:
    assert read(end()) == Report(
        Grade(4, 3, ("capital: contains",)), Grade(4, 4), Opinion(passes=True, reason="fine")
    )


@pytest.mark.parametrize(
    "candidate",
    [
        None,
        7,
        {"asked": 4, "passed": 5, "failed": []},
        {"asked": 0, "passed": 0, "failed": []},
        {"asked": True, "passed": True, "failed": []},
        {"asked": 4.0, "passed": 4, "failed": []},
        {"asked": "4", "passed": "4", "failed": []},
        {"asked": 10**9, "passed": 10**9, "failed": []},
        {"asked": 4, "passed": 4, "failed": "capital"},
        {"asked": 4, "passed": 4},
    ],
)
def test_numbers_that_do_not_fit_are_missing(candidate: object) -> None:
    assert read(end({**WHOLE, "candidate": candidate})).candidate is None


@pytest.mark.parametrize("webhook", [None, [], {}, {"pass": "true"}, {"pass": 1}, {"reason": "x"}])
def test_what_is_no_opinion_is_missing(webhook: object) -> None:
    assert read(end({**WHOLE, "webhook": webhook})).opinion is None


def test_names_that_are_no_names_and_too_many_are_left_out() -> None:
    failed = ["The answer was: Paris, 42", "x" * 200, 7, "<script>: contains"]
    failed += [f"prompt-{number}: equals" for number in range(40)]

    found = read(end({**WHOLE, "candidate": {"asked": 60, "passed": 16, "failed": failed}}))

    assert found.candidate is not None
    assert found.candidate.failed == tuple(f"prompt-{number}: equals" for number in range(16))


def test_words_are_one_line_and_cut() -> None:
    found = read(end({**WHOLE, "webhook": {"pass": False, "reason": "a\n\x1b[31m" + "b" * 999}}))

    assert found.opinion is not None
    assert found.opinion.reason.startswith("a [31mb")
    assert len(found.opinion.reason) == 300


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        pytest.param(
            end({"failure": {"reason": "PromptsMissing", "message": "ConfigMap p"}}, code=20),
            "PromptsMissing: ConfigMap p",
            id="told",
        ),
        pytest.param(end(code=137, text=""), "exit code 137", id="killed"),
        pytest.param(end(text="[]"), "nothing that can be read", id="no-document"),
        pytest.param(end(text='{"candidate": {'), "nothing that can be read", id="half"),
    ],
)
def test_why_it_is_missing_is_said(ended: Manifest, words: str) -> None:
    assert words in read(ended).missing


def test_a_job_that_is_not_there_or_under_way_has_no_report() -> None:
    under_way = Observed(exams=(job(),), examiners=(pod(None),))

    assert report_of(Observed(), JOB) is None
    assert report_of(Observed(exams=(job(),)), JOB) is None
    assert report_of(under_way, JOB) is None
    assert ended_at(under_way, JOB) is None
    assert ended_at(Observed(), JOB) is None


def test_only_the_pod_of_this_very_job_speaks() -> None:
    another = pod(end(), of="the job of this name before")

    assert report_of(Observed(exams=(job(),), examiners=(another,)), JOB) is None
    assert report_of(Observed(exams=(job(),), examiners=(another, pod(end()))), JOB) == read(end())


def test_a_job_that_ended_without_a_result_says_how() -> None:
    late = job(type="Failed", message="Job was active longer than specified deadline")
    waiting = pod(None)
    waiting["status"]["containerStatuses"][0]["state"] = {
        "waiting": {"reason": "ImagePullBackOff", "message": "no such image"}
    }

    alone = report_of(Observed(exams=(late,)), JOB)
    with_pod = report_of(Observed(exams=(late,), examiners=(waiting,)), JOB)

    assert alone is not None
    assert "longer than specified deadline" in alone.missing
    assert with_pod is not None
    assert "no such image" in with_pod.missing
    assert ended_at(Observed(exams=(late,)), JOB) == "2026-03-01T12:00:00Z"
    assert report_of(Observed(exams=(job(type="Failed"),)), JOB) == Report(
        missing=f"Job {JOB} left no result: its pod is gone"
    )
