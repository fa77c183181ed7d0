"""The cluster's programs as processes that outlive the command that started them.

A process is known by marks in its environment, read from /proc: no pid file can be stale, and none can be missing
because somebody was interrupted between starting a process and writing one.
"""

import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from dev import steps

CLUSTER = "DSO_CLUSTER"
DAEMON = "DSO_DAEMON"
REVISION = "DSO_REVISION"

ENVIRONMENT = {
    "HOME": "/root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}
"""All that a daemon sees beside its marks: it runs the same whoever starts it."""

STARTERS = ("setsid", "nsenter")
"""What a daemon's process executes for an instant before it becomes the daemon."""

POLL_SECONDS = 0.05

EXECUTED_SECONDS = 1
"""How long a daemon may take to be executed; one that has ended by then is told from its log."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A program to run: its command line, and the configuration files that it reads when it starts."""

    name: str
    argv: tuple[str, ...]
    configuration: tuple[Path, ...] = ()
    network_namespace: Path | None = None

    @property
    def revision(self) -> str:
        """A hash of everything that a start decides; a process with another one is out of date."""
        total = hashlib.sha256("\0".join(self.argv).encode())
        for file in self.configuration:
            total.update(file.read_bytes())
        return total.hexdigest()[:16]

    def inside(self, network_namespace: Path) -> "Daemon":
        """The same daemon in a network namespace."""
        return replace(self, network_namespace=network_namespace)


@dataclass(frozen=True, slots=True)
class Process:
    """A process of a cluster that runs now."""

    pid: int
    program: str
    """The base name of what it executes: a daemon's children carry its marks and other programs' names."""
    marks: dict[str, str]

    def runs(self, daemon: Daemon) -> bool:
        """Whether this is the daemon's own process, up to date or not."""
        programs = {Path(daemon.argv[0]).name, *STARTERS}
        return self.marks.get(DAEMON) == daemon.name and self.program in programs


def running(root: Path) -> list[Process]:
    """Every process that the cluster in `root` started, and those that these started."""
    found = (
        read_process(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()
    )
    return [one for one in found if one and one.marks.get(CLUSTER) == str(root)]


def read_process(pid: int) -> Process | None:
    """A process as /proc shows it; None when it is gone, a zombie, or not ours to read."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        if f"{CLUSTER}=".encode() not in environment:
            return None
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    return Process(pid, Path(os.fsdecode(argv[0])).name, parse_marks(environment))


def parse_marks(environment: bytes) -> dict[str, str]:
    """Our marks in the environment block of a process."""
    pairs = (os.fsdecode(entry).partition("=") for entry in environment.split(b"\0") if entry)
    return {name: value for name, _, value in pairs if name in {CLUSTER, DAEMON, REVISION}}


def ensure(root: Path, daemon: Daemon, log: Path) -> bool:
    """Start a daemon unless it runs as it should; true when it was started."""
    revision = daemon.revision
    own = [process for process in running(root) if process.runs(daemon)]
    if len(own) == 1 and own[0].marks.get(REVISION) == revision:
        return False
    stop(own)
    start(root, daemon, log)
    return True


def start(root: Path, daemon: Daemon, log: Path) -> None:
    """Start a daemon in a session of its own, its output added to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    words = ["setsid", "--fork"]
    if daemon.network_namespace is not None:
        words += ["nsenter", f"--net={daemon.network_namespace}", "--"]
    marks = {CLUSTER: str(root), DAEMON: daemon.name, REVISION: daemon.revision}

    def has_begun(process: Process) -> bool:
        return process.runs(daemon) and process.program not in STARTERS

    with log.open("ab") as output:
        subprocess.run(
            [*words, *daemon.argv],
            check=True,
            cwd="/",
            env={**ENVIRONMENT, **marks},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    # While a program takes another's place /proc shows neither: it would pass for ended.
    wait_until(lambda: any(map(has_begun, running(root))), EXECUTED_SECONDS)


def stop(processes: Iterable[Process], *, grace_seconds: float = 10) -> None:
    """End processes: a request first, and force after the grace time."""
    pids = [process.pid for process in processes]
    send(pids, signal.SIGTERM if grace_seconds else signal.SIGKILL)
    if not wait_until(lambda: not any(map(alive, pids)), grace_seconds):
        send(pids, signal.SIGKILL)
        if not wait_until(lambda: not any(map(alive, pids)), 10):
            raise steps.StepError(f"processes {pids} do not end, not even by force; see `ps`")


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each process that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def alive(pid: int) -> bool:
    """Whether a process still runs; one that only waits to be collected does not.

    Its first thread may have ended before the others: as long as there is one, its files and ports are open.
    """
    place = Path("/proc") / str(pid)
    try:
        status = (place / "stat").read_text()
        threads = len(list((place / "task").iterdir()))
    except OSError:
        return False
    return threads > 1 or status.rpartition(")")[2].split()[0] not in {"Z", "X"}


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll a condition until it holds or the time is over; whether it held."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def wait_ready(
    root: Path, daemon: Daemon, log: Path, *, ready: Callable[[], bool], seconds: float
) -> None:
    """Wait until a daemon is ready; StepError with its last words when it ends or takes too long."""
    ended = False

    def settled() -> bool:
        nonlocal ended
        if ready():
            return True
        ended = not any(process.runs(daemon) for process in running(root))
        return ended

    if not wait_until(settled, seconds):
        raise steps.StepError(
            f"{daemon.name} was not ready after {seconds:g}s; see {log}:\n{tail(log)}"
        )
    if ended and not ready():
        raise steps.StepError(f"{daemon.name} ended while it started; see {log}:\n{tail(log)}")


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
