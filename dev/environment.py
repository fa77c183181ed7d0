"""Make .venv as uv.lock pins it: python3 -m dev.environment. Nothing is done when it is so already."""

import hashlib
import os
import sys
from pathlib import Path

from dev import packages, shared, steps
from dev.paths import CACHE, REPOSITORY

UV = "0.13.9"

VENV = REPOSITORY / ".venv"
STAMP = VENV / ".made-from"
"""Holds the digest of what the environment was made from, once it is complete."""

SOURCES = ("pyproject.toml", "uv.lock")


def digest() -> str:
    """What the environment depends on."""
    total = hashlib.sha256(f"{UV} {sys.version}".encode())
    for name in SOURCES:
        total.update((REPOSITORY / name).read_bytes())
    return total.hexdigest()


def is_current() -> bool:
    """Whether the environment was made from the present sources."""
    return STAMP.exists() and STAMP.read_text() == digest()


def make() -> None:
    """Install what the lock file pins, and only that."""
    uv = ensure_uv()
    with steps.step("Python environment as uv.lock pins it"):
        STAMP.unlink(missing_ok=True)
        # A variable of the caller's may name another environment; this one is the project's.
        environment = {"UV_PROJECT_ENVIRONMENT": str(VENV), "VIRTUAL_ENV": ""}
        command: list[str | Path] = [uv, "sync", "--frozen", "--quiet", "--python", sys.executable]
        steps.run(command, cwd=REPOSITORY, env=environment)
        STAMP.write_text(digest())


def ensure_uv() -> Path:
    """The installer, in the cache; two set-ups at once do not disturb each other."""
    uv = CACHE / "uv" / UV / "uv"
    if uv.exists():
        return uv
    with steps.step(f"install uv {UV}"):
        packages.install(["python3-venv"])
        with shared.unfinished(uv.parent) as home:
            steps.run([sys.executable, "-m", "venv", home])
            pip = ["pip", "install", "--quiet", "--disable-pip-version-check", f"uv=={UV}"]
            steps.run([home / "bin" / "python3", "-m", *pip])
            # One program that stands by itself: it appears whole or not at all.
            (home / "bin" / "uv").replace(uv)
    return uv


def program() -> int:
    """Make the environment unless it is there."""
    if os.environ.get("UV_OFFLINE"):
        raise steps.StepError("UV_OFFLINE is set and set-up downloads packages: unset it")
    if not is_current():
        make()
    return 0


if __name__ == "__main__":
    steps.main(program)
