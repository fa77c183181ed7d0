"""The operators as processes: started, stopped, killed, and what they take of the machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from dev.paths import REPOSITORY

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has taken so far."""

    cpu_seconds: float
    rss_mib: float


def parse_usage(stat: str, status: str, *, ticks_per_second: int = _TICKS_PER_SECOND) -> Usage:
    """CPU time and resident memory from /proc/<pid>/stat and /proc/<pid>/status."""
    # The name of the program stands in brackets and may hold anything.
    fields = stat.rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return Usage(ticks / ticks_per_second, int(resident.split()[1]) / 1024)


@dataclass
class Operator:
    """An operator that is started and stopped, maybe many times."""

    user: str
    arguments: tuple[str, ...]
    """Of the Python interpreter."""
    environment: dict[str, str]
    log: Path
    pods: int = 1
    started_at: float = 0.0
    unasked_ends: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as output:
            self.started_at = time.time()
            self._process = subprocess.Popen(
                [sys.executable, *self.arguments],
                cwd=REPOSITORY,
                env=self._environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @contextmanager
    def started(self) -> Iterator[Self]:
        """Run it for as long as the context."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def stop(self) -> None:
        """Tell it to end and wait until it has, as when its pod is deleted."""
        self._end(signal.SIGTERM)
        self.pods += 1

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def keep_running(self) -> None:
        """Start it again if it ended by itself, as a Deployment's kubelet would."""
        if self._process is not None and self._process.poll() is not None:
            self.unasked_ends += 1
            self.start()

    def usage(self) -> Usage:
        """What it has taken since its last start."""
        if self._process is None:
            raise RuntimeError(f"{self.user} does not run")
        place = Path("/proc") / str(self._process.pid)
        return parse_usage((place / "stat").read_text(), (place / "status").read_text())

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DSO_")}
        # As in a cluster: a container that ended is started again in its pod, under the same name.
        return {**kept, **self.environment, "DSO_IDENTITY": f"{self.user}-{self.pods}"}
