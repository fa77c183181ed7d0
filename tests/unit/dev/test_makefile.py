"""The Makefile: every target looks at the machine before it runs or imports anything else of ours."""

import re
import subprocess
from pathlib import Path

import pytest

from dev.paths import REPOSITORY

RULE = re.compile(r"^([a-z0-9-]+):([^#=]*)(?:##.*)?$")
FIRST = "@python3 -m dev.preflight --for "


def rules() -> dict[str, tuple[list[str], list[str]]]:
    """Each target's prerequisites and the lines of its recipe."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    recipe: list[str] = []
    for line in (REPOSITORY / "Makefile").read_text().splitlines():
        if line.startswith("\t"):
            recipe.append(line.strip())
        elif match := RULE.match(line):
            recipe = []
            found[match[1]] = (match[2].split(), recipe)
    return found


RULES = rules()


def looks_first(target: str) -> bool:
    """Whether the machine is looked at before anything else of a target runs."""
    prerequisites, recipe = RULES[target]
    return looks_first(prerequisites[0]) if prerequisites else recipe[0].startswith(FIRST)


OURS = [
    name
    for name, (_, recipe) in RULES.items()
    if any("python3 -m" in line or "$(RUN)" in line for line in recipe)
]


@pytest.mark.parametrize("target", OURS)
def test_a_target_looks_at_the_machine_before_it_imports_what_an_old_python_cannot(
    target: str,
) -> None:
    assert looks_first(target)


def test_the_targets_that_start_set_up_are_among_them() -> None:
    assert {"demo", "cluster", "cluster-down", "images", "models", "push", "setup"} <= set(OURS)


@pytest.mark.parametrize(
    ("words", "goal"),
    [
        pytest.param([], "demo", id="embedded"),
        pytest.param(["CLUSTER=current"], "current", id="current"),
    ],
)
def test_the_demo_on_a_cluster_of_ones_own_has_checks_of_its_own(
    words: list[str], goal: str
) -> None:
    # A make that runs this test would have its child tell which directory it is in.
    quiet = ["make", "--no-print-directory", "--dry-run"]
    command = [*quiet, "--file", str(REPOSITORY / "Makefile"), "demo", *words]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert said.startswith(f'python3 -m dev.preflight --for {goal} --registry ""\n')


@pytest.mark.parametrize(
    ("git", "said"),
    [
        pytest.param("exit 0", "", id="clean"),
        pytest.param("echo '?? new.py'", "commit or ignore these files", id="not-clean"),
        pytest.param("exit 128", "git config --global --add safe.directory", id="git-fails"),
    ],
)
def test_a_tree_is_clean_where_git_says_so(git: str, said: str, tmp_path: Path) -> None:
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\n{git}\n")
    program.chmod(0o755)

    ended = subprocess.run(
        ["make", "--file", REPOSITORY / "Makefile", "clean-tree"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (ended.returncode != 0) is bool(said)
    assert said in ended.stdout


def fake_python(folder: Path) -> Path:
    """A folder with a fake python3 that only writes down what it is asked to run, and fails in preflight."""
    folder.mkdir()
    program = folder / "python3"
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {folder}/ran\ncase "$*" in *preflight*) exit 1;; esac\n'
    )
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize("target", ["demo", "cluster", "cluster-down", "images", "models", "push"])
def test_what_is_in_the_way_ends_a_target_before_anything_else_runs(
    target: str, tmp_path: Path
) -> None:
    folder = fake_python(tmp_path / "bin")

    ended = subprocess.run(
        ["make", "--file", REPOSITORY / "Makefile", target],
        env={"PATH": f"{folder}:/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.returncode != 0
    [ran] = (folder / "ran").read_text().splitlines()
    assert "dev.preflight" in ran
