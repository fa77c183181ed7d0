"""What the verbs without a cluster load: a command that is over at once waits for no library or room of another."""

import subprocess
import sys

import pytest

from dev.paths import REPOSITORY


@pytest.mark.parametrize("verb", ["offline", "advising"])
def test_a_verb_loads_no_library_that_only_a_cluster_needs(verb: str) -> None:
    program = (
        "import sys; from deepseek_operator.cli import __main__ as cli; first = set(sys.modules);"
        f"from deepseek_operator.cli import {verb};"
        "print('pydantic' in first, 'yaml' in first, "
        "*(name in sys.modules for name in ('kubernetes', 'aiohttp', 'asyncio', 'kopf', "
        "'deepseek_operator.plan', 'deepseek_operator.comparison', 'deepseek_operator.replicas', "
        "'deepseek_operator.diagnosis')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(REPOSITORY / "operator")},
    )

    assert done.stdout.split() == ["False"] * 10
