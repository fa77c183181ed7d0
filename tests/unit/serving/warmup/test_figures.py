"""Rounds: which time stands for one, and when two are alike; log-probabilities of several runs."""

import pytest

from deepseek_serving.warmup.answers import Position
from deepseek_serving.warmup.client import Timing
from deepseek_serving.warmup.figures import Figure, are_stable, figure
from deepseek_serving.warmup.reference import compare


@pytest.mark.parametrize(
    ("rounds", "stable"),
    [
        pytest.param([(1.0, None)], False, id="one-round"),
        pytest.param([(19.1, None), (0.15, None)], False, id="cold-then-warm"),
        pytest.param([(19.1, None), (0.15, None), (0.16, None)], True, id="warm-twice"),
        pytest.param([(1.0, None), (1.2, None)], True, id="a-fifth-slower"),
        pytest.param([(1.0, None), (1.21, None)], False, id="more-than-a-fifth-slower"),
        pytest.param([(1.2, None), (1.0, None)], True, id="a-fifth-faster"),
        pytest.param([(0.002, None), (0.006, None)], True, id="noise"),
        pytest.param([(1.0, 0.1), (1.0, 0.2)], False, id="tokens-still-cold"),
        pytest.param([(1.0, 0.1), (1.0, 0.11)], True, id="both-warm"),
        pytest.param([(1.0, None), (1.0, 0.2)], True, id="one-token-only"),
        pytest.param([(0.0, None), (0.0, None)], True, id="nothing"),
    ],
)
def test_two_rounds_alike_are_stable(
    rounds: list[tuple[float, float | None]], *, stable: bool
) -> None:
    assert are_stable([Figure(*seconds) for seconds in rounds]) is stable


@pytest.mark.parametrize(
    ("seconds", "slow"),
    [
        pytest.param([2.0], 2.0, id="one"),
        pytest.param([1.0, 3.0, 2.0], 3.0, id="few-the-slowest"),
        pytest.param([*[1.0] * 19, 9.0], 1.0, id="one-straggler-of-twenty"),
        pytest.param([*[1.0] * 18, 8.0, 9.0], 8.0, id="two-of-twenty"),
    ],
)
def test_a_round_takes_as_long_as_its_slow_requests(seconds: list[float], slow: float) -> None:
    assert figure([Timing(second) for second in seconds]) == Figure(slow, None)
    assert figure([Timing(0.5, second) for second in seconds]) == Figure(0.5, slow)


def test_milliseconds_are_rounded_to_tenths() -> None:
    assert Figure(0.123456, 0.00126).milliseconds() == [123.5, 1.3]


def place(*pairs: tuple[str, float]) -> Position:
    return pairs


def test_without_a_run_there_is_no_reference() -> None:
    assert compare([]) is None


def test_runs_become_means_and_a_spread() -> None:
    one = [place(("a", -0.1), ("b", -2.0)), place(("c", -0.5))]
    other = [place(("a", -0.12), ("b", -2.1)), place(("c", -0.5))]
    found = compare([one, other])

    assert found is not None
    assert found.runs == 2
    assert found.spread == 0.1
    assert found.positions == (place(("a", -0.11), ("b", -2.05)), place(("c", -0.5)))


def test_after_two_runs_part_nothing_is_compared() -> None:
    one = [place(("a", -0.69), ("b", -0.7)), place(("x", -0.1))]
    other = [place(("b", -0.68), ("a", -0.71)), place(("y", -0.1))]
    found = compare([one, other])

    assert found is not None
    assert found.positions == (place(("b", -0.69), ("a", -0.7)),)


def test_a_shorter_run_ends_the_comparison() -> None:
    found = compare([[place(("a", -0.1))], [place(("a", -0.1)), place(("b", -0.1))]])

    assert found is not None
    assert len(found.positions) == 1


def test_rare_tokens_and_such_as_one_run_only_saw_are_left_out() -> None:
    one = [place(("a", -0.1), ("rare", -8.0), ("once", -3.0))]
    other = [place(("a", -0.1), ("rare", -9.0))]
    found = compare([one, other])

    assert found is not None
    assert found.positions == (place(("a", -0.1)),)
    assert found.spread == 0.0


def test_three_tokens_of_a_place_are_kept() -> None:
    found = compare([[place(*((str(number), -float(number)) for number in range(5)))]])

    assert found is not None
    assert [token for token, _ in found.positions[0]] == ["0", "1", "2"]
