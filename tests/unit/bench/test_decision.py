"""The simulated rollouts: traffic that is what it says, and the real decisions on it."""

import numpy as np
import pytest

from bench.decision import report
from bench.decision.__main__ import main, other_kinds, parse, pieces, steady_kinds
from bench.decision.report import Cell
from bench.decision.simulate import PLAN, End, many_runs, one_run
from bench.decision.traffic import BURST, KINDS, USUAL, Traffic, Users

GOOD, WORSE = Traffic(50.0, 0.02, 1.0), Traffic(50.0, 0.02, 4.0)


@pytest.mark.parametrize("kind", KINDS)
def test_traffic_is_what_it_says_on_average(kind: str) -> None:
    users = Users(Traffic(20.0, 0.05, 2.0, kind), np.random.default_rng(1))
    stretches = [users.stretch(at * 600.0, 600.0, 0.25) for at in range(1440)]

    stable = sum((pair.stable for pair in stretches[1:]), start=stretches[0].stable)
    candidate = sum((pair.candidate for pair in stretches[1:]), start=stretches[0].candidate)
    total = stable.total + candidate.total

    assert total / (1440 * 600) == pytest.approx(20, rel=0.05)
    assert candidate.total / total == pytest.approx(0.25, rel=0.05)
    assert stable.share == pytest.approx(0.05, rel=0.1)
    assert candidate.share == pytest.approx(0.1, rel=0.1)


def test_bursts_come_whole() -> None:
    users = Users(Traffic(20.0, 0.05, 1.0, "bursty"), np.random.default_rng(1))

    assert all(users.stretch(0, 15, 0.5).stable.bad % BURST == 0 for _ in range(50))


def test_the_same_seed_is_the_same_rollout() -> None:
    assert one_run(WORSE, 3) == one_run(WORSE, 3) != one_run(WORSE, 4)


def test_a_good_candidate_is_promoted_and_a_bad_one_rolled_back() -> None:
    assert {end.outcome for end in many_runs((GOOD, 20, 1))} == {"promoted"}
    assert {end.outcome for end in many_runs((WORSE, 20, 1))} == {"rolled back"}


@pytest.mark.parametrize(
    "metric", [name for name in USUAL if name not in ("preemptions", "longPrompts")]
)
def test_a_candidate_that_is_worse_at_anything_is_rolled_back(metric: str) -> None:
    worse = Traffic(50.0, max(0.05, USUAL[metric]), 4.0, metric=metric)

    assert {end.outcome for end in many_runs((worse, 5, 1))} == {"rolled back"}


def test_a_candidate_that_is_asked_for_longer_is_neither_promoted_nor_rolled_back() -> None:
    assert {
        end.outcome for end in many_runs((Traffic(50.0, 0.1, 4.0, metric="longPrompts"), 5, 1))
    } == {"held"}


def test_the_simulated_metrics_are_those_of_the_plan() -> None:
    assert [metric.name for metric in PLAN.metrics] == [*USUAL]


def test_without_requests_nothing_is_decided() -> None:
    assert one_run(Traffic(0.001, 0.01, 1.0), 1).outcome == "held"


@pytest.mark.parametrize(
    ("ratio", "promoted", "met"),
    [
        pytest.param(1.0, 100, True, id="good"),
        pytest.param(1.0, 85, False, id="good-not-promoted"),
        pytest.param(4.0, 0, True, id="bad"),
        pytest.param(4.0, 5, False, id="bad-promoted"),
    ],
)
def test_the_bar_is_held_against_what_happened(ratio: float, promoted: int, *, met: bool) -> None:
    ends = [End("promoted", 1.0, 10)] * promoted + [End("rolled back", 2.0, 20)] * (100 - promoted)
    cell = Cell(Traffic(1.0, 0.01, ratio), ends)

    assert cell.bar is not None
    assert cell.bar[1] is met
    assert ("**no**" in report.table([cell])) is not met


def test_twice_as_many_failures_are_only_told() -> None:
    assert Cell(Traffic(1.0, 0.01, 2.0), [End("held", 1.0, 10)]).bar is None


def test_every_kind_of_traffic_has_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(steady_kinds()) == 27
    assert len(other_kinds()) == 3 + 9 + 18
    assert (parse([]).runs, parse([]).other_runs) == (10_000, 1000)

    main(["--runs=1", "--other-runs=1", "--processes=1"])

    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 2 + 2 + 57
    assert [row.split(":")[0] for row in told.err.splitlines()] == [
        f"{number} of 57" for number in range(1, 58)
    ]


@pytest.mark.parametrize(
    ("promoted", "runs", "met"),
    [
        pytest.param(101, 10_000, False, id="at-full-size-nothing-is-chance"),
        pytest.param(100, 10_000, True, id="at-full-size-as-asked-for"),
        pytest.param(3, 200, True, id="of-few-runs-a-few-are"),
        pytest.param(9, 200, False, id="of-few-runs-many-are-not"),
    ],
)
def test_of_few_runs_chance_misses_no_bar(promoted: int, runs: int, *, met: bool) -> None:
    ends = [End("promoted", 1.0, 10)] * promoted + [End("rolled back", 2.0, 20)] * (runs - promoted)

    assert Cell(WORSE, ends).bar == ("promoted ≤ 1 %, rolled back ≥ 99 %", met)


def test_runs_in_pieces_are_the_same_runs_the_slowest_first() -> None:
    slow, fast = Traffic(1.0, 0.005, 1.0), Traffic(1000.0, 0.05, 4.0)

    found = pieces([(fast, 100, 7), (slow, 600, 7)])

    assert found == [(slow, 250, 7), (slow, 250, 257), (slow, 100, 507), (fast, 100, 7)]
