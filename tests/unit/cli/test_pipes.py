"""Whoever reads may leave before the end: a program ends quietly then, as others do."""

import os
import subprocess
import sys

import pytest

from dev.paths import REPOSITORY

_CLOSED = 141
"""As a shell has it of what SIGPIPE ends."""


@pytest.mark.parametrize(
    ("module", "words"),
    [
        pytest.param("__main__", ["models", "-o", "json"], id="at-once"),
        pytest.param("__main__", ["accelerators"], id="what-is-buffered-to-the-end"),
        pytest.param("__main__", ["plan", "--help"], id="help"),
        pytest.param("completion", [""], id="completion"),
    ],
)
def test_a_reader_that_leaves_is_no_error(module: str, words: list[str]) -> None:
    reading, writing = os.pipe()
    program = f"from deepseek_operator.cli.{module} import main; import sys; sys.exit(main())"
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={"PYTHONPATH": str(REPOSITORY / "operator")},
        )
    finally:
        os.close(writing)

    assert (done.stderr, done.returncode) == ("", _CLOSED)
