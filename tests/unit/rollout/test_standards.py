"""The rollback window: with all of the traffic a candidate is judged by what is usual, and goes back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deepseek_operator.api.analysis import Analysis
from deepseek_operator.engines.figures import Engine
from deepseek_operator.rollout import metrics, record, standards
from deepseek_operator.rollout.engine_counts import Measure
from deepseek_operator.rollout.evidence import (
    Absolute,
    Evidence,
    Metric,
    Outcomes,
    Pair,
    Roughness,
)
from deepseek_operator.rollout.record import Record
from deepseek_operator.rollout.run import Cause, Limits, Phase, Step
from tests.unit.rollout.played import figures
from tests.unit.rollout.stage import CANDIDATE, ERRORS, STABLE, Stage, plan

USUAL = 10_000
"""Requests of each revision while they were compared."""


def watched(**changes: object) -> Stage:
    stage = Stage(rate=50.0, **changes)  # type: ignore[arg-type]
    stage.until(Phase.WATCHING)
    return stage


@pytest.mark.parametrize("share", [0.05, 0.1, 0.4])
def test_a_promoted_candidate_that_turns_bad_goes_back(share: float) -> None:
    stage = watched()
    stage.bad[CANDIDATE] = share

    doubted = stage.until(Phase.SHIFTING, passes=16)
    assert (doubted.cause, doubted.weight, stage.rollout.stable) == (Cause.DOUBTED, 50, STABLE)
    assert "of the candidate" in doubted.said
    assert "% is fine: 50 % of the traffic, to compare both once more" in doubted.said
    run = stage.until(Phase.ROLLED_BACK, passes=32)

    assert (run.cause, stage.rollout.stable) == (Cause.EVIDENCE_BAD, STABLE)
    assert [failure.revision for failure in stage.rollout.failures] == [CANDIDATE]


def test_what_hits_both_takes_nobody_back() -> None:
    """A bad hour, or a client that sends what nobody can answer: from one revision alone it looks the same."""
    stage = watched()
    stage.bad = dict.fromkeys(stage.bad, 0.1)
    stage.until(Phase.SHIFTING, passes=20)

    stage.until(Phase.WATCHING)
    assert stage.run.doubts == 1
    run = stage.until(Phase.ROLLED_BACK, Phase.SUCCEEDED)

    assert (run.phase, run.doubts, stage.rollout.stable) == (Phase.SUCCEEDED, 1, CANDIDATE)
    assert stage.rollout.failures == ()


def test_doubts_that_are_not_confirmed_come_to_an_end() -> None:
    """Trouble of both that begins with each promotion and is over with each comparison."""
    stage = watched()
    for _ in range(2000):
        if stage.run.is_over:
            break
        is_watched = stage.run.phase is Phase.WATCHING
        stage.bad = dict.fromkeys(stage.bad, 0.3 if is_watched else 0.01)
        stage.one_pass()

    assert (stage.run.phase, stage.rollout.stable) == (Phase.SUCCEEDED, CANDIDATE)
    assert 3 <= stage.run.doubts <= 6


def test_a_comparison_that_is_asked_for_late_has_time_of_its_own() -> None:
    stage = watched(plan=plan(limits=Limits(total=timedelta(hours=1))))
    stage.now += timedelta(minutes=110)
    stage.bad = dict.fromkeys(stage.bad, 0.1)
    stage.until(Phase.SHIFTING, passes=20)

    stage.until(Phase.WATCHING)


def test_nobody_is_sent_to_a_stable_revision_that_lacks_pods() -> None:
    stage = watched()
    stage.ready[STABLE] = 1
    stage.bad[CANDIDATE] = 0.2
    for _ in range(20):
        stage.one_pass()
        assert (stage.run.phase, stage.run.weight) == (Phase.WATCHING, 100)

    stage.ready[STABLE] = 2
    assert stage.one_pass().run == stage.run
    assert stage.run.phase is Phase.SHIFTING


def test_a_limit_of_the_users_own_needs_no_comparison() -> None:
    limit = Metric("lateLimit", Absolute(0.05, 0.1), (Absolute(0.05, 0.1),), measure="late")
    stage = watched(plan=plan(metrics=(limit,)))
    stage.bad = dict.fromkeys(stage.bad, 0.2)

    run = stage.until(Phase.ROLLED_BACK, passes=24)

    assert (run.cause, run.doubts) == (Cause.EVIDENCE_BAD, 0)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.2])
def test_one_that_stays_as_it_was_is_kept_whatever_is_usual(share: float) -> None:
    stage = watched(bad={STABLE: share, CANDIDATE: share})

    assert stage.until(Phase.ROLLED_BACK, Phase.SUCCEEDED).phase is Phase.SUCCEEDED


def test_it_is_told_what_would_bring_the_old_revision_back() -> None:
    run = watched(bad={STABLE: 0.0, CANDIDATE: 0.0}).run

    assert (
        run.said
        == f"revision {STABLE} is kept for 2:00:00, and both are compared once more from about errors 1.0% on"
    )


def test_what_a_person_promoted_may_go_on_as_it_did_but_no_worse() -> None:
    """They have seen what it does: to take it back at once would be to know better."""
    plan_of_days = plan(Step(20, timedelta(days=1)), limits=Limits(keep=timedelta(hours=6)))
    stage = Stage(rate=50.0, plan=plan_of_days, bad={STABLE: 0.04, CANDIDATE: 0.06})
    stage.until(Phase.ANALYZING)
    for _ in range(4):
        stage.one_pass()
    stage.say("promote")
    stage.until(Phase.WATCHING)
    for _ in range(400):
        stage.one_pass()
    assert stage.run.phase is Phase.WATCHING

    stage.bad[CANDIDATE] = 0.25
    stage.until(Phase.ROLLED_BACK, passes=30)


def compared(share: float, *, accepted: bool = True, candidate: float | None = None) -> Evidence:
    """Of a metric after the last step."""
    worse = share if candidate is None else candidate
    seen = Pair(Outcomes(USUAL, round(worse * USUAL)), Outcomes(USUAL, round(share * USUAL)))
    return Evidence(acceptance=(9.0 if accepted else 0.0, 0.0), seen=seen)


def judged(metric: Metric, seen: Evidence) -> Metric | None:
    """The metric as it is in the window, if it is in it."""
    stage = Stage(plan=plan(metrics=(ERRORS, metric)))
    stage.one_pass()
    run = replace(stage.run, evidence={metric.name: seen})
    return {one.name: one for one in standards.alone(run).usual}.get(metric.name)


def learned() -> dict[str, Metric]:
    """All that is compared between like models, learned of a stable revision that is late in one of ten."""
    chosen = metrics.choose(
        Analysis.model_validate({"timeToFirstToken": {"limit": "2s", "maxPercent": 5}}),
        told=frozenset(Measure),
        are_alike=True,
        same_model=True,
    )
    told = figures(first_token={0.2: 900, 0.9: 100}, per_output_token={0.02: 1000})
    found = metrics.learned(chosen, [Engine("pod", "old", is_ready=True, figures=told)], "old")
    assert found is not None
    return {metric.name: metric for metric in found}


LEARNED = learned()


@pytest.mark.parametrize(
    ("name", "seen", "good", "bad"),
    [
        pytest.param("errors", compared(0.0), 0.0025, 0.01, id="no-errors"),
        pytest.param("errors", compared(0.02), 0.02, 0.0485, id="some-errors"),
        pytest.param("errors", compared(0.5), 0.5, 0.7143, id="a-metric-that-is-half-bad"),
        pytest.param("errors", Evidence(), 0.0025, 0.01, id="nothing-seen"),
        pytest.param(
            "errors", compared(0.02, candidate=0.03), 0.02, 0.0485, id="not-by-the-candidates-own"
        ),
        pytest.param(
            "errors",
            compared(0.02, candidate=0.1, accepted=False),
            0.1,
            0.2174,
            id="promoted-by-hand-though-worse",
        ),
        pytest.param("rejections", compared(0.02), 0.02, 0.0485, id="refusals-as-a-rule"),
        pytest.param("empty", compared(0.0), 0.0025, 0.01, id="no-empty-answers"),
        pytest.param("truncated", compared(0.6), 0.6, 0.7895, id="most-are-cut-short"),
        pytest.param("timeToFirstToken", compared(0.05), 0.1, 0.25, id="as-it-was-before-the-run"),
        pytest.param("timeToFirstToken", compared(0.2), 0.2, 0.3846, id="later-in-a-busy-hour"),
        pytest.param("timeToFirstTokenLimit", compared(0.3), 0.05, 0.1, id="the-users-own-limit"),
    ],
)
def test_what_is_usual_is_fine(name: str, seen: Evidence, good: float, bad: float) -> None:
    found = judged(LEARNED[name], seen)

    assert found is not None
    assert isinstance(found.alarm, Absolute)
    assert (found.alarm.good, found.alarm.bad) == pytest.approx((good, bad), abs=1e-4)
    assert (found.measure, found.limit) == (LEARNED[name].measure, LEARNED[name].limit)
    assert found.accept == (found.alarm,)


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        pytest.param("longPrompts", compared(0.25), id="how-long-their-prompts-are"),
        pytest.param("errors", compared(0.95), id="hardly-anything-is-not-bad"),
    ],
)
def test_what_only_a_comparison_can_judge_is_judged_no_more(name: str, seen: Evidence) -> None:
    assert judged(LEARNED[name], seen) is None


def test_how_rough_errors_are_stays_known() -> None:
    """The stable revision shows it no more, and errors go on to come in fives."""
    rough = Roughness(squares=50.0, pairs=10)
    stage = Stage()
    stage.one_pass()
    run = replace(stage.run, evidence={"errors": replace(compared(0.01), roughness=rough)})

    assert standards.alone(run).evidence == {"errors": Evidence(roughness=rough)}


def test_a_window_that_an_older_operator_opened_is_read_and_closes() -> None:
    """It kept no limits: what is usual is not known any more, and nobody goes back for that."""
    stage = watched()
    older = replace(stage.run, usual=(), evidence={})
    text = record.dump(Record(replace(stage.rollout, run=older)))
    stage.rollout = record.load(text).rollout

    stage.bad = dict.fromkeys(stage.bad, 0.3)

    run = stage.until(Phase.SUCCEEDED)

    assert run.judged_by == stage.plan.metrics
