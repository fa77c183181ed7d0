"""Counters of sources that come, go and start anew: each request is counted once, or not at all."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from deepseek_operator.rollout.evidence import Outcomes, Pair
from deepseek_operator.rollout.facts import Figures
from deepseek_operator.rollout.stretches import (
    LENGTH,
    LONGEST,
    REQUESTS,
    USERS,
    Counter,
    Counts,
    Reading,
    stretch,
)

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def counts(candidate: tuple[int, int], stable: tuple[int, int] = (0, 0), kind: str = "") -> Counts:
    return {
        Counter("new", "errors", kind): Outcomes(*candidate),
        Counter("old", "errors", kind): Outcomes(*stable),
    }


def reading(seconds: float, **sources: Counts) -> Reading:
    return Reading(START + timedelta(seconds=seconds), sources)


def take(base: Reading | None, now: Reading) -> tuple[Reading, Figures | None]:
    return stretch(base, now, candidate="new", stable="old", counted="errors", users="errors")


def pairs(figures: Figures | None) -> tuple[Pair, ...]:
    assert figures is not None
    return figures.windows["errors"]


FIRST = reading(0, a=counts((100, 5), (900, 9)), b=counts((10, 0), (90, 0)))


def test_a_stretch_is_by_how_much_all_counters_grew() -> None:
    now = reading(15, a=counts((120, 7), (990, 10)), b=counts((20, 1), (190, 0)))

    base, figures = take(FIRST, now)

    assert base == now
    assert pairs(figures) == (Pair(Outcomes(30, 3), Outcomes(190, 1)),)
    assert figures is not None
    assert figures.requests == 30


def test_the_first_reading_begins_the_first_stretch() -> None:
    assert take(None, FIRST) == (FIRST, None)


@pytest.mark.parametrize(
    ("seconds", "more", "is_over"),
    [
        pytest.param(14, 100, False, id="too-short"),
        pytest.param(15, REQUESTS - 1, False, id="too-few"),
        pytest.param(15, REQUESTS, True, id="enough"),
        pytest.param(3599, 0, False, id="long-and-none"),
        pytest.param(3600, 0, True, id="as-long-as-it-may-be"),
    ],
)
def test_a_stretch_is_over_when_enough_was_seen(seconds: int, more: int, *, is_over: bool) -> None:
    base, figures = take(
        FIRST, reading(seconds, a=counts((100 + more, 5), (900, 9)), b=counts((10, 0), (90, 0)))
    )

    assert (figures is not None) is is_over
    assert base.at == START + (timedelta(seconds=seconds) if is_over else timedelta(0))
    assert timedelta(seconds=15) == LENGTH < LONGEST


@pytest.mark.parametrize(
    "b",
    [
        pytest.param(None, id="gone"),
        pytest.param(counts((4, 1), (9, 0)), id="started-anew"),
        pytest.param(
            {**counts((50, 40)), Counter("old", "errors"): Outcomes(89)},
            id="one-fell",
        ),
        pytest.param({}, id="counts-nothing"),
    ],
)
def test_a_source_that_was_not_there_all_the_time_is_left_out(b: Counts | None) -> None:
    a = counts((130, 6), (990, 9))
    now = reading(20, a=a) if b is None else reading(20, a=a, b=b)

    base, figures = take(FIRST, now)

    assert pairs(figures) == (Pair(Outcomes(30, 1), Outcomes(90, 0)),)
    assert base == now


def test_a_new_source_counts_from_the_moment_that_it_is_first_read() -> None:
    before = counts((1000, 999), (0, 0))
    base, figures = take(FIRST, reading(5, **FIRST.sources, c=before))
    assert figures is None

    after = {**FIRST.sources, "a": counts((119, 5), (900, 9)), "c": counts((1001, 999), (0, 0))}
    _, figures = take(base, reading(16, **after))

    assert pairs(figures) == (Pair(Outcomes(20, 0), Outcomes(0, 0)),)


def test_a_request_that_is_just_ending_is_no_other_process() -> None:
    """For a moment it neither runs nor has ended."""

    def users(candidate: int, errors: int) -> Counts:
        return {
            Counter("new", USERS): Outcomes(candidate, 0),
            Counter("new", "errors"): Outcomes(errors, 0),
        }

    base, figures = take(reading(0, a=users(9, 0)), reading(5, a=users(8, 0)))
    assert (base.at, figures) == (START, None)
    _, figures = take(base, reading(16, a=users(31, 22)))

    assert figures is not None
    assert (figures.requests, figures.since) == (22, START)
    assert figures.windows[USERS] == (Pair(Outcomes(22, 0)),)


def test_a_source_that_starts_anew_within_a_stretch_counts_from_there() -> None:
    base, _ = take(FIRST, reading(5, a=counts((100, 5), (900, 9)), b=counts((3, 3), (0, 0))))

    _, figures = take(base, reading(16, a=counts((120, 5), (900, 9)), b=counts((7, 4), (0, 0))))

    assert pairs(figures) == (Pair(Outcomes(24, 1), Outcomes(0, 0)),)


def test_kinds_of_requests_are_kept_apart() -> None:
    before = reading(0, a={**counts((0, 0), (0, 0), "long"), **counts((0, 0), (0, 0), "short")})
    now = reading(15, a={**counts((30, 3), (1, 0), "long"), **counts((5, 0), (70, 1), "short")})

    _, figures = take(before, now)

    assert pairs(figures) == (
        Pair(Outcomes(30, 3), Outcomes(1, 0)),
        Pair(Outcomes(5, 0), Outcomes(70, 1)),
    )


def test_other_metrics_are_no_requests() -> None:
    late = {Counter("new", "late"): Outcomes(50, 1), Counter("old", "late"): Outcomes(50, 2)}
    none = {Counter("new", "late"): Outcomes(), Counter("old", "late"): Outcomes()}
    before = reading(0, a={**counts((0, 0)), **none})

    assert take(before, reading(15, a={**counts((19, 0)), **late}))[1] is None
    _, figures = take(before, reading(15, a={**counts((20, 0)), **late}))

    assert figures is not None
    assert figures.windows["late"] == (Pair(Outcomes(50, 1), Outcomes(50, 2)),)


def test_a_clock_that_goes_back_begins_anew() -> None:
    now = reading(-100, **FIRST.sources)

    assert take(FIRST, now) == (now, None)


def test_however_often_it_is_read_each_request_is_counted_once() -> None:
    chance = random.Random(7)
    true, seen = Outcomes(), Outcomes()
    total = bad = 0
    base: Reading | None = None
    for second in range(0, 3000, 3):
        base, figures = take(base, reading(second, a=counts((total, bad), (total, 0))))
        if figures is not None:
            seen = sum((pair.candidate for pair in pairs(figures)), start=seen)
            true = Outcomes(total, bad)
        more = chance.randrange(6)
        fails = chance.randrange(more + 1)
        total, bad = total + more, bad + fails

    assert seen == true
    assert seen.total > 1000
