"""Folders of clusters that live as long as the process that made them, and what killed ones have left.

The owner holds a lock on a file in its folder, which no program of the cluster gets. So a folder whose lock is free has lost
its owner, and its programs, which outlive whoever started them, run for nobody. A folder without such a file is not looked at.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from dev.cluster import daemons

PREFIX = "control-plane-"
LOCK = "owner.lock"


def make() -> tuple[Path, int]:
    """A new folder, and the lock that its owner holds until it is removed."""
    root = Path(tempfile.mkdtemp(prefix=PREFIX))
    # Between its making and its locking the file has another name: under this one it is never free by chance.
    unlocked = root / f"{LOCK}.new"
    held = os.open(unlocked, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    unlocked.rename(root / LOCK)
    return root, held


def sweep() -> list[Path]:
    """End the programs of folders that have lost their owner, and remove these."""
    return [root for root in folders() if remove_if_abandoned(root)]


def folders() -> list[Path]:
    """Those of this user that have a lock."""
    found = Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{LOCK}")
    return sorted(file.parent for file in found if file.parent.stat().st_uid == os.geteuid())


def remove_if_abandoned(root: Path) -> bool:
    """Whether a folder had no owner and is gone."""
    try:
        lock = os.open(root / LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove(root)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def remove(root: Path) -> None:
    """End every process of a folder's cluster and remove it, from whatever state."""
    daemons.stop(daemons.running(root), grace_seconds=0)
    shutil.rmtree(root, ignore_errors=True)
