"""Named set-up steps: each says what it does when it starts and how long it took."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dev import debian

LOCKED = (
    "is not open to this user: run the same command with sudo -E, or as root,"
    " or set DSO_CACHE and DSO_STATE to folders of your own"
)


class StepError(Exception):
    """A step that cannot go on; its text is one sentence with the remedy."""


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Print the step's name before it runs and its elapsed time after it."""
    print(f"==> {name}", flush=True)
    started = time.monotonic()
    try:
        yield
    except BaseException:
        print(f"    failed after {elapsed(started)}", flush=True)
        raise
    print(f"    done in {elapsed(started)}", flush=True)


def elapsed(started: float) -> str:
    """Time since `started` (time.monotonic) in words a person reads: 0.4s, 12s, 4m58s."""
    seconds = time.monotonic() - started
    if seconds < 10:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


_KEPT: list[int] = []


@contextlib.contextmanager
def kept(descriptor: int) -> Iterator[None]:
    """Let every command that is run meanwhile have a descriptor too, and with it the lock that it holds.

    A command that outlives this process, which may be killed, keeps others out until it ends itself.
    """
    _KEPT.append(descriptor)
    try:
        yield
    finally:
        _KEPT.remove(descriptor)


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    log: Path | None = None,
) -> str:
    """Run a command, return its output, and raise StepError with its last lines when it fails.

    `env` is added to the environment. With `log` the whole output is appended to that file.
    """
    words = [str(word) for word in argv]
    try:
        result = subprocess.run(
            words,
            cwd=cwd,
            env=environment(env or {}),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            pass_fds=_KEPT,
        )
    except FileNotFoundError as error:
        if error.filename != words[0]:
            raise
        raise StepError(f"{words[0]} is missing: {debian.remedy(words[0])}") from None
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as file:
            file.write(f"$ {' '.join(words)}\n{result.stdout}\n")
    if result.returncode != 0:
        tail = "\n".join(result.stdout.splitlines()[-15:])
        raise StepError(f"`{' '.join(words)}` ended with exit code {result.returncode}:\n{tail}")
    return result.stdout


def environment(added: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command: this process's own, and what is added to it."""
    return {**os.environ, "PATH": debian.search_path(), **added}


def main(entry: object) -> None:
    """Run `entry()` as a program: a StepError is one sentence on stderr and exit code 1.

    So is a file that this user has no way to; what even root may not do keeps its trace.
    """
    try:
        code = entry()  # type: ignore[operator]
    except StepError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except PermissionError as error:
        if error.filename is None or os.geteuid() == 0:
            raise
        print(f"error: {error.filename} {LOCKED}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("interrupted; run the same command again to carry on", file=sys.stderr)
        raise SystemExit(130) from None
    raise SystemExit(code or 0)
