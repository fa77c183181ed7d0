"""What outcomes say: expectations are enumerated, not sampled."""

import math
import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from deepseek_operator.rollout import evidence
from deepseek_operator.rollout.evidence import (
    Absolute,
    Bar,
    Evidence,
    Metric,
    Outcomes,
    Pair,
    Relative,
    Verdict,
    Window,
    fold,
)

ERRORS = Metric("errors", Relative(), (Relative(), Absolute(good=0.0025, bad=0.01)))
ALONE = Metric("errors", Relative(), (Relative(),))
BAR = evidence.bar(metrics=1)


def pair(bad: int, of: int, stable_bad: int, stable_of: int) -> Pair:
    return Pair(Outcomes(of, bad), Outcomes(stable_of, stable_bad))


def binomial(count: int, hits: int, share: float) -> float:
    return math.comb(count, hits) * share**hits * (1 - share) ** (count - hits)


@pytest.mark.parametrize("ratio", [1.5, 2.5, 4.0])
@pytest.mark.parametrize(("of", "stable_of"), [(1, 99), (50, 50), (90, 10)])
@pytest.mark.parametrize("bad", [1, 3, 12])
def test_an_e_value_of_equal_revisions_has_a_mean_of_one(
    ratio: float, of: int, stable_of: int, bad: int
) -> None:
    """So many bad outcomes in all, each of which falls to the candidate as often as a request does."""
    share = of / (of + stable_of)

    mean = sum(
        binomial(bad, hits, share)
        * math.exp(evidence.log_e(pair(hits, max(of, hits), bad - hits, stable_of), ratio))
        for hits in range(bad + 1)
        if hits <= of and bad - hits <= stable_of
    )
    impossible = sum(
        binomial(bad, hits, share) for hits in range(bad + 1) if hits > of or bad - hits > stable_of
    )

    assert mean <= 1 + 1e-9
    assert impossible or mean == pytest.approx(1)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.6])
@pytest.mark.parametrize("better", [1.0, 0.5])
def test_nor_does_it_of_any_better_candidate_nor_of_frequent_failures(
    share: float, better: float
) -> None:
    """Both revisions' outcomes enumerated: 8 of the candidate and 12 of the stable one."""
    mean = sum(
        binomial(8, bad, share * better)
        * binomial(12, stable_bad, share)
        * math.exp(evidence.log_e(pair(bad, 8, stable_bad, 12), 2.5))
        for bad in range(9)
        for stable_bad in range(13)
    )

    assert mean <= 1 + 1e-9


def test_what_one_window_adds_to_the_alarm_is_capped() -> None:
    burst: Window = (pair(20, 20, 0, 380),)

    after = fold(Evidence(), burst, metric=ALONE, bar=BAR)

    assert ALONE.alarm.alarm(burst) > BAR.cap
    assert after.alarm == BAR.cap


def test_hours_of_good_requests_hide_no_candidate_that_turns_bad() -> None:
    """The same windows raise the alarm whether or not a thousand good ones came before."""
    good, bad = (pair(0, 100, 1, 300),), (pair(8, 100, 2, 300),)

    def windows_until_bad(found: Evidence) -> int:
        count = 0
        while found.verdict(BAR) is not Verdict.BAD:
            found, count = fold(found, bad, metric=ALONE, bar=BAR), count + 1
        return count

    banked = Evidence()
    for _ in range(1000):
        banked = fold(banked, good, metric=ALONE, bar=BAR)

    assert banked.verdict(BAR) is Verdict.GOOD
    assert windows_until_bad(banked) == windows_until_bad(Evidence()) == 6


def rough(outcomes: list[int], *, of: int = 400) -> float:
    """The factor after windows with so many bad outcomes of the stable revision."""
    found = Evidence()
    for bad in outcomes:
        found = fold(found, (pair(0, 100, bad, of),), metric=ALONE, bar=BAR)
    return found.roughness.factor


def test_errors_that_come_in_fives_count_a_fifth() -> None:
    chance = random.Random(7)
    alone = [sum(chance.random() < 0.01 for _ in range(400)) for _ in range(300)]
    in_fives = [5 * sum(chance.random() < 0.01 for _ in range(80)) for _ in range(300)]

    assert rough(alone) == pytest.approx(1, abs=0.2)
    assert rough(in_fives) == pytest.approx(5, rel=0.25)


def test_hours_that_get_worse_are_not_rough() -> None:
    chance = random.Random(7)
    slowly = [
        sum(chance.random() < 0.01 + number / 10_000 for _ in range(400)) for number in range(300)
    ]

    assert rough(slowly) == pytest.approx(1, abs=0.3)


def test_what_is_rough_takes_longer_to_accept_and_to_refuse() -> None:
    smooth, stormy = Evidence(), Evidence()
    for number in range(12):
        smooth = fold(smooth, (pair(1, 100, 5, 400),), metric=ALONE, bar=BAR)
        bad = 10 if number % 2 else 0
        stormy = fold(stormy, (pair(1, 100, bad, 400),), metric=ALONE, bar=BAR)

    worse: Window = (pair(5, 100, 5, 400),)

    assert smooth.seen == stormy.seen
    assert stormy.roughness.factor > 2
    assert 0 < stormy.acceptance[0] < smooth.acceptance[0]
    alarms = [fold(one, worse, metric=ALONE, bar=BAR).alarm for one in (stormy, smooth)]
    assert 0 < alarms[0] < alarms[1]


@pytest.mark.parametrize("outcomes", [[], [3], [0, 0, 0, 0], [400, 400]])
def test_without_a_difference_to_speak_of_nothing_is_rough(outcomes: list[int]) -> None:
    assert rough(outcomes) == 1


def test_what_was_accepted_is_taken_back_by_a_few_bad_windows() -> None:
    good, bad = (pair(0, 100, 5, 100),), (pair(9, 100, 5, 100),)
    found = Evidence()
    for _ in range(20):
        found = fold(found, good, metric=ALONE, bar=BAR)
    assert found.verdict(BAR) is Verdict.GOOD

    for _ in range(math.ceil(BAR.spare / -Relative().acceptance(bad)) + 1):
        found = fold(found, bad, metric=ALONE, bar=BAR)

    assert found.verdict(BAR) is Verdict.UNKNOWN


def test_an_alarm_counts_before_an_acceptance() -> None:
    found = Evidence(alarm=BAR.alarm_at, acceptance=(BAR.accept_at,))

    assert found.verdict(BAR) is Verdict.BAD


def test_without_any_errors_a_candidate_is_accepted_by_itself() -> None:
    clean: Window = (pair(0, 100, 0, 300),)
    alone, either = Evidence(), Evidence()
    for _ in range(10):
        alone = fold(alone, clean, metric=ALONE, bar=BAR)
        either = fold(either, clean, metric=ERRORS, bar=BAR)

    assert alone.verdict(BAR) is Verdict.UNKNOWN
    assert either.verdict(BAR) is Verdict.GOOD
    assert either.seen == pair(0, 1000, 0, 3000)


def test_a_mix_of_requests_that_differs_is_no_regression() -> None:
    """Long requests are late ten times as often, and the candidate happens to get more of them."""
    short, long = pair(1, 100, 9, 900), pair(90, 900, 10, 100)

    mixed = ALONE.alarm.alarm((short + long,))

    assert mixed > 10
    assert ALONE.alarm.alarm((short, long)) < 0


@pytest.mark.parametrize("window", [(), (pair(3, 9, 0, 0),), (pair(0, 0, 3, 9),)])
def test_nothing_follows_from_minutes_in_which_one_of_them_had_no_request(window: Window) -> None:
    before = Evidence(alarm=2.0, acceptance=(1.0,))

    after = fold(before, window, metric=ALONE, bar=BAR)

    assert (after.alarm, after.acceptance) == (2.0, (1.0,))


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        pytest.param([], Verdict.UNKNOWN, id="no-metric"),
        pytest.param([Verdict.GOOD], Verdict.GOOD, id="good"),
        pytest.param([Verdict.GOOD, Verdict.UNKNOWN], Verdict.UNKNOWN, id="one-unknown"),
        pytest.param([Verdict.GOOD, Verdict.BAD, Verdict.UNKNOWN], Verdict.BAD, id="one-bad"),
    ],
)
def test_all_metrics_have_to_be_good_and_one_is_enough_to_be_bad(
    verdicts: list[Verdict], expected: Verdict
) -> None:
    assert evidence.overall(verdicts) is expected


def test_the_bar_shares_false_alarms_among_metrics_and_not_acceptance() -> None:
    one, four = evidence.bar(metrics=1, windows=1000), evidence.bar(metrics=4, windows=1000)

    assert math.exp(one.alarm_at) == pytest.approx(1000)
    assert math.exp(four.alarm_at) == pytest.approx(4000)
    assert one.accept_at == four.accept_at == pytest.approx(-math.log(0.05))


@pytest.mark.parametrize(
    ("total", "bad", "low", "high"),
    [
        (100, 0, 0.0, 0.0570),
        (300, 0, 0.0, 0.0212),
        (1000, 5, 0.0005, 0.0180),
        (5000, 25, 0.0021, 0.0099),
        (20000, 100, 0.0032, 0.0073),
    ],
)
def test_the_interval_is_that_of_robbins(total: int, bad: int, low: float, high: float) -> None:
    """Values of the mixture computed by others' code, to four digits."""
    found = evidence.interval(Outcomes(total, bad))

    assert list(found) == pytest.approx([low, high], abs=5e-5)


def test_without_outcomes_every_share_is_possible() -> None:
    assert evidence.interval(Outcomes()) == (0.0, 1.0)
    assert evidence.interval(Outcomes(3, 3))[1] == 1.0


def test_an_interval_shrinks_with_more_outcomes_of_the_same_share() -> None:
    widths = [
        high - low for low, high in (evidence.interval(Outcomes(n * 100, n)) for n in (1, 10, 99))
    ]

    assert all(wide > narrow for wide, narrow in pairwise(widths))


def test_requests_to_acceptance_are_what_the_mean_of_a_request_asks_for() -> None:
    share, weight, margin = 0.05, 0.25, 2.0
    needed = evidence.requests_to_accept(share, weight, margin=margin, missing=3.0)
    bad = share * needed

    window: Window = (Pair(Outcomes(10**6, 0), Outcomes(3 * 10**6, 0)),)
    per_candidate = -evidence.log_e(Pair(Outcomes(10**6, 1), Outcomes(3 * 10**6)), margin)
    per_stable = -evidence.log_e(Pair(Outcomes(10**6), Outcomes(3 * 10**6, 1)), margin)

    assert ALONE.accept[0].acceptance(window) == 0
    assert bad * (weight * per_candidate + (1 - weight) * per_stable) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("share", "missing", "expected"),
    [pytest.param(0.0, 3.0, math.inf, id="no-errors"), pytest.param(0.1, 0.0, 0.0, id="accepted")],
)
def test_what_is_not_to_be_expected_is_said(share: float, missing: float, expected: float) -> None:
    assert evidence.requests_to_accept(share, 0.5, margin=2, missing=missing) == expected


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda: Outcomes(3, 4), "4 of 3 outcomes", id="more-bad-than-all"),
        pytest.param(lambda: Outcomes(-1, 0), "0 of -1 outcomes", id="negative"),
        pytest.param(lambda: Relative(ratio=1.0), "above 1", id="ratio"),
        pytest.param(lambda: Relative(margin=0.5), "above 1", id="margin"),
        pytest.param(lambda: Absolute(good=0.2, bad=0.1), "good < bad", id="limits"),
        pytest.param(lambda: Absolute(good=0.0, bad=0.1), "0 < good", id="no-share"),
        pytest.param(lambda: Metric("errors", Relative(), ()), "metric errors", id="no-acceptance"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


def test_an_absolute_criterion_sees_the_candidate_alone() -> None:
    limit = Absolute(good=0.01, bad=0.05)
    windows: list[Window] = [(pair(5, 100, 0, 900),), (pair(5, 100, 900, 900),)]

    assert limit.alarm(windows[0]) == limit.alarm(windows[1]) == -limit.acceptance(windows[0])
    assert limit.alarm(windows[0]) > 0 > limit.alarm((pair(0, 100, 0, 900),))


def test_a_bar_may_be_set_by_hand() -> None:
    assert Bar(alarm_at=1.0, accept_at=1.0).cap == 2.0
