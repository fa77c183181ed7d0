"""The command line, the progress lines and the result."""

import json
from pathlib import Path

import pytest

from deepseek_serving.weights import __main__ as program
from deepseek_serving.weights.errors import FetchError, Permanent, Reason, Temporary
from deepseek_serving.weights.fetch import Fetch, Outcome, Request


def test_help_names_every_source_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        program.main(["--help"])

    out = capsys.readouterr().out
    assert end.value.code == 0
    for word in ("hf://", "s3://", "oci://", "https://", "HF_TOKEN", "exit code", "--stalls"):
        assert word in out
    assert '--list: the result, and one line on standard output, is {"files"' in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param([], "one of the arguments --target --list is required", id="neither"),
        pytest.param(["--list", "--target", "/x"], "not allowed with argument --list", id="both"),
    ],
)
def test_a_model_is_fetched_or_listed(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        program.main(["--source", "hf://a/b", *options])

    assert end.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--stall-timeout", "--parallel", "--attempts", "--first-pause"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "x"])
def test_a_number_that_is_none_is_refused(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        program.main(["--source", "hf://a/b", "--target", "/x", option, value])

    assert option in capsys.readouterr().err


@pytest.mark.parametrize(
    ("what", "phases"),
    [
        pytest.param(["--target", "/x"], ["listing", "listing"], id="fetch"),
        pytest.param(["--list"], [], id="listing"),
    ],
)
def test_a_failure_is_printed_and_left_in_the_result_file(
    what: list[str], phases: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = tmp_path / "result"

    code = program.main(["--source", "x://y", *what, "--result-file", str(result)])

    assert code == 2
    assert json.loads(result.read_text())["reason"] == "InvalidSource"
    out, err = capsys.readouterr()
    assert "InvalidSource: source x://y" in err
    assert [json.loads(line)["phase"] for line in out.splitlines()] == phases


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        pytest.param(Temporary(Reason.STALLED, "m"), 1, True, id="temporary"),
        pytest.param(Permanent(Reason.NOT_FOUND, "m"), 2, False, id="permanent"),
    ],
)
def test_an_error_has_its_exit_code(error: FetchError, code: int, retryable: bool) -> None:
    assert error.exit_code == code
    assert program.failure(error) == {
        "reason": error.reason,
        "message": "m",
        "retryable": retryable,
    }


@pytest.mark.parametrize("letter", ["x", "ü", "\U0001f433", "\n"])
def test_a_result_fits_a_termination_message(letter: str) -> None:
    error = Permanent(Reason.NOT_FOUND, letter * 10_000)

    text = program.encode(program.failure(error))

    assert 3000 < len(text) <= 4096
    assert json.loads(text)["message"].endswith("…")


def test_without_a_termination_log_there_is_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = tmp_path / "termination-log"
    monkeypatch.setattr(program, "TERMINATION_LOG", absent)

    program.write_result({"files": 1}, None)
    assert not absent.exists()

    absent.touch()
    program.write_result({"files": 1}, None)
    assert json.loads(absent.read_text()) == {"files": 1}


def test_a_result_that_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program.write_result({}, tmp_path / "none" / "file")

    assert "could not be written" in capsys.readouterr().err


def test_the_result_of_a_whole_model() -> None:
    assert program.success(Outcome(2, 300), seconds=1.26, fetched=100) == {
        "files": 2,
        "bytes": 300,
        "seconds": 1.3,
        "fetchedBytes": 100,
    }


def test_what_nobody_expected_is_still_a_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken(Fetch):
        def run(self) -> Outcome:
            raise RuntimeError("a bug")

    outcome = program.run(Broken(Request("hf://a/b", {}), tmp_path, log=print))

    assert isinstance(outcome, Temporary)
    assert outcome.reason is Reason.UNEXPECTED
    assert "a bug" in capsys.readouterr().err
