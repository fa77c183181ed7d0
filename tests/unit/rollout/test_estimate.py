"""How long a run still takes: told where requests tell, and near to what then happens."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deepseek_operator.rollout import estimate, metrics
from deepseek_operator.rollout.copies import Mirror
from deepseek_operator.rollout.estimate import Course
from deepseek_operator.rollout.evidence import Absolute, Metric, Relative
from deepseek_operator.rollout.run import Phase, Plan, Step
from tests.unit.rollout.stage import Stage, plan


def analysed(rate: float, *, passes: int = 8, bad: float = 0.05) -> Stage:
    """A good candidate in its first step, some requests after it began."""
    stage = Stage(plan=plan(), rate=rate)
    stage.bad = dict.fromkeys(stage.bad, bad)
    stage.until(Phase.ANALYZING)
    for _ in range(passes):
        if stage.run.phase is Phase.ANALYZING and stage.run.requests:
            break
        stage.one_pass()
    return stage


@pytest.mark.parametrize("rate", [20.0, 100.0])
def test_it_is_near_to_what_then_happens(rate: float) -> None:
    stage = analysed(rate)
    expected = estimate.left(stage.run)
    began = stage.now

    stage.until(Phase.PROMOTING)

    assert expected is not None
    assert expected / 3 < stage.now - began < 3 * expected


def test_more_requests_take_less_time() -> None:
    slow, fast = estimate.left(analysed(10.0).run), estimate.left(analysed(200.0).run)

    assert slow is not None
    assert fast is not None
    assert fast < slow


def test_it_is_told_in_whole_minutes() -> None:
    expected = estimate.left(analysed(100.0).run)

    assert expected is not None
    assert expected % timedelta(minutes=1) == timedelta(0)


def test_without_requests_nothing_is_told() -> None:
    assert estimate.left(replace(analysed(100.0).run, requests=0)) is None


def test_what_waits_for_something_else_has_no_estimate() -> None:
    run = analysed(100.0).run

    assert estimate.left(replace(run, phase=Phase.HELD)) is None
    assert estimate.left(replace(run, phase=Phase.WATCHING)) is None


def test_what_would_take_longer_than_it_may_is_not_told() -> None:
    """There is nothing to compare with, and failures are neither few nor many."""
    run = analysed(100.0).run
    only = replace(run.plan.metrics[0], accept=(Absolute(good=0.02, bad=0.06),))
    short = replace(run.plan, limits=replace(run.plan.limits, total=timedelta(minutes=1)))

    seen = replace(run.evidence[only.name], acceptance=(0.0,))
    endless = replace(run, plan=replace(run.plan, metrics=(only,)), evidence={only.name: seen})

    assert estimate.left(endless) is None
    assert estimate.left(replace(run, plan=short)) is None


def test_a_gain_is_what_a_request_adds_on_average() -> None:
    criterion = Absolute(good=0.01, bad=0.04)

    assert criterion.gain(0.01) > 0 > criterion.gain(0.04)


def planned(copies: Mirror | None = None) -> Plan:
    """A run of two steps that has not begun."""
    steps = (
        Step(10, timedelta(minutes=2), min_requests=100),
        Step(50, timedelta(minutes=3), min_requests=100),
    )
    compared = metrics.GATEWAY_METRICS
    return Plan(steps, compared, metrics.bar(compared), mirror=copies)


def test_a_run_that_has_not_begun_takes_its_least_where_no_rate_is_known() -> None:
    assert estimate.course(planned(), None) == Course((120.0, 180.0), None)


def test_a_run_that_has_not_begun_takes_as_long_as_its_requests() -> None:
    slow, fast = (estimate.course(planned(), rate) for rate in (0.5, 50.0))

    assert slow.steps == (2000.0, 400.0)
    assert fast.steps == (120.0, 180.0)
    assert slow.decision is not None
    assert slow.decision > 1000
    assert fast.decision == 0


def test_copies_are_waited_for_and_not_for_ever() -> None:
    copies = Mirror(percent=10, min_requests=60)

    found = [estimate.course(planned(copies), rate).mirror for rate in (None, 1.0, 0.1)]

    assert found == [120, 600, 1800]


def test_what_nothing_decides_has_no_time() -> None:
    alone = (Metric("errors", Relative(), (Relative(),)),)

    assert estimate.course(replace(planned(), metrics=alone), 10.0).decision is None
