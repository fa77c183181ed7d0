"""What several set-ups on one machine share: one makes a thing, the others wait; nothing appears before it is whole."""

import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dev import mounts, steps

PREFIX = ".building-"


@contextlib.contextmanager
def lock(file: Path) -> Iterator[None]:
    """Let one process at a time in; the commands that it runs keep the lock when it is killed before they end."""
    with opened(file) as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"    waiting for another set-up ({file})", file=sys.stderr, flush=True)
            fcntl.flock(held, fcntl.LOCK_EX)
        with steps.kept(held):
            yield


@contextlib.contextmanager
def opened(file: Path) -> Iterator[int]:
    """A file to lock; StepError with the remedy where this user may not write."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        held = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError:
        raise steps.StepError(
            f"{file.parent} cannot be written: run this as root, or set DSO_CACHE to a folder of"
            " your own"
        ) from None
    try:
        yield held
    finally:
        os.close(held)


@contextlib.contextmanager
def alone(place: Path) -> Iterator[None]:
    """Let one process at a time make `place`; look then whether another one has made it meanwhile."""
    with lock(place.with_name(f".{place.name}.lock")):
        yield


@contextlib.contextmanager
def unfinished(parent: Path) -> Iterator[Path]:
    """A new folder in `parent` to make something in, and to rename it from when it is whole.

    It is removed afterwards; those that killed processes left are removed before, once no command of theirs runs.
    """
    # Between its making and its locking a folder looks abandoned.
    with opened(parent / f"{PREFIX}lock") as making:
        fcntl.flock(making, fcntl.LOCK_EX)
        sweep(parent)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        held = os.open(folder, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        with steps.kept(held):
            yield folder
    finally:
        remove(folder)
        os.close(held)


def sweep(parent: Path) -> None:
    """Remove the unfinished folders that no living process works in."""
    for folder in parent.glob(f"{PREFIX}*/"):
        try:
            held = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(folder)
        except BlockingIOError:
            continue
        finally:
            os.close(held)


def remove(folder: Path) -> None:
    """Remove a folder, and nothing of what a killed program left mounted in it: a mount that stays keeps the folder."""
    place = folder.resolve()
    for point in reversed(mounts.below(place)):
        with contextlib.suppress(steps.StepError):
            steps.run(["umount", "--lazy", point])
    if not mounts.below(place):
        shutil.rmtree(folder, ignore_errors=True)
