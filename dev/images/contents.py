"""What is in the image of an OCI archive: its files after all layers, read as a stream, and who runs in it."""

import contextlib
import re
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from dev import steps
from dev.images import archive

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
"""How a layer says that a file of those below it, or all in a folder, is gone (OCI image specification, layer.md)."""

EXECUTABLE_FOLDERS = {"bin", "sbin", "libexec"}

COMPILER = re.compile(
    r"(?:\w+-)*(?:linux-gnu\w*-)?"
    r"(?:cc|gcc|g\+\+|c\+\+|cpp|clang|clang\+\+|tcc|nvcc|cicc|ptxas|nvlink|rustc|go|make|cmake|ninja"
    r"|as|ld|ld\.bfd|ld\.gold|ld\.lld|lld)"
    r"(?:-[0-9.]+)?"
)


def user(file: Path) -> str:
    """The user that the image's processes run as; empty for root."""
    with tarfile.open(file) as tar:
        return str(archive.config(tar, archive.manifest(tar)).get("config", {}).get("User", ""))


def files(file: Path) -> set[str]:
    """The paths of all executable files and links in the image, without a leading slash."""
    found: set[str] = set()
    with tarfile.open(file) as tar:
        for layer in archive.manifest(tar)["layers"]:
            with unpacked(tar, layer) as stream:
                found = over(found, executables(stream))
    return found


def compilers(paths: Iterable[str]) -> list[str]:
    """Those of the paths that a compiler, linker or make would have."""
    return sorted(
        path
        for path in paths
        if PurePosixPath(path).parent.name in EXECUTABLE_FOLDERS
        and COMPILER.fullmatch(PurePosixPath(path).name)
    )


def executables(stream: tarfile.TarFile) -> Iterator[str]:
    """The names of a layer's executables, links and whiteouts."""
    for entry in stream:
        name = entry.name.removeprefix("./")
        gone = name.rpartition("/")[2].startswith(WHITEOUT)
        if gone or entry.issym() or entry.islnk() or (entry.isfile() and entry.mode & 0o111):
            yield name


def over(below: set[str], layer: Iterable[str]) -> set[str]:
    """The files of the layers below with another layer over them."""
    added, gone = set(), set()
    for name in layer:
        folder, slash, last = name.rpartition("/")
        if last == OPAQUE:
            gone.add(folder + "/")
        elif last.startswith(WHITEOUT):
            gone.add(folder + slash + last.removeprefix(WHITEOUT))
        else:
            added.add(name)
    return {name for name in below if not removed(name, gone)} | added


def removed(name: str, gone: set[str]) -> bool:
    """Whether a layer removes a file itself, a folder that it is in, or all in such a folder."""
    parts = name.split("/")
    folders = ["/".join(parts[:depth]) for depth in range(len(parts))]
    return name in gone or any(one in gone or f"{one}/" in gone for one in folders)


@contextlib.contextmanager
def unpacked(tar: tarfile.TarFile, layer: dict[str, Any]) -> Iterator[tarfile.TarFile]:
    """A layer as a stream of its entries; nothing is written to a disk."""
    blob = tar.extractfile(archive.blob(layer["digest"]))
    assert blob is not None
    if layer["mediaType"].endswith("+zstd"):
        with through_zstd(blob) as plain, tarfile.open(fileobj=plain, mode="r|") as stream:
            yield stream
    else:
        mode = "r|gz" if layer["mediaType"].endswith("+gzip") else "r|"
        with tarfile.open(fileobj=blob, mode=mode) as stream:  # type: ignore[call-overload]
            yield stream


@contextlib.contextmanager
def through_zstd(packed: IO[bytes]) -> Iterator[IO[bytes]]:
    """What zstd makes of its input; Python itself reads it only from 3.14 on."""
    command = [shutil.which("zstd") or "zstd", "--decompress", "--stdout", "--quiet"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        source, plain = process.stdin, process.stdout
        assert source is not None
        assert plain is not None

        def feed() -> None:
            # A reader that has seen enough goes away, and zstd with it.
            with contextlib.suppress(BrokenPipeError), source:
                shutil.copyfileobj(packed, source, 1 << 20)

        feeding = threading.Thread(target=feed)
        feeding.start()
        yield plain
        while plain.read(1 << 20):
            pass
        feeding.join()
    if process.returncode:
        raise steps.StepError(f"zstd ended with exit code {process.returncode}")
