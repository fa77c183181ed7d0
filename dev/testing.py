"""Every test: python -m dev.testing [PYTEST ARGUMENTS]. Those that share one machine's node run last, in their order."""

import subprocess
import sys

from dev import steps

SUITES = (
    ("tests/unit", "tests/properties", "tests/chart"),
    ("tests/weights",),
    ("tests/gateway",),
    ("tests/cluster",),
    ("tests/machine", "tests/e2e", "-p", "no:randomly"),
)


def program() -> int:
    """Run the suites one after the other and stop at the first that fails; arguments replace them."""
    given = sys.argv[1:]
    for suite in (given,) if given else SUITES:
        with steps.step(f"pytest {' '.join(suite)}"):
            command = [sys.executable, "-m", "pytest", "--durations=5", *suite]
            code = subprocess.run(command, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    steps.main(program)
