"""Pods of one replica, as threads with real connections, wait for each other."""

import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from deepseek_serving.engine import rendezvous
from deepseek_serving.engine.rendezvous import GO, Gathering

ADDRESS = "127.0.0.1"
DEADLINE = 10.0


class Room:
    """A leader's server and who calls it; all of it is closed in the end."""

    def __init__(self) -> None:
        self.server = socket.create_server((ADDRESS, 0))
        self.address: tuple[str, int] = self.server.getsockname()[:2]
        self._open: list[socket.socket | Gathering] = [self.server]

    def worker(self, said: bytes) -> socket.socket:
        made = socket.create_connection(self.address, timeout=DEADLINE)
        made.sendall(said)
        self._open.append(made)
        return made

    def gathered(self, *said: bytes, size: int = 3) -> tuple[Gathering, list[socket.socket]]:
        """A leader that has heard so many."""
        gathering, made = Gathering(self.server, size=size), []
        self._open.append(gathering)
        for one in said:
            made.append(self.worker(one))
            gathering.look(DEADLINE)
        return gathering, made

    def accept(self) -> socket.socket:
        made, _ = self.server.accept()
        self._open.append(made)
        return made

    def close(self) -> None:
        for one in self._open:
            one.close()


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.close()


def silent(_: str) -> None:
    """Nobody listens."""


def in_thread(run: object, *words: object, **more: object) -> threading.Thread:
    thread = threading.Thread(target=run, args=words, kwargs=more, daemon=True)  # type: ignore[arg-type]
    thread.start()
    return thread


def test_all_go_on_once_all_are_there(room: Room) -> None:
    address = room.address
    pods = [in_thread(rendezvous.lead, room.server, size=3, say=silent)]
    pods += [in_thread(rendezvous.follow, address, index=index, say=silent) for index in (1, 2)]

    for pod in pods:
        pod.join(DEADLINE)

    assert not any(pod.is_alive() for pod in pods)


def test_workers_may_come_before_their_leader() -> None:
    with socket.create_server((ADDRESS, 0)) as taken:
        address = taken.getsockname()[:2]
    asked = threading.Event()
    pod = in_thread(rendezvous.follow, address, index=1, say=silent, pause=lambda _: asked.set())
    assert asked.wait(DEADLINE)

    with socket.create_server(address) as server:
        rendezvous.lead(server, size=2, say=silent)
    pod.join(DEADLINE)

    assert not pod.is_alive()


def test_one_that_is_missing_holds_all(room: Room) -> None:
    gathering, [first] = room.gathered(b"1\n")

    assert gathering.missing == [2]
    assert not gathering.release()
    first.setblocking(False)  # noqa: FBT003 - the name of the parameter is not known
    with pytest.raises(BlockingIOError):
        first.recv(1)


def test_one_that_went_is_waited_for_again(room: Room) -> None:
    gathering, [first, _] = room.gathered(b"1\n", b"2\n")
    assert gathering.missing == []

    first.close()
    gathering.look(DEADLINE)

    assert gathering.missing == [1]
    assert not gathering.release()


def test_one_that_comes_again_is_there_once(room: Room) -> None:
    gathering, [before, after] = room.gathered(b"1\n", b"1\n", size=2)

    assert gathering.release()
    assert before.recv(len(GO)) == b""
    assert after.recv(len(GO)) == GO


def test_one_that_cannot_be_told_is_waited_for_again(room: Room) -> None:
    gathering, [one] = room.gathered(b"1\n", size=2)
    # A reset: what is sent to it then fails at once.
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()

    assert not gathering.release()
    assert gathering.missing == [1]


@pytest.mark.parametrize("said", [b"0\n", b"3\n", b"-1\n", b"hello\n", b"GET / HTTP/1.1\r\n"])
def test_whoever_else_calls_is_sent_away(room: Room, said: bytes) -> None:
    gathering, [stranger] = room.gathered(said)

    assert stranger.recv(1) == b""
    assert gathering.missing == [1, 2]


def test_a_leader_that_goes_is_asked_again(room: Room) -> None:
    pauses: list[float] = []
    pod = in_thread(
        rendezvous.follow,
        room.address,
        index=1,
        say=silent,
        pause=pauses.append,
    )
    first = room.accept()
    first.recv(16)
    first.close()
    second = room.accept()
    assert second.recv(16) == b"1\n"
    second.sendall(GO)
    pod.join(DEADLINE)

    assert not pod.is_alive()
    assert pauses == [rendezvous.POLL_SECONDS]


def test_what_is_waited_for_is_said(room: Room) -> None:
    said: list[str] = []
    pod = in_thread(rendezvous.lead, room.server, size=3, say=said.append)
    one, two = room.worker(b"2\n"), room.worker(b"1\n")
    assert (one.recv(len(GO)), two.recv(len(GO))) == (GO, GO)
    pod.join(DEADLINE)

    assert said == ["waiting for 1, 2 of 2 workers"]


def test_as_programs_they_find_each_other() -> None:
    with socket.create_server((ADDRESS, 0)) as taken:
        port = taken.getsockname()[1]

    def start(index: int) -> subprocess.Popen[str]:
        words = ["--leader=localhost", f"--index={index}", "--size=2", f"--port={port}"]
        command = [sys.executable, "-m", "deepseek_serving.engine.rendezvous", *words]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": "serving"}
        )

    pods = [start(0), start(1)]
    ends = [pod.communicate(timeout=DEADLINE)[0].splitlines()[-1] for pod in pods]

    assert [pod.returncode for pod in pods] == [0, 0]
    assert set(ends) == {"all 2 pods of the replica are there"}
