"""Who works on a volume: numbered claim files, of which the highest is the owner's.

A successor creates the next number exclusively, so there is one winner however many wait. The owner
beats by writing into its file. One that is silent for `TAKEOVER_SECONDS`, by the waiter's own
clock, is dead; on the same kernel a lock that the kernel lets go with the process says so at once.
An owner that could not beat stops writing long before that, and one that finds a higher number
than its own does not write any more.
"""

import contextlib
import fcntl
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepseek_serving.weights.errors import OwnershipLost

BEAT_SECONDS = 5.0
TAKEOVER_SECONDS = 45.0
LEASE_SECONDS = 25.0
"""How long an owner may write after its last beat: it ends well before anyone takes over."""

POLL_SECONDS = 0.5
RECORD_BYTES = 1024
"""A claim is overwritten in place, so it always has the same length."""


def since_boot() -> float:
    """Seconds that also pass while the process or the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def kernel() -> str:
    """Names the running kernel: its file locks are seen by all processes on it."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


class Claim:
    """The right to write to a volume, as long as it is held."""

    def __init__(
        self, path: Path, descriptor: int, *, clock: Callable[[], float] = since_boot
    ) -> None:
        self._path = path
        self._descriptor = descriptor
        self._clock = clock
        self._name = f"{os.uname().nodename}/{secrets.token_hex(8)}"
        self._locked = _lock(descriptor)
        self._lock = threading.Lock()
        self._beats = 0
        self._last_beat = clock()
        self._lost = False
        self.beat({})

    def beat(self, progress: dict[str, Any]) -> None:
        """Show that the owner lives and how far it is."""
        with self._lock:
            if self._descriptor < 0:
                return
            began = self._clock()
            self._lost = self._lost or _newest(self._path.parent) != self._path
            if self._lost:
                return
            self._beats += 1
            self._write(
                {
                    "owner": self._name,
                    "beat": self._beats,
                    "kernel": kernel() if self._locked else "",
                    "progress": progress,
                }
            )
            self._last_beat = began

    def check(self) -> None:
        """OwnershipLost unless this process may write now; cheap enough for every write."""
        if self._lost:
            raise OwnershipLost
        if self._clock() - self._last_beat > LEASE_SECONDS:
            # It was suspended, or the volume did not answer: ask before anything is written.
            self.beat({})
            if self._lost or self._clock() - self._last_beat > LEASE_SECONDS:
                raise OwnershipLost

    def release(self) -> None:
        """Let the next one begin at once."""
        with self._lock:
            if self._descriptor >= 0:
                with contextlib.suppress(OSError):
                    self._write({"owner": self._name, "released": True})
        self.forget()

    def forget(self) -> None:
        """Let go of the file without a word, as the kernel does for a process that was killed."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _write(self, document: dict[str, Any]) -> None:
        text = json.dumps(document)
        if len(text) >= RECORD_BYTES:
            text = json.dumps({**document, "progress": {}})
        os.pwrite(self._descriptor, text.ljust(RECORD_BYTES - 1).encode() + b"\n", 0)
        os.fsync(self._descriptor)


@dataclass(frozen=True, slots=True)
class Other:
    """Another process that works on the volume, and its progress as it last told."""

    owner: str
    progress: dict[str, Any]


class Queue:
    """Waits for the right to write."""

    def __init__(self, directory: Path, *, clock: Callable[[], float] = since_boot) -> None:
        self._directory = directory
        self._clock = clock
        self._seen: tuple[Path, bytes] | None = None
        self._seen_at = 0.0

    def attempt(self) -> Claim | Other:
        """The claim where the volume is free or its owner dead; else who works on it."""
        self._directory.mkdir(parents=True, exist_ok=True)
        newest = _newest(self._directory)
        if newest is None:
            return self._create(1) or Other("", {})
        with contextlib.suppress(FileNotFoundError):
            content = newest.read_bytes()
            document = _parse(content)
            if document.get("released") or self._is_dead(newest, content, document):
                claim = self._create(int(newest.name) + 1)
                if claim is not None:
                    newest.unlink(missing_ok=True)
                    return claim
            return Other(str(document.get("owner", "")), document.get("progress") or {})
        return Other("", {})

    def _is_dead(self, path: Path, content: bytes, document: dict[str, Any]) -> bool:
        if document.get("kernel") == kernel():
            return _is_unlocked(path)
        if self._seen != (path, content):
            self._seen, self._seen_at = (path, content), self._clock()
        return self._clock() - self._seen_at > TAKEOVER_SECONDS

    def _create(self, number: int) -> Claim | None:
        """The claim with this number, unless someone was faster."""
        path = self._directory / f"{number:08d}"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            return None
        claim = Claim(path, descriptor, clock=self._clock)
        with contextlib.suppress(OwnershipLost):
            claim.check()
            return claim
        claim.release()
        return None


def _newest(directory: Path) -> Path | None:
    with contextlib.suppress(FileNotFoundError):
        # NFS keeps removed files that are still open under names of its own.
        claims = [path for path in directory.iterdir() if path.name.isdigit()]
        return max(claims, key=lambda path: path.name, default=None)
    return None


def _parse(content: bytes) -> dict[str, Any]:
    """What a claim says; nothing while it is being written for the first time."""
    with contextlib.suppress(ValueError):
        document = json.loads(content)
        if isinstance(document, dict):
            return document
    return {}


def _lock(descriptor: int) -> bool:
    """Take the lock that the kernel lets go when the process ends, where the file system has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_unlocked(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return _lock(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def beating(claim: Claim, progress: Callable[[], dict[str, Any]]) -> Iterator[None]:
    """Beat in the background; the claim is released by whoever holds it."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(BEAT_SECONDS):
            # A volume that does not answer shows in the lease, not here.
            with contextlib.suppress(OSError):
                claim.beat(progress())

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=1.0)
