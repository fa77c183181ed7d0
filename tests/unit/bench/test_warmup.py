"""Figures of the warm-up's benchmark, from given measurements."""

import pytest

from bench.warmup import report
from bench.warmup.__main__ import parse
from bench.warmup.measured import First, Start, medians
from bench.warmup.requests import Timed


def timed(**seconds: list[float]) -> tuple[Timed, ...]:
    return tuple(Timed(kind, one) for kind, many in seconds.items() for one in many)


WARM = timed(chat=[0.1, 0.1, 0.2], long=[1.0, 1.0, 1.1])


def test_a_request_is_measured_against_warm_ones_of_its_kind() -> None:
    found = First(timed(chat=[0.15, 0.1], long=[1.0, 2.5]), WARM)

    assert found.slowest == pytest.approx(2.5)
    assert found.very_first == pytest.approx(1.5)
    assert found.control_slowest == pytest.approx(2.0)


def test_the_median_is_of_each_kind() -> None:
    assert medians(WARM) == {"chat": 0.1, "long": 1.0}


@pytest.mark.parametrize(
    ("pod", "control", "met"),
    [
        pytest.param([0.2], [0.1, 0.1, 0.1], "yes", id="fast"),
        pytest.param([0.4], [0.1, 0.1, 0.1], "**no**", id="slow"),
        pytest.param([0.4], [0.1, 0.1, 0.3], "yes", id="slow-as-all-are"),
    ],
)
def test_the_goal_is_for_pods_that_were_warmed_up(
    pod: list[float], control: list[float], met: str
) -> None:
    rounds = [First(timed(chat=pod), timed(chat=control))]

    table = report.first_requests({"warm": rounds, "cold": rounds}, goals=["warm"])

    warm, cold = table.splitlines()[2:]
    assert warm.endswith(f"| {met} |")
    assert cold.endswith("|  |  |")


def test_starts_are_told_with_their_ratio() -> None:
    table = report.starts([Start(60.0, 8, 1.2)], [Start(30.0, 4, 0.3)])

    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    assert [row[1:3] for row in rows] == [["60", "30"], ["8", "4"], ["1.20", "0.30"]]
    assert [row[3].split()[0] for row in rows] == ["2", "2", "4"]


def test_quick_is_one_round() -> None:
    assert parse(["--quick"]).rounds == 1
    assert parse(["--rounds=7"]).rounds == 7
