"""One object with all defaults: whose calls are whose pass, and what is met."""

from bench.reconcile import audit, default
from bench.reconcile.default import Default
from tests.unit.bench.lines_of_audit import line, pass_lines
from tests.unit.bench.test_reports import rows

LISTED = line("list", "persistentvolumeclaims", selector="serving.deepseek.dev/weights", at=5)


def passes(*lines: str) -> list[audit.Pass]:
    return default.passes([call for text in lines if (call := audit.parse_call(text))])


def test_what_is_called_between_two_readings_of_the_object_is_the_first_ones_pass() -> None:
    found = passes(
        line("list", "deepseekdeployments", at=0),
        *pass_lines("default", at=1, writes=True),
        LISTED.replace(".005000", ".007000"),
        line("update", "leases", "deepseek-operator", at=8),
        line("list", "deepseekdeployments", at=9),
        *pass_lines("default", at=10, writes=False),
    )

    assert [len(one) for one in found] == [6, 2]
    assert found[0][-1].resource == "persistentvolumeclaims"


def test_each_goal_has_a_row_that_says_whether_it_is_met() -> None:
    [writing, reading] = passes(
        *pass_lines("default", at=0, writes=True), *pass_lines("default", at=10, writes=False)
    )

    found = rows(default.report(Default(converging=(writing * 3,) * 4, steady=(reading, reading))))

    assert found["passes to converge"] == ["4", "≤ 3", "**no**"]
    assert found["calls a pass while converging, median / most"] == ["15 / 15", "≤ 10", "**no**"]
    assert found["steady: calls a pass, median / most"] == ["2 / 2", "≤ 10", "yes"]
    assert found["steady: writes"] == ["0", "0", "yes"]
