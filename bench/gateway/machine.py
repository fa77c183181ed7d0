"""The cores, who runs on which, and what processes take of them."""

import contextlib
import http.client
import os
import resource
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.reconcile.processes import Usage, parse_usage
from dev.paths import REPOSITORY

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 10
START_SECONDS = 120


class NotAvailableError(Exception):
    """A proxy that cannot be had on this machine; the text says why."""


@dataclass(frozen=True, slots=True)
class Cores:
    """The proxy has one to itself; load and engines share the other."""

    proxy: int
    load: int


def cores() -> Cores:
    """Two of those that this process may use; the same one twice where there is one only."""
    usable = sorted(os.sched_getaffinity(0))
    return Cores(usable[0], usable[-1])


Words = Sequence[str | Path]
"""A command line."""


def pinned(core: int, words: Words) -> list[str]:
    """A command that stays on a core."""
    return ["taskset", "--cpu-list", str(core), *map(str, words)]


@contextlib.contextmanager
def started(
    words: Words, *, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process for as long as the context."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(map(str, words)),
            cwd=REPOSITORY,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    with ended(process):
        yield process


@contextlib.contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a process, at the latest by SIGKILL, when the context is left."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def wait_answer(
    port: int, body: bytes, processes: Sequence[subprocess.Popen[bytes]], log: Path
) -> None:
    """Until a chat completion is answered with 200; NotAvailableError with the log's end if it is not."""
    deadline = time.monotonic() + START_SECONDS
    while answer_code(port, body) != 200:
        has_ended = any(process.poll() is not None for process in processes)
        if has_ended or time.monotonic() > deadline:
            said = " ".join(log.read_text(errors="replace").split())[-300:]
            raise NotAvailableError(f"does not answer: {said or 'and says nothing'}")
        time.sleep(0.05)


def answer_code(port: int, body: bytes) -> int:
    """The status of one chat completion; 0 where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def tree(process: int) -> list[int]:
    """A process and all that it has started."""
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        children = [int(one) for task in tasks for one in (task / "children").read_text().split()]
    except OSError:
        return []
    return [process, *(one for child in children for one in tree(child))]


def usage(processes: Sequence[int]) -> Usage:
    """CPU time and memory of these and of what they started, together."""
    found = []
    for process in (one for root in processes for one in tree(root)):
        place = Path("/proc") / str(process)
        # One that ends meanwhile is none of a proxy's that runs.
        with contextlib.suppress(OSError, StopIteration):
            found.append(parse_usage((place / "stat").read_text(), (place / "status").read_text()))
    return Usage(sum(one.cpu_seconds for one in found), sum(one.rss_mib for one in found))


def busy_seconds(stat: str, *, ticks_per_second: int = _TICKS_PER_SECOND) -> float:
    """CPU time of all processes, from /proc/stat; interrupts belong to nobody."""
    user, nice, system = (int(field) for field in stat.split()[1:4])
    return (user + nice + system) / ticks_per_second


class Foreign:
    """CPU time that went to others than this process and all it has started, from when it was made."""

    def __init__(self) -> None:
        self._began, self._busy, self._own = time.monotonic(), _busy_now(), _own_now()

    def cores(self) -> float:
        """Cores that others have used on average."""
        seconds = time.monotonic() - self._began
        others = (_busy_now() - self._busy) - (_own_now() - self._own)
        return max(others / seconds, 0.0)


def _own_now() -> float:
    ended_ones = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended_ones.ru_utime + ended_ones.ru_stime + usage([os.getpid()]).cpu_seconds


def _busy_now() -> float:
    return busy_seconds(Path("/proc/stat").read_text())
