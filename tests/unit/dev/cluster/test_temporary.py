"""What killed processes left of their control planes is ended and removed, and nothing else."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster import daemons, temporary
from dev.cluster.daemons import Daemon
from dev.paths import REPOSITORY

OWNER = """
import time
from dev.cluster import temporary
print(temporary.make()[0], flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary ones is the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def owner(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process, which makes a folder and says where."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def started(root: Path) -> list[int]:
    """A program that outlives whoever started it."""
    daemons.start(root, Daemon("etcd", ("sleep", "60")), root / "logs" / "etcd.log")
    return [one.pid for one in daemons.running(root)]


def test_what_a_killed_owner_left_is_ended_and_removed(owner: "subprocess.Popen[str]") -> None:
    assert owner.stdout is not None
    root = Path(owner.stdout.readline().strip())
    pids = started(root)
    assert temporary.sweep() == []
    assert all(map(daemons.alive, pids))

    owner.kill()
    owner.wait()

    assert temporary.sweep() == [root]
    assert pids
    assert not any(map(daemons.alive, pids))
    assert not root.exists()


def test_a_folder_whose_owner_lives_stays_with_its_programs() -> None:
    root, lock = temporary.make()
    pids = started(root)

    assert temporary.sweep() == []

    assert [one.pid for one in daemons.running(root)] == pids
    os.close(lock)
    assert temporary.sweep() == [root]


@pytest.mark.parametrize("names", [[], [f"{temporary.LOCK}.new"]], ids=["no-lock", "unlocked-yet"])
def test_a_folder_of_which_it_is_not_known_stays(names: list[str], own_folder: Path) -> None:
    root = own_folder / f"{temporary.PREFIX}abc"
    root.mkdir()
    for name in names:
        (root / name).touch()

    assert temporary.sweep() == []

    assert root.exists()
