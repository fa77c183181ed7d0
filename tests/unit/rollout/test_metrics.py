"""What is compared, and from where on it is bad: between like revisions, and by the user's own limits."""

from collections.abc import Iterable
from typing import Any

import pytest

from deepseek_operator.api.analysis import Analysis
from deepseek_operator.engines.figures import Engine, EngineFigures
from deepseek_operator.rollout import evidence, metrics
from deepseek_operator.rollout.engine_counts import Measure
from deepseek_operator.rollout.evidence import Absolute, Alike, Both, Metric, Outcomes, Pair
from tests.unit.rollout.played import figures

ALWAYS = ["errors", "rejections"]
TIMES = ["timeToFirstToken", "timePerOutputToken", "preemptions"]


def choose(
    analysis: dict[str, Any] | None = None,
    *,
    told: Iterable[Measure] = Measure,
    alike: bool = True,
    same: bool = True,
) -> tuple[Metric, ...]:
    return metrics.choose(
        Analysis.model_validate(analysis or {}),
        told=frozenset(told),
        are_alike=alike,
        same_model=same,
    )


def names(found: tuple[Metric, ...]) -> list[str]:
    return [metric.name for metric in found]


@pytest.mark.parametrize(
    ("given", "alike", "same", "expected"),
    [
        pytest.param({}, True, True, ["empty", *TIMES, "truncated", "longPrompts"], id="one-model"),
        pytest.param({}, True, False, ["empty", *TIMES, "longPrompts"], id="alike"),
        pytest.param({}, False, False, ["empty"], id="unlike"),
        pytest.param(
            {}, False, True, ["empty", "truncated", "longPrompts"], id="other-accelerators"
        ),
        pytest.param({"relative": "Never"}, True, True, ["empty"], id="never"),
        pytest.param(
            {"relative": "Always"},
            False,
            False,
            ["empty", *TIMES, "truncated", "longPrompts"],
            id="always",
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
            ["empty", *TIMES, "truncated", "longPrompts", "timePerOutputTokenLimit"],
            id="a-limit-beside-a-comparison",
        ),
    ],
)
def test_what_is_compared(
    given: dict[str, Any], expected: list[str], *, alike: bool, same: bool
) -> None:
    assert names(choose(given, alike=alike, same=same)) == ALWAYS + expected


def test_engines_that_promise_no_figures_are_asked_for_none() -> None:
    assert names(choose({"empty": {"maxPercent": 1}}, told=())) == ALWAYS


def test_of_engines_that_promise_some_figures_the_others_are_not_asked() -> None:
    given = {"empty": {"maxPercent": 1}, "truncated": {"maxPercent": 1}}
    told = (Measure.FIRST_TOKEN, Measure.PER_OUTPUT_TOKEN, Measure.TRUNCATED)

    assert names(choose(given, told=told)) == [*ALWAYS, *TIMES[:2], "truncated", "truncatedLimit"]


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


@pytest.mark.parametrize(
    ("seen", "limit"),
    [
        pytest.param({40: 80, 800: 20}, 50.0, id="one-in-five"),
        pytest.param({10: 50, 40: 25, 800: 25}, 50.0, id="one-in-four"),
        pytest.param({10: 40, 40: 60}, 10.0, id="most"),
        pytest.param({10: 40, 40: 59}, 1000.0, id="too-few-requests"),
    ],
)
def test_long_is_what_about_one_in_four_of_the_stable_revision_was(
    seen: dict[float, int], limit: float
) -> None:
    found = taught(figures(asked=seen))["longPrompts"]

    assert found.limit == limit
    assert found.alarm == Alike()


def test_what_nobody_is_bad_by_makes_no_alarm_rarer() -> None:
    chosen = choose()

    assert metrics.bar(chosen).alarm_at == evidence.bar(metrics=len(chosen) - 1).alarm_at


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
