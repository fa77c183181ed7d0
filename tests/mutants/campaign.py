"""Runs tests on a copy of the repository with one mutant in it, and says whether they caught it."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mutants.patch import Mutant, PatchError

REPOSITORY = Path(__file__).resolve().parents[2]

COPIED = (
    "operator",
    "serving",
    "tests",
    "dev",
    "crds",
    "charts",
    "docs",
    "examples",
    "README.md",
    "pyproject.toml",
)

LIMIT_SECONDS = 600.0
"""
A mutant that hangs its tests has not been caught by them. Far above what any needs (some 25 s by itself): they run
beside tests that take the machine's processors, and what is slow must not look like what hangs.
"""

TESTS_FAILED = 1
"""pytest's exit status when tests ran and some failed; an import error is another one."""


class BaselineError(Exception):
    """The tests fail without any mutant: nothing can be said about one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the tests took a mutant."""

    witnesses: tuple[str, ...]
    """Tests that caught it by an assertion; none: it survived."""
    seconds: float
    said: str
    """The first witness's words, or what happened instead."""


def copy_repository(target: Path) -> None:
    """Everything that the tests and the operator need; byte code is made anew."""
    target.mkdir(parents=True, exist_ok=True)
    without = shutil.ignore_patterns("__pycache__")
    for name in COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=without, symlinks=True)
        elif source.exists():
            shutil.copy2(source, target / name)


def run_baseline(root: Path, mutants: Sequence[Mutant]) -> float:
    """Seconds that all the chosen tests take without a mutant; BaselineError unless they pass."""
    tests = sorted({test for mutant in mutants for test in mutant.caught_by})
    started = time.monotonic()
    code, output, _ = _run_tests(root, tests, limit_seconds=LIMIT_SECONDS * 3)
    if code != 0:
        raise BaselineError(output)
    return time.monotonic() - started


def judge(root: Path, mutant: Mutant) -> Verdict:
    """Apply the mutant to the copy, run its tests, and take it out again."""
    file = root / mutant.path
    original = file.read_text()
    started = time.monotonic()
    try:
        _write(file, mutant.applied_to(original))
        code, output, failures = _run_tests(root, mutant.caught_by, limit_seconds=LIMIT_SECONDS)
    except PatchError as error:
        return Verdict((), 0.0, str(error))
    finally:
        _write(file, original)
    witnesses, said = verdict_of(code, output, failures)
    return Verdict(witnesses, time.monotonic() - started, said)


def verdict_of(
    code: int | None, output: str, failures: Sequence[dict[str, Any]]
) -> tuple[tuple[str, ...], str]:
    """The witnesses and the first one's words; none without an assertion that failed."""
    if code is None:
        return (), f"the tests hang for {LIMIT_SECONDS:g} s"
    if code != TESTS_FAILED:
        last = output.strip().splitlines()[-1:] or ["nothing"]
        return (), f"pytest ended with {code}: {last[0]}"
    asserted = [failure for failure in failures if failure["asserted"]]
    if not asserted:
        return (), f"no assertion failed, but: {failures[0]['said'] if failures else output[-200:]}"
    return tuple(str(failure["test"]) for failure in asserted), str(asserted[0]["said"])


def _run_tests(
    root: Path, tests: Sequence[str], *, limit_seconds: float
) -> tuple[int | None, str, list[dict[str, Any]]]:
    """pytest's exit status (None: it hung), what it printed, and the failures."""
    record = root / "witnesses.jsonl"
    record.unlink(missing_ok=True)
    # Always the same order and examples: the same mutant is caught by the same tests.
    options = ["-q", "--no-header", "-p", "no:randomly", "-p", "no:cacheprovider"]
    options += ["-p", "tests.mutants.witness", f"--witnesses={record}", "--hypothesis-seed=0"]
    options += ["--hypothesis-profile=unshrunk"]
    environment = {name: value for name, value in os.environ.items() if name[:4] != "DSO_"}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *tests],
            cwd=root, env=environment, capture_output=True, text=True, check=False,
            timeout=limit_seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None, "", []
    lines = record.read_text().splitlines() if record.exists() else []
    return ended.returncode, ended.stdout + ended.stderr, [json.loads(line) for line in lines]


def _write(file: Path, text: str) -> None:
    """Write a source file so that no byte code of the text before stays in use."""
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        # Python compares whole seconds and sizes: too coarse for two texts within one second.
        compiled.unlink()
    file.write_text(text)
