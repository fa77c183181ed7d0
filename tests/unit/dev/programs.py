"""Fake programs on the PATH, for what starts programs of others."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.paths import REPOSITORY

FAKE = """\
#!/bin/sh
# A fake {name}: writes down what it is asked, and answers as it is told.
echo "$*" >> {folder}/{name}.asked
case "$*" in
{answers}
esac
"""


def fake_program(
    folder: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    answers: dict[str, str] | None = None,
) -> Callable[[], list[str]]:
    """Put a fake program first on the PATH; `answers` is shell by a pattern of its arguments. Returns what it was asked."""
    cases = "\n".join(f"{pattern}) {shell};;" for pattern, shell in (answers or {}).items())
    program, asked = folder / name, folder / f"{name}.asked"
    program.write_text(FAKE.format(name=name, folder=folder, answers=cases))
    program.chmod(0o755)
    if str(folder) not in os.environ["PATH"].split(os.pathsep):
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return lambda: asked.read_text().splitlines() if asked.exists() else []


LEAVE_ROOT = """\
import os
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(54321), os.setuid(54321)
"""


def run_without_root(
    imports: str, code: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run Python as a user who is not root, and who may see neither this interpreter nor these sources any more."""
    return subprocess.run(
        [sys.executable, "-c", f"{imports}\n{LEAVE_ROOT}{code}"],
        cwd=REPOSITORY,
        env={"PATH": "/nowhere", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
