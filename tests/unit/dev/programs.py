"""Fake programs on the PATH, for what starts programs of others."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

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
