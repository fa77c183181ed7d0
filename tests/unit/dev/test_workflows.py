"""The workflows run what there is, with no more rights than they use; actionlint and zizmor look at the rest."""

import re
from typing import Any

import pytest
import yaml

from dev import tools, workflows
from dev.paths import REPOSITORY

FILES = sorted(workflows.FOLDER.glob("*.yml"))
WRITES = {
    ("release.yml", "build"): {"packages", "id-token", "attestations"},
    ("release.yml", "publish"): {"contents"},
}
"""Every right to write that a job has."""

every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def load(file: Any) -> Any:
    return yaml.safe_load(file.read_text())


def test_there_are_workflows() -> None:
    assert {file.name for file in FILES} == {"ci.yml", "release.yml", "vulnerabilities.yml"}


@every_file
def test_rights_are_given_job_by_job_and_are_those_that_it_uses(file: Any) -> None:
    workflow = load(file)

    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        writes = {right for right, how in job["permissions"].items() if how == "write"}
        assert writes == WRITES.get((file.name, name), set())


@every_file
def test_actions_are_pinned_by_their_commit_and_say_which_version_that_is(file: Any) -> None:
    for line in file.read_text().splitlines():
        if (used := re.search(r"uses: (\S+)(.*)", line)) and not used[1].startswith("./"):
            assert re.fullmatch(r"[a-z-]+/[a-z-]+@[0-9a-f]{40}", used[1])
            assert re.fullmatch(r"  # v\d+\.\d+\.\d+", used[2])


@every_file
def test_what_they_run_is_there(file: Any) -> None:
    targets = set(
        re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    )
    text = " ".join(
        step.get("run", "") for job in load(file)["jobs"].values() for step in job.get("steps", ())
    )

    assert set(re.findall(r"\bmake ([a-z-]+)", text)) <= targets
    for script in re.findall(r"bash (\S+)", text):
        assert (REPOSITORY / script).exists()


def test_both_checks_ask_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "path", lambda name: name)
    actionlint, zizmor = workflows.commands()

    assert [file for file in FILES if file in actionlint] == FILES
    assert "--offline" in zizmor
