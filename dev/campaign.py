"""The long checks: python -m dev.campaign [--seed N] [PART ...]; the record goes to docs/campaigns.

`make test` runs a short form of some of them and none of the others.
"""

import argparse
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dev import steps
from dev.paths import REPOSITORY

SUITES = (
    ("tests/properties", "-n", "auto", "--dist", "loadfile"),
    ("tests/gateway",),
    ("tests/cluster",),
    ("tests/machine", "-p", "no:randomly"),
    ("tests/e2e", "-p", "no:randomly"),
)
MUTANTS = "tests/mutants"
DECISION = "bench.decision"
DECISION_RUNS = ("--runs=300", "--other-runs=100")
"""Some ten minutes of a core; at full size it is hours, and has a page of its own (docs/benchmarks.md)."""
RECORDS = REPOSITORY / "docs" / "campaigns"


@dataclass(frozen=True, slots=True)
class Result:
    """How one test ended."""

    name: str
    outcome: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Record:
    """One campaign."""

    commit: str
    date: datetime
    seed: int
    results: tuple[Result, ...]
    parts: tuple[str, ...] = ()
    """What it was asked for; none: everything."""

    @property
    def command(self) -> str:
        """What repeats it."""
        if self.parts:
            return f"python -m dev.campaign --seed={self.seed} {' '.join(self.parts)}"
        return f"make campaign SEED={self.seed}"

    @property
    def failed(self) -> tuple[Result, ...]:
        """The tests that did not pass."""
        return tuple(result for result in self.results if result.outcome != "passed")

    def text(self) -> str:
        """As the file in docs/campaigns."""
        seconds = sum(result.seconds for result in self.results)
        rows = [
            f"| {result.name} | {result.outcome} | {result.seconds:.0f} |"
            for result in self.results
        ]
        return "\n".join(
            [
                f"# Campaign of {self.date:%d %B %Y, %H:%M} UTC",
                "",
                (
                    f"Commit `{self.commit}`, seed {self.seed}: `{self.command}`. "
                    f"{os.cpu_count()} CPUs, {platform.machine()}, Python {platform.python_version()}."
                ),
                "",
                f"{len(self.results)} tests, {len(self.failed)} failed, {seconds / 60:.0f} minutes.",
                "",
                "| test | result | seconds |",
                "| --- | --- | --- |",
                *rows,
                "",
            ]
        )


def results_of(report: Path) -> list[Result]:
    """The tests of a JUnit report, in their order."""
    found = []
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own pytest wrote it
        bad = [kind for kind in ("failure", "error", "skipped") if case.find(kind) is not None]
        name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
        outcome = {"failure": "**failed**", "error": "**error**"}.get(bad[0], bad[0]) if bad else ""
        found.append(Result(name, outcome or "passed", float(case.get("time", 0))))
    return found


def commit() -> str:
    """The commit that the record speaks of; StepError where the tree holds something else."""
    if steps.run(["git", "status", "--porcelain"], cwd=REPOSITORY).strip():
        raise steps.StepError("a campaign is of a commit: commit or stash your changes first")
    return steps.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=REPOSITORY).strip()


def chosen(suite: tuple[str, ...], parts: Sequence[str]) -> tuple[str, ...]:
    """What of a suite is run, with its options: all of it, or its files among these parts; nothing is empty."""
    folder, *options = suite
    if not parts or folder in parts:
        return suite
    files = [part for part in parts if part.startswith(f"{folder}/")]
    return (*files, *options) if files else ()


def a_part(text: str) -> str:
    """A part by its name; argparse's error where there is none of this name."""
    folders = [suite[0] for suite in SUITES]
    known = text in (*folders, MUTANTS, DECISION)
    path = REPOSITORY / text
    if known or (path.is_file() and any(text.startswith(f"{folder}/") for folder in folders)):
        return text
    names = ", ".join((*folders, MUTANTS, DECISION))
    raise argparse.ArgumentTypeError(f"{text} is none of {names}, nor a file in one of these")


def run_suite(suite: tuple[str, ...], *, seed: int, report: Path) -> list[Result]:
    """Run the long tests of a suite; a suite that has none is no failure."""
    command = [sys.executable, "-m", "pytest", "--campaign", "-m", "campaign", *suite]
    if "no:randomly" not in suite:
        command += [f"--randomly-seed={seed}", f"--hypothesis-seed={seed}"]
    code = subprocess.run(
        [*command, f"--junitxml={report}"], check=False, cwd=REPOSITORY
    ).returncode
    return results_of_run(suite[0], code, report)


def results_of_run(name: str, code: int, report: Path) -> list[Result]:
    """What pytest's report tells; a run that ended otherwise than with one is an error of its own."""
    found = results_of(report) if report.exists() else []
    is_told = code == pytest.ExitCode.OK or any(one.outcome.startswith("**") for one in found)
    if is_told or code == pytest.ExitCode.NO_TESTS_COLLECTED:
        return found
    return [*found, Result(f"{name}: pytest ended with {code}", "**error**", 0.0)]


def run_mutants() -> Result:
    """All mutants, of which every other run has a part."""
    started = time.monotonic()
    code = subprocess.run(
        [sys.executable, "-m", "tests.mutants"], check=False, cwd=REPOSITORY
    ).returncode
    outcome = "passed" if code == 0 else "**failed**"
    return Result(MUTANTS, outcome, time.monotonic() - started)


def run_decision(seed: int) -> Result:
    """The statistics, with fewer runs than their full size; the name in the record tells how many."""
    arguments = (*DECISION_RUNS, f"--seed={seed}")
    started = time.monotonic()
    command = [sys.executable, "-m", DECISION, *arguments]
    code = subprocess.run(command, check=False, cwd=REPOSITORY).returncode
    outcome = "passed" if code == 0 else "**failed**"
    return Result(" ".join((DECISION, *arguments)), outcome, time.monotonic() - started)


def program() -> int:
    """Run everything, whatever fails, and keep the record."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    parser.add_argument(
        "parts",
        metavar="PART",
        nargs="*",
        type=a_part,
        help=f"folders or files of tests, {MUTANTS} or {DECISION} (default: all)",
    )
    options = parser.parse_args()
    parts = tuple(options.parts)
    of, date = commit(), datetime.now(UTC)
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, suite in enumerate(SUITES):
            part = chosen(suite, parts)
            if not part:
                continue
            with steps.step(f"campaign {suite[0]}, seed {options.seed}"):
                report = Path(folder) / f"{number}.xml"
                results += run_suite(part, seed=options.seed, report=report)
    if not parts or MUTANTS in parts:
        with steps.step(f"campaign {MUTANTS}"):
            results.append(run_mutants())
    if not parts or DECISION in parts:
        with steps.step(f"campaign {DECISION}, seed {options.seed}"):
            results.append(run_decision(options.seed))
    record = Record(of, date, options.seed, tuple(results), parts)
    RECORDS.mkdir(parents=True, exist_ok=True)
    place = RECORDS / f"{date:%Y-%m-%d-%H%M}-{of}.md"
    place.write_text(record.text())
    print(record.text())
    print(f"kept as {place.relative_to(REPOSITORY)}")
    return 1 if record.failed or not results else 0


if __name__ == "__main__":
    steps.main(program)
