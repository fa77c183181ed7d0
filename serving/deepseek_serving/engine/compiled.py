"""What engines compiled for themselves, kept on the volume of the weights for the pods that come after.

An engine compiles into a directory of its own pod. Once the pod has been warmed up, a copy is published:

    STORE/<key>/current          names the snapshot that a new pod copies back
    STORE/<key>/<snapshot>/...   never changed once it is there

The key is a digest of all that compiled code depends on, so nothing is ever invalidated: another engine,
other flags or another GPU is another key. Two pods may publish at once: a snapshot is named by what it
holds and appears by one rename, whoever comes second finds it there. What goes wrong here costs a pod
the time of compiling, never its start.
"""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

CURRENT = "current"

UNUSED_SECONDS = 30 * 24 * 3600.0
"""A key under which no pod was warmed up for so long is removed."""

REPLACED_SECONDS = 3600.0
"""A snapshot that is not the current one is kept for so long: a pod may be copying it."""

GPU_CLASS, NVIDIA = "0x03", "0x10de"


class NotKept(Exception):  # noqa: N818 - a state, not a failure
    """Nothing was published; the text says why."""


@dataclass(frozen=True, slots=True)
class Copied:
    """How much was copied."""

    files: int
    size: int

    def __str__(self) -> str:
        """312 files, 85.3 MiB."""
        return f"{self.files} files, {self.size / 2**20:.1f} MiB"


def hardware(root: Path = Path("/")) -> str:
    """What of this node compiled code depends on: its GPUs and their driver, else its CPU.

    Read from sysfs, as a container without a GPU sees them too; `root` is where /sys and /proc are.
    """
    gpus = sorted(
        _text(device / "device") + "/" + _text(device / "subsystem_device")
        for device in (root / "sys/bus/pci/devices").glob("*")
        if _text(device / "vendor") == NVIDIA and _text(device / "class").startswith(GPU_CLASS)
    )
    if gpus:
        return json.dumps([gpus, _text(root / "proc/driver/nvidia/version")])
    named = ("vendor_id", "cpu family", "model", "model name", "flags", "Features", "CPU part")
    lines = _text(root / "proc/cpuinfo").partition("\n\n")[0].splitlines()
    return json.dumps([line for line in lines if line.partition("\t")[0].strip() in named])


def full_key(revision: str, hardware_text: str) -> str:
    """The key on this node of what `revision`, the operator's digest of an engine, compiles."""
    return hashlib.sha256(f"{revision}\n{hardware_text}".encode()).hexdigest()[:20]


def key_file(compiled: Path) -> Path:
    """Beside the directory that an engine compiles to: the key under which that is kept."""
    return compiled.with_name(f"{compiled.name}.key")


def restore(store: Path, key: str, target: Path) -> Copied | None:
    """Copy the current snapshot into the empty or absent `target`; None where there is none.

    Raises OSError or ValueError where it cannot be copied whole; `target` is then empty.
    """
    target.mkdir(parents=True, exist_ok=True)
    try:
        name = (store / key / CURRENT).read_text()
    except FileNotFoundError:
        return None
    try:
        return _copy_checked(store / key / name, target)
    except (OSError, ValueError):
        _empty(target)
        raise


def free_bytes(directory: Path) -> int:
    """What may still be written to the volume."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


def publish(
    store: Path,
    key: str,
    source: Path,
    *,
    owner: str,
    free: Callable[[Path], int] = free_bytes,
) -> Copied:
    """Make what is in `source` the current snapshot of the key; NotKept where that is no gain.

    `owner` names this writer among others. Raises OSError where the volume cannot be written.
    """
    if not _names(source):
        raise NotKept("nothing was compiled")
    folder = store / key
    folder.mkdir(parents=True, exist_ok=True)
    current = folder / CURRENT
    previous = folder / current.read_text() if current.exists() else None
    if previous is not None and _names(source) <= _names(previous):
        os.utime(current)
        raise NotKept("everything that was compiled is kept already")
    _check_room(source, free(folder))
    temporary = folder / f".{owner}"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        copied = _copy(source, temporary, durable=True)
        # What the engine wrote meanwhile is in the copy or not: its name is of what it holds.
        name = _digest(temporary)
        _rename(temporary, folder / name)
        _point(current, name, owner)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if previous is not None and previous.is_dir():
        os.utime(previous)
    return copied


def prune(store: Path, *, now: float | None = None) -> list[str]:
    """Remove what no pod will read any more; the keys and snapshots that went."""
    now = time.time() if now is None else now
    gone = []
    for folder in store.iterdir():
        current = folder / CURRENT
        if not folder.is_dir():
            continue
        if now - _mtime(current if current.exists() else folder) > UNUSED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
            gone.append(folder.name)
            continue
        named = current.read_text() if current.exists() else None
        for snapshot in folder.iterdir():
            is_old = now - _mtime(snapshot) > REPLACED_SECONDS
            if snapshot.is_dir() and snapshot.name != named and is_old:
                shutil.rmtree(snapshot, ignore_errors=True)
                gone.append(f"{folder.name}/{snapshot.name}")
    return gone


def _check_room(source: Path, available: int) -> None:
    """Half of what is free stays free: the volume is there for the weights."""
    size = sum(file.stat().st_size for file in _files(source))
    if 2 * size > available:
        raise NotKept(
            f"{size / 2**20:.0f} MiB were compiled and the volume of the weights has "
            f"{available / 2**20:.0f} MiB free, of which half may be used; raise cache.size"
        )


def _files(root: Path) -> Iterator[Path]:
    """Regular files only: a link could lead out of the directory."""
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path


def _copy_checked(snapshot: Path, target: Path) -> Copied:
    copied = _copy(snapshot, target, durable=False)
    if _digest(target) != snapshot.name:
        raise ValueError(f"{snapshot} does not hold what its name says")
    return copied


def _names(root: Path) -> set[Path]:
    """Of the files that hold something: caches name files by what they are compiled from."""
    return {path.relative_to(root) for path in _files(root) if path.stat().st_size}


def _digest(root: Path) -> str:
    """Of the files' names and bytes."""
    found = hashlib.sha256()
    for path in _files(root):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        found.update(f"{path.relative_to(root)}\0{content}\n".encode("utf-8", "surrogateescape"))
    return found.hexdigest()[:20]


def _copy(source: Path, target: Path, *, durable: bool) -> Copied:
    files = size = 0
    target.mkdir(parents=True, exist_ok=True)
    for path in _files(source):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
        if durable:
            _sync(copy)
        files, size = files + 1, size + copy.stat().st_size
    if durable:
        for folder, _, _ in os.walk(target):
            _sync(Path(folder))
    return Copied(files, size)


def _rename(source: Path, target: Path) -> None:
    """Onto a directory that is there it fails, and that one is as good."""
    try:
        source.rename(target)
    except OSError:
        if not target.is_dir():
            raise
    _sync(target.parent)


def _point(current: Path, name: str, owner: str) -> None:
    temporary = current.with_name(f".{owner}.{CURRENT}")
    temporary.write_text(name)
    _sync(temporary)
    temporary.replace(current)
    _sync(current.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _empty(target: Path) -> None:
    for child in target.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child, ignore_errors=True)
        else:
            child.unlink(missing_ok=True)


def _mtime(path: Path) -> float:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime
    return time.time()


def _text(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text().strip()
    return ""
