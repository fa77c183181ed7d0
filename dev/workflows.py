"""Check the workflows of GitHub: python -m dev.workflows. By actionlint, which has shellcheck read their scripts, and by zizmor."""

import argparse
import sys
from pathlib import Path

from dev import steps, tools
from dev.paths import REPOSITORY

FOLDER = REPOSITORY / ".github" / "workflows"


def commands() -> tuple[list[str | Path], ...]:
    """What looks at them. Neither asks anybody: what is known of actions is what came with these versions."""
    programs = Path(sys.executable).parent
    files = sorted(FOLDER.glob("*.yml"))
    return (
        [tools.path("actionlint"), "-shellcheck", programs / "shellcheck", "-pyflakes=", *files],
        [programs / "zizmor", "--offline", "--quiet", "--no-progress", FOLDER],
    )


def program() -> int:
    """Run each of them."""
    argparse.ArgumentParser(prog="python -m dev.workflows", description=__doc__).parse_args()
    for command in commands():
        steps.run(command, cwd=REPOSITORY)
    print("the workflows are clean")
    return 0


if __name__ == "__main__":
    steps.main(program)
