"""From measurements to tables: goals, ratios, and who is ahead."""

import dataclasses
from typing import Any

import pytest

from bench.reconcile import __main__ as command
from bench.reconcile import audit, duel_report, lost_report, markdown, scale_report
from bench.reconcile.audit import Call
from bench.reconcile.duel import BURSTS, Edited, Round
from bench.reconcile.duel_report import Figure
from bench.reconcile.lost import Verdict
from bench.reconcile.scale import Load, Scale
from tests.unit.bench.lines_of_audit import line, pass_lines


def calls(lines: list[str]) -> tuple[Call, ...]:
    return tuple(call for text in lines if (call := audit.parse_call(text)))


def load(passes: int, *, writing: int, seconds: float = 2.0) -> Load:
    """One object's passes, the first `writing` of them with writes; then a renewal of the Lease."""
    lines = [
        text
        for number in range(passes)
        for text in pass_lines("a", at=10 * number, writes=number < writing)
    ]
    lines.append(line("update", "leases", "deepseek-operator", at=900))
    return Load(seconds, calls(lines), cpu_seconds=0.03)


def scale(objects: int, **changes: Any) -> Scale:
    found = Scale(
        objects=objects,
        changed=1,
        resyncs=2,
        converging=load(4, writing=3, seconds=0.1 * objects),
        changing=load(3, writing=2),
        restarting=load(2, writing=0),
        keeping=load(2, writing=0, seconds=60),
        memory_empty=70.0,
        memory_converged=71.0,
        memory_kept=70.0 + objects / 8,
    )
    return dataclasses.replace(found, **changes)


def rows(text: str) -> dict[str, list[str]]:
    """The rows of a table by their first cell."""
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in text.splitlines()]
    return {row[0]: row[1:] for row in cells}


def test_a_goal_is_met_when_the_highest_value_of_every_size_is_within_it() -> None:
    found = rows(scale_report.costs([scale(1), scale(100)]))

    assert found["figure"] == ["1 object", "100 objects", "goal", "met"]
    assert found["passes to converge, median / most"] == ["3 / 3", "3 / 3", "≤ 3", "yes"]
    assert found["calls a pass while converging, median / most"][-2:] == ["≤ 10", "yes"]
    assert found["steady: calls per object and resync"][0] == "2"
    assert found["steady: writes"] == ["0", "0", "0", "yes"]
    assert found["steady: Lease renewals a minute"][0] == "1"
    assert found["memory per object above none, KiB (raw)"][:2] == ["128", "128"]


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        pytest.param(
            {"converging": load(5, writing=4)}, "passes to converge, median / most", id="passes"
        ),
        pytest.param({"keeping": load(2, writing=1)}, "steady: writes", id="writes"),
    ],
)
def test_a_goal_that_one_size_misses_is_missed(changes: dict[str, Any], row: str) -> None:
    found = rows(scale_report.costs([scale(1), scale(100, **changes)]))

    assert found[row][-1] == "**no**"


def test_growth_in_step_with_the_objects_is_linear() -> None:
    found = rows(scale_report.growth(scale(100), scale(1000)))

    assert found["1,000 instead of 100"] == ["x 10", "x 10", "x 1", "x 10"]
    assert found["exponent of growth"] == ["1", "1", "0", "1"]
    assert found["goal: at most 1.1"] == ["", "yes", "yes", "yes"]


@pytest.mark.parametrize(
    ("changes", "met"),
    [
        pytest.param(
            {"converging": load(4, writing=3, seconds=1000.0)}, ["**no**", "yes", "yes"], id="time"
        ),
        pytest.param({"memory_kept": 7000.0}, ["yes", "yes", "**no**"], id="memory"),
    ],
)
def test_growth_ahead_of_the_objects_misses_the_goal(
    changes: dict[str, Any], met: list[str]
) -> None:
    found = rows(scale_report.growth(scale(100), scale(1000, **changes)))

    assert found["goal: at most 1.1"][1:] == met


def test_one_size_alone_says_nothing_of_growth() -> None:
    assert "exponent" not in scale_report.report([scale(1)])
    assert "exponent" in scale_report.report([scale(1), scale(100)])


@pytest.mark.parametrize(
    ("ours", "plain", "ahead", "met"),
    [
        pytest.param((10, 11), (20, 21), "this operator", "yes", id="less in every round"),
        pytest.param((30, 11), (20, 21), "neither", "**no**", id="rounds disagree"),
        pytest.param((30, 31), (20, 21), "plain kopf", "**no**", id="more in every round"),
        pytest.param((20, 21), (20, 21), "neither", "**no**", id="equal"),
    ],
)
def test_ahead_is_who_has_less_in_every_round(
    ours: tuple[float, ...], plain: tuple[float, ...], ahead: str, met: str
) -> None:
    figure = Figure("calls", ours, plain, goal=True)

    assert ahead == figure.ahead
    assert figure.row()[-3:] == [ahead, "ahead", met]


def test_a_figure_shows_the_ratio_of_each_pair() -> None:
    figure = Figure("calls", (10, 20, 30), (20, 80, 30))

    assert figure.row() == [
        "calls", "20 (10 to 30)", "30 (20 to 80)", "2 (1 to 4)", "neither", "", "",
    ]  # fmt: skip


def one_round(*, edit_calls: int, seconds: float | None = 1.0) -> Round:
    return Round(
        start_seconds=2.0,
        empty_mib=70.0,
        full_mib=90.0,
        converge_seconds=8.0,
        cpu_seconds=0.5,
        calls=load(4, writing=3).calls,
        bursts=tuple(Edited(calls=edit_calls, writes=5, seconds=seconds) for _ in BURSTS),
    )


def test_rounds_become_figures_with_the_goal_at_the_calls_of_quick_edits() -> None:
    pairs = [(one_round(edit_calls=20), one_round(edit_calls=90, seconds=None))] * 2

    found = duel_report.figures(pairs, count=2)

    table = rows(duel_report.report(found))
    assert table["API calls per object"][:2] == ["8.50 (8.50 to 8.50)"] * 2
    goals = [figure for figure in found if figure.goal]
    assert len(goals) == sum(burst.pause_seconds > 0 for burst in BURSTS) == 2
    assert all(figure.ahead == "this operator" for figure in goals)
    late = next(
        row for name, row in table.items() if name.startswith("30 edits") and "last" in name
    )
    assert late[1] == "never (never to never)"


def verdict(seconds: list[float], *, of: int = 3) -> Verdict:
    return Verdict("both run", "Deployment deleted", of, tuple(seconds))


@pytest.mark.parametrize(
    ("ours", "plain", "ahead"),
    [
        pytest.param([1, 1, 1], [], "this operator", id="only ours"),
        pytest.param([1], [60, 60, 60], "plain kopf", id="fewer of ours"),
        pytest.param([1, 1, 1], [60, 60, 60], "this operator", id="ours sooner"),
        pytest.param([17, 17, 17], [2, 2, 2], "plain kopf", id="ours later"),
        pytest.param([1.0, 1, 1], [1.8, 1.8, 1.8], "neither", id="hardly different"),
        pytest.param([10, 10, 10], [14, 14, 14], "neither", id="of one order"),
        pytest.param([], [], "neither", id="nobody"),
    ],
)
def test_ahead_is_who_repairs_more_and_then_who_repairs_sooner(
    ours: list[float], plain: list[float], ahead: str
) -> None:
    assert ahead == lost_report.ahead(verdict(ours), verdict(plain))


def test_what_was_never_right_is_summed_up() -> None:
    ours = [verdict([1, 2, 3]), verdict([1, 1, 1])]
    plain = [verdict([]), verdict([1, 1, 1])]

    text = lost_report.report(ours, plain, {"ours": 1, "plain": 0})

    last, ends = [row.split(" | ") for row in text.splitlines()[-2:]]
    assert last[2:7] == ["0", "", "3", "", "this operator"]
    assert last[8] == "yes |"
    assert ends[2:7] == ["1", "", "0", "", "plain kopf"]


@pytest.mark.parametrize(
    ("ends", "plain", "behind"),
    [
        pytest.param({"ours": 0, "plain": 0}, [], [], id="in nothing"),
        pytest.param(
            {"ours": 1, "plain": 0},
            [],
            ["all: ended by itself and was started again"],
            id="in ends alone",
        ),
        pytest.param(
            {"ours": 0, "plain": 1},
            [1, 1, 1],
            ["both run: Deployment deleted", "all: objects not right within 75 s"],
            id="in a row and its sum",
        ),
    ],
)
def test_every_row_in_which_plain_kopf_is_ahead_is_listed(
    ends: dict[str, int], plain: list[float], behind: list[str]
) -> None:
    assert behind == lost_report.behind([verdict([1, 1])], [verdict(plain)], ends)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (0, "0"),
        (1234.5, "1,234"),
        (12.34, "12.3"),
        (1.234, "1.23"),
        (float("inf"), "never"),
    ],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert text == markdown.number(value)


def test_the_command_line_sets_the_size_of_the_run() -> None:
    assert command.parse([]).objects == (1, 100, 1000)
    assert command.parse(["--quick"]).objects == (1, 20)
    assert command.parse(["--quick", "--objects", "5"]).objects == (5,)
    assert command.parse(["--parts", "lost"]).parts == ("lost",)


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.parse(["--parts", "scale,speed"])

    assert (
        "--parts: speed: not one of scale, default, latency, duel, lost" in capsys.readouterr().err
    )
