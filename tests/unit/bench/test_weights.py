"""The arithmetic of the bench of fetching, and that it runs."""

import math
from pathlib import Path

import pytest

from bench.weights import __main__ as program
from bench.weights import measured, report, statistics
from bench.weights.contenders import Run
from bench.weights.report import Resumed, Rounds


def test_a_ratio_of_equal_rounds_is_one_and_certain() -> None:
    interval = statistics.ratio([(2.0, 2.0), (3.0, 3.0)])

    assert (interval.low, interval.middle, interval.high) == (1.0, 1.0, 1.0)


def test_an_interval_holds_the_students() -> None:
    interval = statistics.ratio([(1.0, 1.0), (math.e, 1.0), (math.e**2, 1.0)])

    assert math.log(interval.middle) == pytest.approx(1.0)
    assert math.log(interval.high) == pytest.approx(1.0 + 4.303 / math.sqrt(3))


def test_one_round_says_nothing_of_the_true_ratio() -> None:
    assert statistics.ratio([(2.0, 1.0)]).high == math.inf


def test_anonymous_memory_is_without_files() -> None:
    status = "Name:\tpython\nVmHWM:\t  1000 kB\nRssFile:\t   400 kB\n"

    assert measured.anonymous_bytes(status) == 600 * 1024


def test_the_table_says_which_goals_are_met() -> None:
    pairs = ((Run(10.0, 4.0, 50_000_000), Run(9.5, 2.0)),) * 2
    rounds = Rounds("memory", 4 * 2**30, pairs, (Resumed(11.0, 1.01),))

    table = report.report(rounds, has_goals=True)

    assert "| throughput, MiB/s | 410 (410 to 410) | 431 (431 to 431) | 0.95" in table
    assert table.count("| yes |") == 3
    assert "| CPU seconds per GiB | 1 (1 to 1) |" in table
    assert "**no**" in report.report(
        Rounds("memory", 2**30, ((Run(20.0, 1.0, 300_000_000), Run(10.0, 1.0)),)), has_goals=True
    )


def test_it_runs_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--mib", "8", "--rounds", "2", "--rate", "100", "--disk", str(tmp_path)]

    assert program.main(arguments) == 0

    out = capsys.readouterr().out
    assert "killed halfway: bytes sent / size" in out
    assert list(tmp_path.iterdir()) == []
