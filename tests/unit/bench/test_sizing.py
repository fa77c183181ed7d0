"""The table of published figures: what it holds, and that misses are told."""

import pytest

from bench.sizing import published, report
from bench.sizing.report import Line

LINES = [pytest.param(line, id=f"{line.source}: {line.what}") for line in report.lines()]


MISSED = {
    "vLLM blog 2025-12-17: DeepSeek-V3 in fp8, cache of each of 8 GPUs, TP8": 1.37,
    f"{published.LATENCY}: DeepSeek-R1-0528 in nvfp4, 8 x B200 (TP8 with EP8), 1024/2048, 1 at once": 2.02,
    f"{published.LATENCY}: DeepSeek-R1-0528 in fp8, 8 x H200 (TP8 with EP8), 1024/2048, 1 at once": 2.50,
    f"{published.GPUSTACK}, vLLM: DeepSeek-R1-0528 in fp8, 8 x H200 (TP8), 128/4,": 7.37,
    f"{published.GPUSTACK}, SGLang: DeepSeek-R1-0528 in fp8, 8 x H200 (TP8), 128/4,": 2.14,
    f"{published.GPUSTACK}, vLLM: DeepSeek-R1-0528 in fp8, 8 x H200 (TP8), 219/201,": 4.71,
    f"{published.GPUSTACK}, SGLang: DeepSeek-R1-0528 in fp8, 8 x H200 (TP8), 219/201,": 3.62,
    f"{published.GB300}: DeepSeek-V3.2 in nvfp4, 2 x GB300 (TP2), 2048/1,": 4.00,
    f"{published.INFERENCEX}: DeepSeek-R1-0528 in fp8, 8 x B200 (DP8 with EP8), 1024/1024,": 0.405,
    f"{published.INFERENCEX}: DeepSeek-R1-0528 in nvfp4, 4 x B200 (TP4 with EP4), 8192/1024,": 0.239,
}
"""The misses by the beginning of their names, and how far they are off: each has its reason, and none may get worse."""


def test_no_miss_is_new_and_none_gets_worse() -> None:
    ratios = {f"{line.source}: {line.what}": line.ratio for line in report.lines() if line.missed}
    known = {name: [one for one in ratios if one.startswith(name)] for name in MISSED}

    assert sorted(one for found in known.values() for one in found) == sorted(ratios)
    for name, [one] in known.items():
        worst = max(MISSED[name], 1 / MISSED[name])
        assert max(ratios[one], 1 / ratios[one]) <= 1.01 * worst, one


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
