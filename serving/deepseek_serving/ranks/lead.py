"""The leader's program: `python3 -m deepseek_serving.ranks.lead --size N --ranks N --port P ... -- SERVER...`.

It waits until every worker has called, starts the ranks of all pods with mpirun, and serves with the command that is
given. It is the container's first process: whatever of this ends, it ends all the rest and says what it was, and the group
is made anew. SIGTERM goes to the server alone, which finishes the answers it has.
"""

import argparse
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from deepseek_serving.engine.rendezvous import listen
from deepseek_serving.ranks import agent, rank, served
from deepseek_serving.ranks.group import Group

POLL_SECONDS = 0.5
SAY_SECONDS = 30.0
END_SECONDS = 10.0
"""How long mpirun may take to end by itself, once it has to."""
KILL_SECONDS = 10.0
TERMINATED = 128 + signal.SIGTERM

KEEPALIVE = {"time": 30, "intvl": 10, "probes": 3}
"""A host that is gone closes no connection: Open MPI's own would take eight minutes to find out."""


def say(text: str) -> None:
    """A line of the container's log."""
    print(f"ranks: {text}", flush=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be started."""

    size: int
    """Pods."""
    ranks: int
    """Of each pod."""
    through: str
    """What each rank runs: the engine's own launcher, which serves on rank 0."""
    patience: float
    """How long workers may take to call; seconds."""
    command: tuple[str, ...]
    """Of the server."""


@dataclass(slots=True)
class Launch:
    """One start of all ranks, until they end."""

    asked: Asked
    group: Group
    folder: Path
    mpirun: subprocess.Popen[bytes] | None = None
    is_told_to_stop: bool = False
    _ends_at: float = field(default=math.inf)
    _why: str = ""

    def run(self) -> int:
        """Start everything, and return how it ended."""
        signal.signal(signal.SIGTERM, self._stop)
        if not self._gather():
            return TERMINATED if self.is_told_to_stop else 1
        served.keep(self.folder, served.COMMAND, json.dumps(self.asked.command))
        command = command_of(self.asked, self.folder)
        say(f"all {self.asked.size} pods are there; {' '.join(command)}")
        self.group.begin()
        try:
            self.mpirun = subprocess.Popen(
                command, env=environment(self.folder), stdin=subprocess.DEVNULL
            )
        except OSError as error:
            say(f"cannot start {command[0]}: {error.strerror}: the image has no Open MPI of 4.1")
            return 127
        return self._watch(self.mpirun)

    def _stop(self, *_: object) -> None:
        """Of SIGTERM."""
        self.is_told_to_stop = True
        server = served.read_number(self.folder, served.PROCESS)
        if server is not None:
            with suppress(ProcessLookupError):
                os.kill(server, signal.SIGTERM)
        elif self.mpirun is not None:
            self.mpirun.terminate()

    def _gather(self) -> bool:
        """Wait until every worker has called; False where that takes too long, or is not wanted any more."""
        until, said = time.monotonic() + self.asked.patience, -math.inf
        while self.group.missing and not self.is_told_to_stop:
            now = time.monotonic()
            if now >= until:
                say(f"{_named(self.group.missing)} did not come within {self.asked.patience:g} s")
                return False
            if now - said >= SAY_SECONDS:
                say(f"waiting for {_named(self.group.missing)} of {self.asked.size - 1}")
                said = now
            self.group.look(POLL_SECONDS)
        return not self.is_told_to_stop

    def _watch(self, mpirun: subprocess.Popen[bytes]) -> int:
        while mpirun.poll() is None:
            self.group.look(POLL_SECONDS)
            if not self._why and (why := self._ended()):
                self._why, self._ends_at = why, time.monotonic() + END_SECONDS
                say(f"{why}: all ranks end")
            if time.monotonic() >= self._ends_at:
                _end(mpirun)
        return self._code(mpirun.wait())

    def _ended(self) -> str:
        """Why everything has to end; empty where nothing did."""
        code = served.read_number(self.folder, served.END)
        if code is not None:
            return f"the server ended with {code}"
        return f"{_named(self.group.lost)} went" if self.group.lost else ""

    def _code(self, of_mpirun: int) -> int:
        """Nothing that serves ends by itself: only who was told to stop may end well."""
        code = served.read_number(self.folder, served.END)
        found = of_mpirun if code is None else code
        found = found if found >= 0 else 128 - found
        if not self.is_told_to_stop:
            say(f"mpirun ended with {of_mpirun}")
            return found or 1
        return found


def command_of(asked: Asked, folder: Path) -> list[str]:
    """Of mpirun. The first pod of the list is the leader's own, so rank 0 is there, where it serves."""
    hosts = ["localhost", *(agent.host_of(index) for index in range(1, asked.size))]
    return [
        "mpirun",
        "--host",
        ",".join(f"{host}:{asked.ranks}" for host in hosts),
        "-n",
        f"{asked.size * asked.ranks}",
        "--map-by",
        "slot",
        # Each has threads of its own, and the engine knows which cores are near which GPU.
        "--bind-to",
        "none",
        # All ranks log here.
        "--tag-output",
        *_python(rank.__name__),
        asked.through,
        *_python(served.__name__),
        f"{folder}",
    ]


def environment(folder: Path) -> dict[str, str]:
    """Of mpirun: ours comes last. The platform's own OMPI_MCA_* are in each pod, and need not be handed on."""
    settings = {
        "plm": "rsh",
        "plm_rsh_agent": " ".join(_python(agent.__name__)),
        # Each daemon is asked for by mpirun itself, and stays where it was started, so that its end is seen.
        "plm_rsh_no_tree_spawn": "1",
        "plm_rsh_pass_environ_mca_params": "0",
        "orte_leave_session_attached": "1",
    }
    return {
        **daemons_environment(),
        **{f"OMPI_MCA_{name}": value for name, value in settings.items()},
        agent.SOCKET_VARIABLE: f"{folder / 'socket'}",
    }


def daemons_environment() -> dict[str, str]:
    """Of a daemon, and of mpirun, which is one: over what it calls the others, and how soon it misses them."""
    usual = {f"OMPI_MCA_oob_tcp_keepalive_{name}": f"{value}" for name, value in KEEPALIVE.items()}
    interface = rank.own_interface(os.environ)
    if interface is not None:
        usual[rank.INTERFACES_OF_DAEMONS] = interface
    # mpirun asks for the user's shell, and no image has an entry for ours.
    return {"SHELL": "/bin/bash", **usual, **os.environ}


def _python(module: str) -> list[str]:
    return ["python3", "-m", module]


def _named(workers: Sequence[int]) -> str:
    word = "worker" if len(workers) == 1 else "workers"
    return f"{word} {', '.join(map(str, workers))}"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(KILL_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


@contextmanager
def _agents(folder: Path) -> Iterator[socket.socket]:
    """Where mpirun's agents call."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder / 'socket'}")
        server.listen()
        yield server


def main(arguments: Sequence[str] | None = None) -> int:
    """Lead as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--size", type=int, required=True, help="pods of the replica")
    parser.add_argument("--ranks", type=int, required=True, help="ranks of each pod")
    parser.add_argument("--port", type=int, required=True, help="where workers call")
    parser.add_argument("--through", required=True, help="what each rank runs")
    parser.add_argument("--patience", type=float, required=True, help="seconds for workers to call")
    parser.add_argument("command", nargs="+", help="the server, after --")
    options = parser.parse_args(arguments)
    asked = Asked(
        options.size, options.ranks, options.through, options.patience, tuple(options.command)
    )
    folder = Path(tempfile.mkdtemp(prefix="ranks-"))
    try:
        with listen(options.port) as server, _agents(folder) as agents:
            group = Group(server, agents, size=asked.size, say=say)
            try:
                return Launch(asked, group, folder).run()
            finally:
                group.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
