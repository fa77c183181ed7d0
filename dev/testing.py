"""The tests, but for the long ones of dev.campaign: python -m dev.testing [PYTEST ARGUMENTS]. Those that share one machine's node run last, in their order."""

import subprocess
import sys

from dev import steps

SUITES = (
    # These wait for nothing but the processor: one worker for each.
    ("tests/unit", "tests/properties", "tests/chart", "-n", "auto", "--dist", "loadfile"),
    ("tests/weights",),
    ("tests/gateway",),
    ("tests/cluster",),
    ("tests/machine", "tests/e2e", "-p", "no:randomly"),
)

MAX_FAILURES = 10
"""Of a suite: where all of them wait for their deadlines the rest has nothing to tell, and takes an hour."""


def program() -> int:
    """Run the suites one after the other and stop at the first that fails; arguments replace them."""
    given = sys.argv[1:]
    for suite in (given,) if given else SUITES:
        with steps.step(f"pytest {' '.join(suite)}"):
            bounded = ("--durations=5", f"--maxfail={MAX_FAILURES}")
            command = [sys.executable, "-m", "pytest", *bounded, *suite]
            code = subprocess.run(command, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    steps.main(program)
