"""The directory that a model is fetched into, and what is kept there between attempts.

TARGET/
  <the model's files>   each appears under its name when it is verified
  .complete.json        written last: readers wait for it
  .fetch/               ours; a few kilobytes once the model is complete
    partial/            files under way, named by what they will be
    verified.jsonl      what has been verified; a cache, for a file can be read again
    claims/             who works here
"""

import contextlib
import datetime as dt
import errno
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from deepseek_serving.weights import checksums
from deepseek_serving.weights.errors import FetchError, Permanent, Reason, Temporary
from deepseek_serving.weights.listing import RemoteFile

MARKER = ".complete.json"
WORK = ".fetch"
READ_BYTES = 2**20
MARGIN_BYTES = 2**20
"""For directories and our own small files."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One of the model's files as it stands in the volume, in the marker's words."""

    path: str
    size: int
    checksum: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """As it stands in the completion marker."""
        return {"path": self.path, "size": self.size, "checksum": dict(self.checksum)}


class Volume:
    """A target directory; its methods may be called by many threads, each for a file of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.work = root / WORK
        self._partials = self.work / "partial"
        self._journal = self.work / "verified.jsonl"
        self._lock = threading.Lock()
        self._verified: dict[str, dict[str, Any]] = {}

    def prepare(self) -> None:
        """Make the directories and read what former attempts have left."""
        self._partials.mkdir(parents=True, exist_ok=True)
        probe = self.work / "writable"
        probe.write_bytes(b"")
        probe.unlink(missing_ok=True)
        self._verified = {entry["path"]: entry for entry in self._entries()}

    def _entries(self) -> Iterator[dict[str, Any]]:
        if not self._journal.exists():
            return
        for line in self._journal.read_text(encoding="utf-8", errors="replace").splitlines():
            # The last line may have been cut by a kill; what it said is found out again.
            with contextlib.suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                if {"path", "checksum", "stored", "stamp"} <= entry.keys():
                    yield entry

    def marker(self) -> dict[str, Any] | None:
        """The completion marker, where there is one and every file of it is there."""
        try:
            document = json.loads((self.root / MARKER).read_text(encoding="utf-8"))
            files = [(entry["path"], entry["size"]) for entry in document["files"]]
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            return None
        whole = all(_size(self.root / path) == size for path, size in files)
        return document if whole else None

    def complete(self, *, source: str, revision: str, files: Sequence[Stored]) -> None:
        """Say that the model is whole; then remove what only fetching needed."""
        self._remove_strangers({file.path for file in files})
        document = {
            "source": source,
            "revision": revision,
            "files": [file.document() for file in files],
            "finishedAt": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        }
        fresh = self.work / "complete.json"
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(document, file, indent=1, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self.root / MARKER)
        sync_directory(self.root)
        shutil.rmtree(self._partials, ignore_errors=True)

    def invalidate(self) -> None:
        """Take the marker away before anything under it changes."""
        (self.root / MARKER).unlink(missing_ok=True)
        sync_directory(self.root)

    def _remove_strangers(self, wanted: set[str]) -> None:
        """Remove what we stored at a former revision and the present one does not hold."""
        for entry in self._verified.values():
            for stored in entry["stored"]:
                if stored["path"] not in wanted:
                    (self.root / stored["path"]).unlink(missing_ok=True)

    def discard_others(self, files: Sequence[RemoteFile]) -> None:
        """Remove partial files that a former revision has left."""
        wanted = {self.partial(file).name for file in files}
        for path in self._partials.iterdir():
            if path.name not in wanted:
                path.unlink()

    def free_bytes(self) -> int:
        """What an ordinary process may still write."""
        numbers = os.statvfs(self.root)
        return numbers.f_bavail * numbers.f_frsize

    def partial(self, file: RemoteFile) -> Path:
        """Where the file's bytes gather. Content of another revision has another name."""
        text = json.dumps([file.path, file.size, file.stated.document()], sort_keys=True)
        return self._partials / hashlib.sha256(text.encode()).hexdigest()[:32]

    def present_bytes(self, file: RemoteFile) -> int:
        """How much of the file need not be stored again, as far as sizes tell."""
        if self.stored(file) is not None or (not file.archive and self.has_size(file)):
            return file.size
        return min(_size(self.partial(file)) or 0, file.size)

    def has_size(self, file: RemoteFile) -> bool:
        """Whether a file of its name and size is there."""
        return _size(self.root / file.path) == file.size

    def has_content(self, file: RemoteFile, *, proceed: Callable[[], None]) -> bool:
        """Whether the file that is there has the right checksum."""
        digest = checksums.digest_for(file.stated, size=file.size)
        with (self.root / file.path).open("rb", buffering=0) as content:
            while chunk := content.read(READ_BYTES):
                proceed()
                digest.update(chunk)
        return digest.hexdigest() == file.stated.value

    def as_stored(self, file: RemoteFile) -> Stored:
        """A file that is stored as it comes."""
        return Stored(file.path, file.size, file.stated.document())

    def stored(self, file: RemoteFile) -> tuple[Stored, ...] | None:
        """What this file has become, where it has been verified and was not touched since."""
        entry = self._verified.get(file.path)
        if entry is None or entry["checksum"] != file.stated.document():
            return None
        names = [stored["path"] for stored in entry["stored"]]
        if [_stamp(self.root / name) for name in names] != entry["stamp"]:
            return None
        return tuple(Stored(**stored) for stored in entry["stored"])

    def seal(self, file: RemoteFile) -> tuple[Stored, ...]:
        """Give a verified partial file its name."""
        self.publish(self.partial(file), file.path)
        return self.remember(file, (self.as_stored(file),))

    def publish(self, fresh: Path, path: str) -> None:
        """Move a verified file to its place, durably."""
        with fresh.open("rb") as content:
            os.fsync(content.fileno())
        final = self.root / path
        final.parent.mkdir(parents=True, exist_ok=True)
        fresh.chmod(0o644)
        fresh.rename(final)
        sync_directory(final.parent)

    def remember(self, file: RemoteFile, stored: tuple[Stored, ...]) -> tuple[Stored, ...]:
        """Note that the file has been verified, and as what it is stored."""
        entry = {
            "path": file.path,
            "checksum": file.stated.document(),
            "stored": [part.document() for part in stored],
            "stamp": [_stamp(self.root / part.path) for part in stored],
        }
        line = json.dumps(entry, ensure_ascii=False)
        with self._lock, self._journal.open("a", encoding="utf-8") as journal:
            # A newline first ends a line that a kill has cut.
            journal.write(f"\n{line}\n")
            self._verified[file.path] = entry
        return stored


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _stamp(path: Path) -> list[int] | None:
    """What changes when a file is written to."""
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable, where the file system can."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Unbuffered(Protocol):
    """A file that may take less than all that it is given."""

    def write(self, chunk: bytes | memoryview, /) -> int:
        """Take some bytes and say how many."""
        ...


def write_all(file: Unbuffered, chunk: bytes) -> None:
    """Write a whole chunk."""
    written = file.write(chunk)
    while written < len(chunk):
        written += file.write(memoryview(chunk)[written:])


READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
IN_THE_WAY = {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG}


def explain(error: OSError, root: Path) -> FetchError:
    """What a failed operation on the volume means."""
    name = error.filename or root
    words = f"{error.strerror or type(error).__name__} at {name}"
    if error.errno in READ_ONLY:
        return Permanent(
            Reason.VOLUME_READ_ONLY,
            f"the volume cannot be written to ({words}): give the claim an access mode that allows"
            " writing and a file system that belongs to the Job's user (fsGroup)",
        )
    if error.errno in FULL:
        return Permanent(Reason.VOLUME_FULL, f"the volume is full ({words}): set a larger size")
    if error.errno in IN_THE_WAY:
        return Permanent(
            Reason.INVALID_SOURCE,
            f"something stands where a file of the model belongs ({words}): use an empty volume",
        )
    return Temporary(Reason.VOLUME_FAILED, f"the volume failed ({words})")
