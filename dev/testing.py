"""The tests, but for the long ones of dev.campaign: python -m dev.testing [PYTEST ARGUMENTS].

Most of them wait: for pods, for engines, for an Envoy. Those that compute run beside them, and give way to them. Those
that share one machine's node run last, in their order.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from dev import steps

Suite = tuple[str, ...]

ALONE: tuple[Suite, ...] = (("tests/weights",),)
"""They take rights away from folders that every pytest of this machine uses."""
BESIDE = ("tests/unit", "tests/properties", "tests/chart", "-n", "auto", "--dist", "loadfile")
"""These wait for nothing but the processor: one worker for each."""
WAITING: tuple[Suite, ...] = (
    ("tests/gateway",),
    ("tests/cluster",),
    ("tests/machine", "tests/e2e", "-p", "no:randomly"),
)

MAX_FAILURES = 10
"""Of a suite: where all of them wait for their deadlines the rest has nothing to tell, and takes an hour."""

NICE = 10
"""Of what runs beside: a tenth of a processor where the others want all of it, so that no deadline passes."""


def command(suite: Sequence[str]) -> list[str]:
    """How a suite is run."""
    bounded = ("--durations=5", f"--maxfail={MAX_FAILURES}")
    return [sys.executable, "-m", "pytest", *bounded, *suite]


class Beside:
    """A suite that runs while others do; what it prints is kept until it has ended."""

    def __init__(self, suite: Sequence[str], output: IO[str]) -> None:
        self._name = f"pytest {' '.join(suite)}, beside the others"
        self._output = output
        self._started = time.monotonic()
        self._is_told = False
        self._process = subprocess.Popen(
            command(suite),
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: os.nice(NICE),  # noqa: PLW1509 - this process has no other thread
        )
        print(f"==> {self._name}", flush=True)

    def failure(self) -> int:
        """Its exit code once it has ended, 0 before."""
        return self._told() if self._process.poll() else 0

    def end(self) -> int:
        """Wait for it; its exit code."""
        self._process.wait()
        return self._told()

    def stop(self) -> None:
        """End it, if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()

    def _told(self) -> int:
        if not self._is_told:
            self._is_told = True
            self._output.seek(0)
            print(f"==> {self._name}\n{self._output.read()}", end="")
            print(f"    ended within {steps.elapsed(self._started)}", flush=True)
        return self._process.returncode


@contextmanager
def beside(suite: Sequence[str]) -> Iterator[Beside]:
    """Run a suite while something else is done; it does not outlive that."""
    with tempfile.TemporaryFile("w+") as output:
        running = Beside(suite, output)
        try:
            yield running
        finally:
            running.stop()


def run(suite: Sequence[str]) -> int:
    """Run a suite; its exit code."""
    with steps.step(f"pytest {' '.join(suite)}"):
        return subprocess.run(command(suite), check=False).returncode


def program() -> int:
    """Run the suites and stop at the first that fails; arguments replace them."""
    given = sys.argv[1:]
    if given:
        return run(given)
    for suite in ALONE:
        if code := run(suite):
            return code
    with beside(BESIDE) as computing:
        for suite in WAITING:
            if code := run(suite) or computing.failure():
                return code
        return computing.end()


if __name__ == "__main__":
    steps.main(program)
