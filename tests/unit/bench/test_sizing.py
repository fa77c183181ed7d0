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

    assert len(found) >= 60
    assert sum(line.is_met for line in found) >= 5 / 6 * len(found)


def test_one_user_is_asked_of_a_replica_and_not_of_a_gpu() -> None:
    (alone,) = (
        line for line in report.lines() if "tokens/s a user" in line.what and "H200" in line.what
    )

    assert alone.published == 158
    assert alone.ours == pytest.approx(395, rel=0.1)


def test_tokens_of_caches_that_were_logged_are_those_of_the_sizing() -> None:
    found = [line.ratio for line in report.lines() if line.what.endswith("tokens")]

    assert len(found) == 2
    assert found == pytest.approx([1.0, 1.0], rel=0.001)


def test_drafts_of_a_row_are_asked_with() -> None:
    (rack,) = (line for line in report.lines() if "32 x GB200" in line.what)

    assert "1 drafted" in rack.what
    assert rack.ours > 4 * 1000


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
