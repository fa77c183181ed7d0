"""Whether both revisions are asked the same, and what becomes of what depends on it."""

import random

import pytest

from deepseek_operator.rollout import evidence as evidences
from deepseek_operator.rollout import mix as mixes
from deepseek_operator.rollout.evidence import (
    Alike,
    Evidence,
    Metric,
    Outcomes,
    Pair,
    Relative,
    Verdict,
)
from deepseek_operator.rollout.mix import Mix

BAR = evidences.bar(metrics=1)
GUARD = Metric(mixes.NAME, Alike(), (Alike(),), measure=mixes.NAME)
TIMES = Metric("timeToFirstToken", Relative(), (Relative(),), measure="timeToFirstToken")
LIMIT = Metric("timeToFirstTokenLimit", Relative(), (Relative(),), measure="timeToFirstToken")
ERRORS = Metric("errors", Relative(), (Relative(),))
ALL = (ERRORS, TIMES, LIMIT, GUARD)


def drawn(draw: random.Random, *, requests: int, weight: float, long: tuple[float, float]) -> Pair:
    """A stretch of requests divided by weight, of which so many are long at the candidate and at the stable revision."""
    counts = [[0, 0], [0, 0]]
    for _ in range(requests):
        who = 0 if draw.random() < weight else 1
        counts[who][0] += 1
        counts[who][1] += draw.random() < long[who]
    return Pair(Outcomes(*counts[0]), Outcomes(*counts[1]))


def after(*pairs: Pair) -> Mix:
    mix = Mix()
    for pair in pairs:
        mix = mix.after((pair,))
    return mix


def test_a_mix_that_only_chance_divides_seldom_differs() -> None:
    draw, found = random.Random(7), 0
    for _ in range(200):
        mix = Mix()
        for _ in range(40):
            pair = drawn(draw, requests=100, weight=0.2, long=(0.25, 0.25))
            mix = mix.after((pair,))
            found += mix.differs(Alike())

    assert found == 0


@pytest.mark.parametrize("long", [(0.5, 0.25), (0.1, 0.25)], ids=["longer", "shorter"])
def test_heavy_users_on_one_side_are_seen_before_times_can_decide(
    long: tuple[float, float],
) -> None:
    """An alarm takes six stretches at least."""
    draw = random.Random(7)
    mix = after(*(drawn(draw, requests=200, weight=0.25, long=long) for _ in range(6)))

    assert mix.differs(Alike())


def test_a_mix_and_a_weight_that_change_together_are_no_difference() -> None:
    """By day few long requests and a small share, by night many and a large one: in sum it looks unlike."""
    draw = random.Random(7)
    day = [drawn(draw, requests=1000, weight=0.05, long=(0.1, 0.1)) for _ in range(20)]
    night = [drawn(draw, requests=1000, weight=0.5, long=(0.6, 0.6)) for _ in range(20)]
    both = sum((*day, *night), start=Pair())
    assert both.candidate.share > 1.25 * both.stable.share

    assert not after(*day, *night).differs(Alike())


def test_a_little_is_no_difference_however_sure_it_is() -> None:
    pair = Pair(Outcomes(1_000_000, 270_000), Outcomes(1_000_000, 250_000))

    assert not after(pair).differs(Alike())


@pytest.mark.parametrize(
    "pair",
    [
        pytest.param(Pair(), id="nothing"),
        pytest.param(Pair(Outcomes(1, 1), Outcomes()), id="one"),
        pytest.param(Pair(Outcomes(500, 500), Outcomes()), id="of-one-alone"),
        pytest.param(Pair(Outcomes(500, 500), Outcomes(500, 500)), id="all-long"),
        pytest.param(Pair(Outcomes(500), Outcomes(500)), id="none-long"),
    ],
)
def test_without_a_comparison_nothing_differs(pair: Pair) -> None:
    assert not after(pair, pair).differs(Alike())


def judged(mix: Mix) -> dict[str, Evidence]:
    seen = Evidence(alarm=5.0, acceptance=(1.0,), seen=Pair(Outcomes(9, 1), Outcomes(9, 1)))
    return mixes.judged({metric.name: seen for metric in ALL}, mix, metrics=ALL, bar=BAR)


def test_while_it_differs_only_what_depends_on_it_is_put_aside() -> None:
    found = judged(after(Pair(Outcomes(1000, 800), Outcomes(1000, 200))))

    assert found["timeToFirstToken"] == Evidence()
    assert found["errors"].alarm == found["timeToFirstTokenLimit"].alarm == 5.0
    assert found[mixes.NAME].verdict(BAR) is Verdict.UNKNOWN


def test_a_mix_that_is_alike_keeps_nothing_back() -> None:
    found = judged(after(Pair(Outcomes(1000, 250), Outcomes(1000, 240))))

    assert found["timeToFirstToken"].alarm == 5.0
    assert found[mixes.NAME].verdict(BAR) is Verdict.GOOD


def test_where_nobody_asks_nothing_is_put_aside() -> None:
    seen = {"errors": Evidence(alarm=5.0)}

    assert mixes.judged(seen, Mix(9, 1.0, 1.0), metrics=(ERRORS,), bar=BAR) == seen
