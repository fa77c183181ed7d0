"""Evidence for any outcomes: what is worse is never taken for better."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepseek_operator.rollout import evidence
from deepseek_operator.rollout.evidence import (
    Absolute,
    Evidence,
    Metric,
    Outcomes,
    Pair,
    Relative,
    Verdict,
    Window,
    fold,
)

pytestmark = pytest.mark.campaign(has_short_form=True)

METRIC = Metric("errors", Relative(), (Relative(), Absolute(good=0.0025, bad=0.01)))
BAR = evidence.bar(metrics=2)

outcomes = st.tuples(st.integers(0, 500), st.integers(0, 500)).map(
    lambda counts: Outcomes(max(counts), min(counts))
)
pairs = st.builds(Pair, outcomes, outcomes)
windows = st.lists(pairs, max_size=4).map(tuple)
histories = st.lists(windows, max_size=30)


def all_of(history: list[Window]) -> Evidence:
    found = Evidence()
    for window in history:
        found = fold(found, window, metric=METRIC, bar=BAR)
    return found


@given(histories, pairs, st.integers(1, 20))
def test_more_failures_of_the_candidate_never_help_it(
    history: list[Window], last: Pair, more: int
) -> None:
    bad = min(last.candidate.total, last.candidate.bad + more)
    worse = Pair(Outcomes(last.candidate.total, bad), last.stable)

    one, other = all_of([*history, (last,)]), all_of([*history, (worse,)])

    assert other.alarm >= one.alarm
    assert all(b <= a for a, b in zip(one.acceptance, other.acceptance, strict=True))


@given(pairs, st.integers(1, 20))
def test_more_failures_of_the_stable_revision_say_nothing_against_the_candidate(
    last: Pair, more: int
) -> None:
    bad = min(last.stable.total, last.stable.bad + more)
    one: Window = (last,)
    other: Window = (Pair(last.candidate, Outcomes(last.stable.total, bad)),)

    assert METRIC.alarm.alarm(other) <= METRIC.alarm.alarm(one)
    for criterion in METRIC.accept:
        assert criterion.acceptance(other) >= criterion.acceptance(one)


@given(histories)
def test_evidence_is_never_made_more_of_than_it_is(history: list[Window]) -> None:
    assert all_of(history).roughness.factor >= 1


@given(histories, windows, st.randoms(use_true_random=False))
def test_the_order_of_the_kinds_of_requests_does_not_matter(
    history: list[Window], last: Window, chance: random.Random
) -> None:
    shuffled = list(last)
    chance.shuffle(shuffled)

    one, other = all_of([*history, last]), all_of([*history, tuple(shuffled)])

    assert abs(one.alarm - other.alarm) < 1e-6
    assert one.seen == other.seen


@given(histories)
def test_sums_stay_within_their_bounds_and_every_outcome_is_counted_once(
    history: list[Window],
) -> None:
    found = all_of(history)

    assert found.alarm <= BAR.cap * len(history)
    assert all(value <= BAR.accept_at + BAR.spare for value in found.acceptance)
    assert found.seen.candidate.total == sum(
        pair.candidate.total for window in history for pair in window
    )


@given(histories, st.integers(0, 40))
def test_windows_without_requests_change_no_verdict(history: list[Window], count: int) -> None:
    silent: Window = (Pair(),)

    one, other = all_of(history), all_of([*history, *[silent] * count])

    if one.verdict(BAR) is not Verdict.UNKNOWN:
        assert other.verdict(BAR) is one.verdict(BAR)


@given(outcomes, st.floats(0.001, 0.5))
def test_an_interval_holds_what_was_seen(seen: Outcomes, risk: float) -> None:
    low, high = evidence.interval(seen, risk=risk)

    assert 0 <= low <= seen.share <= high <= 1 or not seen.total
