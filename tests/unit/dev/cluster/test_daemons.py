"""Daemons as processes: started, seen, ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster import daemons
from dev.cluster.daemons import Daemon

SLEEP = Daemon("sleeper", ("/bin/sleep", "60"))


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    daemons.stop(daemons.running(tmp_path), grace_seconds=0)


def test_a_daemon_is_seen_from_its_start_on(root: Path) -> None:
    daemons.start(root, SLEEP, root / "log")

    assert [one.program for one in daemons.running(root)] == ["sleep"]
    assert not daemons.ensure(root, SLEEP, root / "log")


def test_a_daemon_that_ends_at_once_is_started_none_the_less(root: Path) -> None:
    short = Daemon("short", ("/bin/echo", "last words"))

    daemons.start(root, short, root / "log")

    assert daemons.wait_until(lambda: daemons.running(root) == [], 10)
    assert daemons.tail(root / "log") == "last words"
