"""A worker's program: `python3 -m deepseek_serving.ranks.follow --leader NAME --index N --port P --patience S`.

It calls its leader, waits to be handed the arguments of Open MPI's daemon, checks them, and runs the daemon. It listens on no
port, and ends with the daemon, or with the leader: then the group is made anew.
"""

import argparse
import contextlib
import math
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from deepseek_serving.engine.rendezvous import keep_alive
from deepseek_serving.ranks import daemon
from deepseek_serving.ranks.lead import (
    KILL_SECONDS,
    POLL_SECONDS,
    SAY_SECONDS,
    TERMINATED,
    daemons_environment,
    say,
)
from deepseek_serving.ranks.lines import EndedError, Line

LOST_SECONDS = 5.0
"""How long a daemon may take to see by itself that its leader is gone."""


class StopError(Exception):
    """The worker is to end; the text says why."""


@dataclass(slots=True)
class Worker:
    """One pod that computes."""

    address: tuple[str, int]
    index: int
    patience: float
    is_told_to_stop: bool = False

    def run(self) -> int:
        """Follow a leader to the end of it."""
        signal.signal(signal.SIGTERM, self._stop)
        until = time.monotonic() + self.patience
        try:
            line, arguments = self._called(until)
        except StopError as why:
            say(f"{why}")
            return TERMINATED if self.is_told_to_stop else 1
        try:
            return self._obey(line, arguments)
        finally:
            line.close()

    def _stop(self, *_: object) -> None:
        """Of SIGTERM."""
        self.is_told_to_stop = True

    def _called(self, until: float) -> tuple[Line, list[object]]:
        """The leader, and what it hands over, however often it has to be called."""
        said = -math.inf
        while True:
            now = time.monotonic()
            if self.is_told_to_stop:
                raise StopError("told to stop")
            if now >= until:
                raise StopError(
                    f"the leader at {self.address[0]} did not start the ranks within {self.patience:g} s"
                )
            if now - said >= SAY_SECONDS:
                say(f"waiting for the leader at {self.address[0]}:{self.address[1]}")
                said = now
            with contextlib.suppress(OSError, EndedError):
                return self._call(until)
            time.sleep(POLL_SECONDS)

    def _call(self, until: float) -> tuple[Line, list[object]]:
        """Call once; EndedError where the leader goes before it has handed anything over."""
        connection = socket.create_connection(self.address, timeout=5)
        keep_alive(connection)
        line = Line(connection)
        try:
            line.say(index=self.index)
            return line, self._handed(line, until)
        except BaseException:
            line.close()
            raise

    def _handed(self, line: Line, until: float) -> list[object]:
        while time.monotonic() < until and not self.is_told_to_stop:
            if not select.select([line], [], [], POLL_SECONDS)[0]:
                continue
            for said in line.hear():
                if isinstance(said.get("run"), list):
                    return list(said["run"])
        raise EndedError("it handed over nothing")

    def _obey(self, leader: Line, arguments: Sequence[object]) -> int:
        try:
            checked = daemon.without_loopback(daemon.checked(arguments))
        except daemon.RefusedError as error:
            say(f"refused: {error}")
            with contextlib.suppress(EndedError):
                leader.say(refused=f"{error}", ended=1)
            return 1
        say(f"{daemon.PROGRAM} {' '.join(checked)}")
        try:
            process = subprocess.Popen(
                [daemon.PROGRAM, *checked], env=_environment(), stdin=subprocess.DEVNULL
            )
        except OSError as error:
            said = (
                f"cannot start {daemon.PROGRAM}: {error.strerror}: the image has no Open MPI of 4.1"
            )
            say(said)
            with contextlib.suppress(EndedError):
                leader.say(refused=said, ended=127)
            return 127
        code = self._watch(process, leader)
        say(f"{daemon.PROGRAM} ended with {code}")
        with contextlib.suppress(EndedError):
            leader.say(ended=code)
        return code

    def _watch(self, process: subprocess.Popen[bytes], leader: Line) -> int:
        """How the daemon ended: nothing of a group that serves ends by itself, so only who is told to stop ends well."""
        ends_at, is_there = math.inf, True
        while process.poll() is None:
            if is_there and not _is_there(leader):
                is_there, ends_at = False, time.monotonic() + LOST_SECONDS
                say(f"the leader at {self.address[0]} went")
            elif not is_there:
                time.sleep(POLL_SECONDS)
            if self.is_told_to_stop or time.monotonic() >= ends_at:
                _end(process)
        code = process.wait()
        code = code if code >= 0 else 128 - code
        return code if self.is_told_to_stop else code or 1


def _is_there(leader: Line) -> bool:
    """Look for so long, or until something is heard: a leader has no more to say than that it goes."""
    if not select.select([leader], [], [], POLL_SECONDS)[0]:
        return True
    try:
        leader.hear()
    except EndedError:
        return False
    return True


def _environment() -> dict[str, str]:
    # The daemon looks for an agent that it could start others with, and is never asked to.
    return {**daemons_environment(), "OMPI_MCA_plm_rsh_agent": "false"}


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(KILL_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def main(arguments: Sequence[str] | None = None) -> int:
    """Follow as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--leader", required=True, help="address of the pod of index 0")
    parser.add_argument("--index", type=int, required=True, help="of this pod")
    parser.add_argument("--port", type=int, required=True, help="where the leader listens")
    parser.add_argument(
        "--patience", type=float, required=True, help="seconds for the leader to start the ranks"
    )
    options = parser.parse_args(arguments)
    worker = Worker((options.leader, options.port), options.index, options.patience)
    return worker.run()


if __name__ == "__main__":
    sys.exit(main())
