"""What several set-ups share: one makes it, nothing is seen before it is whole, what killed ones left goes."""

import subprocess
import sys
from pathlib import Path

from dev import shared
from dev.cluster.daemons import wait_until
from dev.paths import REPOSITORY

WORK = """
import sys, time
from pathlib import Path
from dev import shared
place = Path(sys.argv[1])
with shared.unfinished(place.parent) as folder:
    (folder / "begun").touch()
    print("begun", flush=True)
    sys.stdin.read()
"""


def worker(place: Path) -> "subprocess.Popen[str]":
    """A process that has begun to make something."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, str(place)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def test_an_unfinished_folder_is_beside_and_goes_when_it_is_done(tmp_path: Path) -> None:
    with shared.unfinished(tmp_path) as folder:
        (folder / "made").write_text("x")
        assert folder.parent == tmp_path
        (folder / "made").rename(tmp_path / "place")

    assert not folder.exists()
    assert (tmp_path / "place").read_text() == "x"


def test_the_folder_of_a_process_that_works_stays_and_that_of_a_killed_one_goes(
    tmp_path: Path,
) -> None:
    killed, working = worker(tmp_path / "place"), worker(tmp_path / "place")
    folders = set(tmp_path.glob(".building-*/"))
    assert len(folders) == 2
    killed.kill()
    killed.communicate()

    with shared.unfinished(tmp_path) as own:
        now = set(tmp_path.glob(".building-*/"))

    assert len(now - folders) == 1
    assert own in now
    assert len(now & folders) == 1
    assert (next(iter(now & folders)) / "begun").exists()
    working.communicate()
    assert list(tmp_path.glob(".building-*/")) == []


HOLD = """
import sys
from pathlib import Path
from dev import shared
with shared.alone(Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.read()
"""


def holder(place: Path) -> "subprocess.Popen[str]":
    """A process that wants to be alone."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_one_makes_a_place_while_the_others_wait_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    first = holder(tmp_path / "place")
    assert first.stdout is not None
    assert first.stdout.readline() == "in\n"
    second = holder(tmp_path / "place")
    assert second.stderr is not None
    assert "waiting for another set-up" in second.stderr.readline()
    other = holder(tmp_path / "other")
    assert other.communicate()[0] == "in\n"

    assert second.poll() is None
    first.kill()

    assert second.stdout is not None
    assert second.stdout.readline() == "in\n"
    second.communicate()
    first.communicate()
    assert wait_until(lambda: second.returncode == 0, 5)
