"""What is compared, and from where on it is bad: between like revisions, and by the user's own limits."""

from typing import Any

import pytest

from deepseek_operator.api.analysis import Analysis
from deepseek_operator.engines.figures import Engine, EngineFigures
from deepseek_operator.rollout import metrics
from deepseek_operator.rollout.evidence import Absolute, Both, Metric, Outcomes, Pair
from tests.unit.rollout.played import figures

ALWAYS = ["errors", "rejections"]
TIMES = ["timeToFirstToken", "timePerOutputToken", "preemptions"]


def choose(
    analysis: dict[str, Any] | None = None,
    *,
    tell: bool = True,
    alike: bool = True,
    same: bool = True,
) -> tuple[Metric, ...]:
    return metrics.choose(
        Analysis.model_validate(analysis or {}), engines_tell=tell, are_alike=alike, same_model=same
    )


def names(found: tuple[Metric, ...]) -> list[str]:
    return [metric.name for metric in found]


@pytest.mark.parametrize(
    ("given", "alike", "same", "expected"),
    [
        pytest.param({}, True, True, ["empty", *TIMES, "truncated"], id="one-model"),
        pytest.param({}, True, False, ["empty", *TIMES], id="alike"),
        pytest.param({}, False, False, ["empty"], id="unlike"),
        pytest.param({}, False, True, ["empty", "truncated"], id="other-accelerators"),
        pytest.param({"relative": "Never"}, True, True, ["empty"], id="never"),
        pytest.param(
            {"relative": "Always"}, False, False, ["empty", *TIMES, "truncated"], id="always"
        ),
        pytest.param(
            {"timeToFirstToken": {"limit": "2s"}, "truncated": {"maxPercent": 20}},
            False,
            False,
            ["empty", "timeToFirstTokenLimit", "truncatedLimit"],
            id="limits-of-unlike-ones",
        ),
        pytest.param(
            {"timePerOutputToken": {"limit": "80ms"}},
            True,
            True,
            ["empty", *TIMES, "truncated", "timePerOutputTokenLimit"],
            id="a-limit-beside-a-comparison",
        ),
    ],
)
def test_what_is_compared(
    given: dict[str, Any], expected: list[str], *, alike: bool, same: bool
) -> None:
    assert names(choose(given, alike=alike, same=same)) == ALWAYS + expected


def test_engines_that_promise_no_figures_are_asked_for_none() -> None:
    assert names(choose({"empty": {"maxPercent": 1}}, tell=False)) == ALWAYS


def test_a_limit_is_counted_by_an_edge_and_judged_by_its_share() -> None:
    given = {"timeToFirstToken": {"limit": "2s", "maxPercent": 8}}

    limit = choose(given, alike=False)[-1]

    assert limit.limit == 2.5
    assert limit.alarm == Absolute(good=0.08, bad=0.16)
    assert limit.accept == (limit.alarm,)


def engine(key: str = "old", *, ready: bool = True, told: EngineFigures | None) -> Engine:
    return Engine(f"pod-{key}", key, is_ready=ready, figures=told)


def taught(told: EngineFigures, *more: Engine) -> dict[str, Metric]:
    found = metrics.learned(choose(), [engine(told=told), *more], "old")
    assert found is not None
    assert not any(metric.learns for metric in found)
    return {metric.name: metric for metric in found}


@pytest.mark.parametrize(
    ("seen", "limit", "fine"),
    [
        pytest.param({0.2: 90, 0.9: 10}, 0.25, 0.1, id="one-in-ten-is-slower"),
        pytest.param({0.2: 89, 0.9: 11}, 1.0, 0.01, id="more-than-one-in-ten"),
        pytest.param({0.2: 980, 0.9: 20}, 0.25, 0.02, id="few"),
        pytest.param({0.2: 99}, 2.5, 0.01, id="too-few-requests"),
        pytest.param({3000: 500}, 2560.0, 0.35, id="beyond-all-edges"),
    ],
)
def test_late_is_what_one_in_ten_of_the_stable_revision_was_at_most(
    seen: dict[float, int], limit: float, fine: float
) -> None:
    found = taught(figures(first_token=seen))["timeToFirstToken"]

    assert found.limit == limit
    assert isinstance(found.alarm, Both)
    assert found.alarm.absolute.good == pytest.approx(fine)


def test_pods_of_the_stable_revision_teach_together_and_others_nothing() -> None:
    found = taught(
        figures(first_token={0.2: 100}),
        engine(told=figures(first_token={0.9: 100})),
        engine("new", told=figures(first_token={9: 9000})),
        engine(ready=False, told=figures(first_token={9: 9000})),
    )

    assert found["timeToFirstToken"].limit == 1.0


def test_nothing_is_learned_while_an_engine_is_silent() -> None:
    told = engine(told=figures(first_token={0.2: 500}))

    assert metrics.learned(choose(), [told, engine(told=None)], "old") is None
    assert metrics.learned(choose(), [], "old") is None


def test_where_nothing_has_to_be_learned_nobody_is_waited_for() -> None:
    chosen = choose(alike=False, same=False)

    assert metrics.learned(chosen, [], "old") == chosen


def test_preemptions_that_were_usual_are_fine() -> None:
    found = taught(figures(finished={"stop": 90}, preemptions=10))["preemptions"]

    assert isinstance(found.alarm, Both)
    assert found.alarm.absolute.good == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("candidate", "stable", "is_alarming"),
    [
        pytest.param(Outcomes(100, 50), Outcomes(100, 10), True, id="worse-than-now-and-before"),
        pytest.param(
            Outcomes(100, 10), Outcomes(100, 0), False, id="the-stable-one-has-little-left-to-do"
        ),
        pytest.param(Outcomes(100, 50), Outcomes(100, 50), False, id="trouble-of-both"),
    ],
)
def test_slow_is_who_is_slower_than_the_other_is_and_than_it_was(
    candidate: Outcomes, stable: Outcomes, *, is_alarming: bool
) -> None:
    found = taught(figures(first_token={0.2: 90, 0.9: 10}))["timeToFirstToken"]

    assert (found.alarm.alarm((Pair(candidate, stable),)) > 0) is is_alarming
