"""What several set-ups share: one makes it, nothing is seen before it is whole, what killed ones left goes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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


COMMAND = """
import sys
from pathlib import Path
from dev import shared, steps
place, working = map(Path, sys.argv[1:])
wait = f"while [ -e {working} ]; do sleep 0.05; done"
with shared.alone(place), shared.unfinished(place.parent) as folder:
    (folder / "begun").touch()
    steps.run(["sh", "-c", wait])
"""


@pytest.fixture
def orphaned(tmp_path: Path) -> Iterator[Path]:
    """A file, and a command that runs until it goes; what started the command was killed."""
    working = tmp_path / "working"
    working.touch()
    command = [sys.executable, "-c", COMMAND, str(tmp_path / "place"), str(working)]
    killed = subprocess.Popen(command, cwd=REPOSITORY)
    waiting = f"while [ -e {working} ]"
    assert wait_until(lambda: waiting in said_by_children(killed.pid), 20)
    killed.kill()
    killed.wait()
    yield working
    working.unlink(missing_ok=True)


def said_by_children(pid: int) -> str:
    """The command lines of a process's children."""
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return " ".join(Path(f"/proc/{child}/cmdline").read_text() for child in told)


def test_a_command_keeps_the_lock_of_what_was_killed_until_it_ends(
    orphaned: Path, tmp_path: Path
) -> None:
    with holder(tmp_path / "place") as after:
        assert after.stdin is not None
        assert after.stdout is not None
        assert after.stderr is not None
        after.stdin.close()

        assert "waiting for another set-up" in after.stderr.readline()
        assert after.poll() is None
        orphaned.unlink()

        assert after.stdout.read() == "in\n"


def test_the_folder_that_a_command_works_in_goes_only_once_it_has_ended(
    orphaned: Path, tmp_path: Path
) -> None:
    [left] = tmp_path.glob(".building-*/")

    with shared.unfinished(tmp_path):
        assert (left / "begun").exists()

    orphaned.unlink()

    def swept() -> bool:
        with shared.unfinished(tmp_path):
            return not left.exists()

    assert wait_until(swept, 20)


MOUNTED = """
import subprocess, sys
from pathlib import Path
from dev import shared
folder, precious = Path(sys.argv[1]), Path(sys.argv[2])
subprocess.run(["mount", "--bind", precious, folder / "in it"], check=True)
shared.remove(folder)
"""


def test_nothing_is_removed_of_what_is_mounted_in_a_folder(tmp_path: Path) -> None:
    apart = ["unshare", "--mount", "--propagation", "private"]
    if subprocess.run([*apart, "true"], check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    folder, precious = tmp_path / "left", tmp_path / "precious"
    (folder / "in it").mkdir(parents=True)
    precious.mkdir()
    (precious / "file").touch()

    command = [*apart, sys.executable, "-c", MOUNTED, str(folder), str(precious)]
    subprocess.run(command, cwd=REPOSITORY, check=True)

    assert (precious / "file").exists()
    assert not folder.exists()
