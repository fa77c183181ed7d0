"""How far a fetch is, as the JSON line that whoever started the Job reads."""

import collections
import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

WINDOW_SECONDS = 10.0
"""Over which the rate is averaged."""

NAMES = {
    "bytes_done": "bytesDone",
    "bytes_total": "bytesTotal",
    "files_done": "filesDone",
    "files_total": "filesTotal",
    "bytes_per_second": "bytesPerSecond",
    "seconds_left": "secondsLeft",
    "current_file": "currentFile",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """One moment of a fetch; bytes done include those that were there before it began."""

    phase: str = "listing"
    bytes_done: int = 0
    bytes_total: int = 0
    files_done: int = 0
    files_total: int = 0
    bytes_per_second: int = 0
    seconds_left: int | None = None
    current_file: str | None = None

    def document(self) -> dict[str, Any]:
        """With the names of the interface."""
        return {NAMES.get(name, name): value for name, value in asdict(self).items()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Progress":
        """What another process has told; what it left out is not known."""
        known = {NAMES.get(field.name, field.name): field.name for field in fields(cls)}
        return cls(**{known[key]: value for key, value in document.items() if key in known})

    def line(self) -> str:
        """As one line of JSON."""
        return json.dumps(self.document(), ensure_ascii=False)


class Rate:
    """A moving average of a growing count."""

    def __init__(self, *, window_seconds: float = WINDOW_SECONDS) -> None:
        self._window = window_seconds
        self._samples: collections.deque[tuple[float, int]] = collections.deque()

    def per_second(self, now: float, count: int) -> int:
        """Take a sample, and the average since the oldest one within the window."""
        self._samples.append((now, count))
        while len(self._samples) > 2 and self._samples[1][0] <= now - self._window:
            self._samples.popleft()
        then, before = self._samples[0]
        return round((count - before) / (now - then)) if now > then else 0


class Meter:
    """Counts what the workers do; may be used by many threads."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._rate = Rate()
        self._phase = "listing"
        self._total = (0, 0)
        self._done_bytes = 0
        self._done_files = 0
        self._open: dict[str, None] = {}
        self._fetching: set[str] = set()
        self.fetched_bytes = 0

    def expect(self, *, files: int, size: int) -> None:
        """The listing is known: this much there will be."""
        with self._lock:
            self._phase = "fetching"
            self._total = (files, size)
            self._done_bytes = self._done_files = 0
            self._open.clear()
            self._fetching.clear()

    def recount(self, *, files: int, size: int) -> None:
        """All is there: this much."""
        with self._lock:
            self._total = (files, size)
            self._done_files, self._done_bytes = files, size

    def enter(self, phase: str) -> None:
        """From here on the phase is this one."""
        with self._lock:
            self._phase = phase

    def begin(self, path: str) -> None:
        """A file is being worked on."""
        with self._lock:
            self._open[path] = None

    def finish(self, path: str) -> None:
        """A file is complete and verified."""
        with self._lock:
            self._done_files += 1
            self._forget(path)

    def found(self, size: int) -> None:
        """Bytes were there already, or were discarded where the number is negative."""
        with self._lock:
            self._done_bytes += size

    def fetched(self, path: str, size: int) -> None:
        """Bytes came from the source."""
        with self._lock:
            self._fetching.add(path)
            self._done_bytes += size
            self.fetched_bytes += size

    def progress(self) -> Progress:
        """The present moment."""
        with self._lock:
            files, size = self._total
            rate = self._rate.per_second(self._clock(), self.fetched_bytes)
            left = size - self._done_bytes
            current = next((path for path in self._open if path in self._fetching), None)
            return Progress(
                phase=self._present_phase(),
                bytes_done=self._done_bytes,
                bytes_total=size,
                files_done=self._done_files,
                files_total=files,
                bytes_per_second=rate,
                seconds_left=math.ceil(left / rate) if rate else None,
                current_file=current or next(iter(self._open), None),
            )

    def _present_phase(self) -> str:
        """While files are only read again, to see whether they are right, that is the phase."""
        if self._phase == "fetching" and self._open and not self._fetching:
            return "verifying"
        return self._phase

    def _forget(self, path: str) -> None:
        self._open.pop(path, None)
        self._fetching.discard(path)
