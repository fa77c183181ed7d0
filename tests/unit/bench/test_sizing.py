"""The table of published figures: what it holds, and that misses are told."""

import pytest

from bench.sizing import report
from bench.sizing.report import Line

LINES = [pytest.param(line, id=f"{line.source}: {line.what}") for line in report.lines()]


@pytest.mark.parametrize("line", LINES)
def test_a_figure_is_near_what_is_published_or_says_why_not(line: Line) -> None:
    assert line.is_met is not bool(line.missed), f"{line.ratio:.2f}"


def test_models_fit_where_they_are_said_to_fit() -> None:
    assert [row for row, ours in report.fits() if row.fits is not ours] == []


def test_most_figures_are_met() -> None:
    found = report.lines()

    assert len(found) >= 40
    assert sum(bool(line.missed) for line in found) <= 4


@pytest.mark.parametrize(
    ("within", "ours", "is_met"),
    [
        pytest.param(2.0, 2.0, True, id="at-the-bound"),
        pytest.param(2.0, 0.49, False, id="too-little"),
        pytest.param(1.1, 1.11, False, id="too-much"),
    ],
)
def test_a_bound_holds_either_way(within: float, ours: float, *, is_met: bool) -> None:
    assert Line("s", "w", 1.0, ours, within, "").is_met is is_met


def test_the_table_has_every_row_and_the_reasons() -> None:
    table = report.table()

    assert table.count("\n|") >= len(report.lines()) + 5
    assert "Missed:" in table
    assert "no lengths" in table
