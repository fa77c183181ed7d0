"""The record of a campaign."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dev.campaign import (
    DECISION,
    SUITES,
    Record,
    Result,
    a_part,
    chosen,
    results_of,
    results_of_run,
)
from dev.paths import REPOSITORY

REPORT = """<testsuites><testsuite name="pytest">
<testcase classname="tests.e2e.test_4_warmup" name="test_one[a]" time="61.5"/>
<testcase classname="tests.e2e.test_4_warmup" name="test_two" time="1.0">
<failure message="x">no</failure></testcase>
<testcase classname="tests.e2e.test_4_warmup" name="test_three" time="1.0">
<skipped message="x"/></testcase>
</testsuite></testsuites>"""


def test_every_folder_with_long_tests_is_of_the_campaign() -> None:
    tests = REPOSITORY / "tests"
    long = {
        f"tests/{file.relative_to(tests).parts[0]}"
        for file in tests.rglob("test_*.py")
        if "@pytest.mark.campaign" in file.read_text() and "unit" not in file.parts
    }

    assert {"tests/cluster", "tests/e2e", "tests/machine"} <= long
    assert long | {"tests/gateway"} <= {suite[0] for suite in SUITES}


def test_every_test_of_a_report_is_in_the_record(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)

    assert results_of(report) == [
        Result("tests/e2e/test_4_warmup.py::test_one[a]", "passed", 61.5),
        Result("tests/e2e/test_4_warmup.py::test_two", "**failed**", 1.0),
        Result("tests/e2e/test_4_warmup.py::test_three", "skipped", 1.0),
    ]


@pytest.mark.parametrize("code", [2, 3, -9])
def test_a_run_that_ended_without_its_report_is_an_error(tmp_path: Path, code: int) -> None:
    found = results_of_run("tests/e2e", code, tmp_path / "none.xml")

    assert found == [Result(f"tests/e2e: pytest ended with {code}", "**error**", 0.0)]


def test_a_run_that_was_broken_off_is_an_error_beside_what_passed(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testcase classname="a" name="b" time="1"/></testsuites>')

    assert [one.outcome for one in results_of_run("a", 2, report)] == ["passed", "**error**"]
    assert [one.outcome for one in results_of_run("a", 0, report)] == ["passed"]


def test_failed_tests_and_none_at_all_are_told_by_the_report(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)

    assert results_of_run("a", 1, report) == results_of(report)
    assert results_of_run("a", 5, tmp_path / "none.xml") == []


def test_what_did_not_pass_is_counted_and_a_record_can_be_repeated() -> None:
    results = (Result("a", "passed", 60.0), Result("b", "skipped", 0.0))
    record = Record("0123456789ab", datetime(2026, 3, 1, 12, 30, tzinfo=UTC), 7, results)

    assert [result.name for result in record.failed] == ["b"]
    lines = record.text().splitlines()
    assert lines[0] == "# Campaign of 01 March 2026, 12:30 UTC"
    assert "`0123456789ab`, seed 7: `make campaign SEED=7`" in lines[2]
    assert "2 tests, 1 failed, 1 minutes." in lines
    assert "| b | skipped | 0 |" in lines


def test_a_record_of_a_part_says_what_repeats_that_part() -> None:
    at = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    record = Record("0123456789ab", at, 7, (), ("tests/cluster", DECISION))

    assert record.command == "python -m dev.campaign --seed=7 tests/cluster bench.decision"
    assert f"`{record.command}`" in record.text()


def test_a_suite_is_run_as_a_whole_or_by_its_files_with_its_options() -> None:
    suite = ("tests/e2e", "-p", "no:randomly")
    one, other = "tests/e2e/test_1_line.py", "tests/cluster/test_steady.py"

    assert chosen(suite, ()) == chosen(suite, ("tests/e2e",)) == suite
    assert chosen(suite, (one, other)) == (one, "-p", "no:randomly")
    assert chosen(suite, ("tests/cluster",)) == ()


@pytest.mark.parametrize(
    "name", ["tests/e2e", "tests/mutants", DECISION, "tests/e2e/test_1_line.py"]
)
def test_a_part_is_a_folder_or_a_file_of_a_suite(name: str) -> None:
    assert a_part(name) == name


@pytest.mark.parametrize("name", ["tests", "tests/e2e/test_0.py", "dev/campaign.py", "e2e"])
def test_another_part_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"is none of tests/properties, .*decision"):
        a_part(name)
