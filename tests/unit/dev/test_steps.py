"""Set-up steps: what is printed, what a failure says, and how a program ends."""

import errno
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dev import steps
from tests.unit.dev.programs import run_without_root


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        pytest.param(0.44, "0.4s", id="tenths"),
        pytest.param(12.4, "12s", id="seconds"),
        pytest.param(59.6, "1m00s", id="rounded-up-to-a-minute"),
        pytest.param(298, "4m58s", id="minutes"),
        pytest.param(3725, "62m05s", id="more-than-an-hour"),
    ],
)
def test_time_is_told_as_people_tell_it(seconds: float, words: str) -> None:
    assert words == steps.elapsed(time.monotonic() - seconds)


def test_a_step_tells_its_name_and_how_long_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    with steps.step("build it"):
        pass

    assert re.fullmatch(r"==> build it\n    done in 0\.\ds\n", capsys.readouterr().out)


def test_a_step_that_fails_says_so_and_does_not_hide_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(KeyError), steps.step("build it"):
        raise KeyError("why")

    assert "    failed after 0.0s\n" in capsys.readouterr().out


def test_a_command_returns_what_it_prints_on_either_stream() -> None:
    assert steps.run(["sh", "-c", "echo out; echo err >&2"]) == "out\nerr\n"


def test_a_command_gets_input_folder_and_variables(tmp_path: Path) -> None:
    said = steps.run(
        ["sh", "-c", 'cat; echo "$ADDED"; pwd'], cwd=tmp_path, env={"ADDED": "x"}, stdin="in\n"
    )

    assert said.splitlines() == ["in", "x", str(tmp_path)]


def test_a_command_without_input_does_not_wait_for_any() -> None:
    assert steps.run(["cat"]) == ""


def test_a_command_that_fails_is_told_with_its_last_lines() -> None:
    with pytest.raises(steps.StepError) as raised:
        steps.run(["sh", "-c", "seq 1 40; exit 3"])

    lines = str(raised.value).splitlines()
    assert lines[0] == "`sh -c seq 1 40; exit 3` ended with exit code 3:"
    assert lines[1:] == [str(number) for number in range(26, 41)]


def test_a_log_gets_the_command_and_its_whole_output_also_of_a_failure(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "it.log"

    steps.run(["echo", "one"], log=log)
    with pytest.raises(steps.StepError):
        steps.run(["sh", "-c", "seq 1 40; exit 1"], log=log)

    text = log.read_text()
    assert text.startswith("$ echo one\none\n")
    assert "\n1\n2\n" in text


def test_a_program_that_is_missing_is_told_with_its_remedy() -> None:
    with pytest.raises(steps.StepError, match=r"^no-such-program is missing: apt-get install no-"):
        steps.run(["no-such-program"])


def test_a_folder_that_is_missing_is_not_taken_for_a_program(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        steps.run(["true"], cwd=tmp_path / "absent")


def test_system_programs_are_found_without_roots_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    assert steps.run(["sh", "-c", "echo $PATH"]) == "/usr/bin:/bin:/usr/sbin:/sbin\n"


def _raises(error: BaseException) -> Callable[[], int]:
    def entry() -> int:
        raise error

    return entry


@pytest.mark.parametrize(
    ("entry", "code", "said"),
    [
        pytest.param(lambda: 0, 0, "", id="done"),
        pytest.param(lambda: None, 0, "", id="nothing-returned"),
        pytest.param(lambda: 3, 3, "", id="its-own-code"),
        pytest.param(_raises(steps.StepError("no; do x")), 1, "error: no; do x\n", id="failed"),
        pytest.param(
            _raises(KeyboardInterrupt()),
            130,
            "interrupted; run the same command again to carry on\n",
            id="interrupted",
        ),
    ],
)
def test_a_program_ends_with_a_code_and_one_sentence(
    capsys: pytest.CaptureFixture[str], entry: Callable[[], int], code: int, said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        steps.main(entry)

    assert ended.value.code == code
    assert said == capsys.readouterr().err


def test_a_file_that_is_not_open_to_the_user_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0)
    file = tmp_path / "locked" / "file"

    ended = run_without_root(
        "import os\nfrom dev import steps", f"steps.main(lambda: os.stat({str(file)!r}))"
    )

    assert ended.returncode == 1
    assert ended.stderr == f"error: {file} {steps.LOCKED}\n"


def test_what_the_kernel_does_not_permit_keeps_its_trace() -> None:
    with pytest.raises(PermissionError):
        steps.main(_raises(PermissionError(errno.EPERM, "Operation not permitted")))


def test_a_failure_that_nobody_thought_of_keeps_its_trace() -> None:
    with pytest.raises(ZeroDivisionError):
        steps.main(_raises(ZeroDivisionError()))
