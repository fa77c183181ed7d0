"""The models that are served: directories, what is known of their files, and what is made of them."""

import gzip
import hashlib
import io
import json
import shutil
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CHUNK_BYTES = 2**20
SMALL_BYTES = 10 * 2**10
"""Larger files are kept with Git LFS, as those with these endings are whatever their size."""
LARGE_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".gguf")


@dataclass(frozen=True)
class File:
    """One file with the names that hub and registry have for its content."""

    path: str
    place: Path
    size: int
    sha256: str
    blob: str
    large: bool

    @property
    def etag(self) -> str:
        """As the hub has it: LFS's SHA-256 or git's own name of the content."""
        return self.sha256 if self.large else self.blob


@dataclass
class Model:
    """A directory under the name of a repository; its files are read once."""

    name: str
    directory: Path
    private: bool = False
    gated: bool = False
    token: str = ""
    """That may read it where it is private or gated."""
    work: Path = Path("/nonexistent")
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _files: dict[str, File] = field(default_factory=dict)

    def files(self) -> dict[str, File]:
        """All its files by their relative paths."""
        with self._lock:
            if not self._files:
                self._files = {file.path: file for file in _read(self.directory)}
            return self._files

    @property
    def revision(self) -> str:
        """What a commit's name would be."""
        text = json.dumps([[file.path, file.sha256] for file in self.files().values()])
        return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def sums(self) -> str:
        """The list that sha256sum would write."""
        return "".join(f"{file.sha256}  {file.path}\n" for file in self.files().values())

    def archive(self, folder: str, *, packed: bool) -> Path:
        """A tar archive of the model in a folder, made when it is first wanted."""
        target = self.work / self.name.replace("/", "-") / f"{folder}.tar{'.gz' if packed else ''}"
        with self._lock:
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                _pack(self.directory, folder, target, packed=packed)
        return target


def _read(directory: Path) -> Iterator[File]:
    for place in sorted(path for path in directory.rglob("*") if path.is_file()):
        path = place.relative_to(directory).as_posix()
        size = place.stat().st_size
        sha256, blob = hashlib.sha256(), hashlib.sha1(usedforsecurity=False)
        blob.update(f"blob {size}\0".encode())
        with place.open("rb") as content:
            while chunk := content.read(CHUNK_BYTES):
                sha256.update(chunk)
                blob.update(chunk)
        large = size > SMALL_BYTES or place.suffix in LARGE_SUFFIXES
        yield File(path, place, size, sha256.hexdigest(), blob.hexdigest(), large)


def _pack(directory: Path, folder: str, target: Path, *, packed: bool) -> None:
    """The same bytes each time: no times, no owners."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime = member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    plain_tar = target.with_suffix(".unfinished")
    with tarfile.open(plain_tar, "w") as archive:
        archive.add(directory, arcname=folder, filter=plain)
    if packed:
        zipped = target.with_suffix(".zipped")
        with (
            plain_tar.open("rb") as raw,
            zipped.open("wb") as out,
            gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0, filename="") as packer,
        ):
            shutil.copyfileobj(raw, packer, CHUNK_BYTES)
        plain_tar.unlink()
        zipped.rename(target)
    else:
        plain_tar.rename(target)


def base_layer() -> bytes:
    """An image's other files, some of which look as if they were a model's."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in ("etc/passwd", "usr/lib/python3/json/decoder.py", "config.json"):
            member = tarfile.TarInfo(name)
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
    return out.getvalue()
