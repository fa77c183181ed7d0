"""What `make test` runs, and in which order."""

import sys
from collections.abc import Sequence

import pytest

from dev import testing
from dev.paths import REPOSITORY


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite is the text of a program."""
    monkeypatch.setattr(testing, "command", lambda suite: [sys.executable, "-c", suite[0]])


def test_each_folder_of_tests_is_run_once() -> None:
    suites: tuple[Sequence[str], ...] = (*testing.ALONE, testing.BESIDE, *testing.WAITING)
    named = [word for suite in suites for word in suite if word.startswith("tests/")]

    found = {f"tests/{path.relative_to(REPOSITORY / 'tests').parts[0]}" for path in
             (REPOSITORY / "tests").rglob("test_*.py")}  # fmt: skip
    assert sorted(named) == sorted(found)


def test_what_runs_beside_prints_when_it_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with testing.beside(("import os; print('niceness', os.nice(0) > 0)",)) as running:
        code = running.end()

    printed = capsys.readouterr().out
    assert code == 0
    assert printed.count("niceness True") == 1


def test_what_fails_beside_is_known_once_it_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with testing.beside(("import time; time.sleep(60)",)) as running:
        assert running.failure() == 0
    with testing.beside(("raise SystemExit(3)",)) as failing:
        assert failing.end() == failing.failure() == 3

    assert capsys.readouterr().out.count("ended within") == 1


@pytest.mark.parametrize(
    ("waiting", "beside", "code"),
    [
        pytest.param("", "", 0, id="all passed"),
        pytest.param("raise SystemExit(4)", "import time; time.sleep(60)", 4, id="a suite fails"),
        pytest.param("", "raise SystemExit(5)", 5, id="what runs beside fails"),
    ],
)
def test_whatever_fails_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, waiting: str, beside: str, code: int
) -> None:
    monkeypatch.setattr(sys, "argv", ["dev.testing"])
    monkeypatch.setattr(testing, "ALONE", (("",),))
    monkeypatch.setattr(testing, "BESIDE", (beside,))
    monkeypatch.setattr(testing, "WAITING", ((waiting,),))

    assert testing.program() == code


def test_arguments_replace_the_suites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["dev.testing", "raise SystemExit(7)"])

    assert testing.program() == 7
