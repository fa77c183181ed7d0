"""Models that come as tar archives: image layers, and archives on plain servers."""

import contextlib
import hashlib
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from deepseek_serving.weights import choice
from deepseek_serving.weights.errors import Permanent, Reason
from deepseek_serving.weights.listing import Archive, RemoteFile, checked_path
from deepseek_serving.weights.transport import CHUNK_BYTES
from deepseek_serving.weights.volume import Stored, Volume, write_all

IMAGE_FOLDERS = ("models/", "model/")
"""Where images keep a model (modelcars: /models); the rest of an image is none of ours."""


def unpack(file: RemoteFile, volume: Volume, *, proceed: Callable[[], None]) -> tuple[Stored, ...]:
    """Store the files of a verified archive that an engine needs, and remove the archive.

    The archive's own checksum covers them; each gets one of its own for the marker.
    """
    partial = volume.partial(file)
    stored = []
    try:
        with tarfile.open(partial, mode="r:*") as archive:
            for path, member in _members(archive, file.archive):
                content = archive.extractfile(member)
                if content is not None:
                    fresh = partial.with_suffix(".member")
                    checksum = _copy(content, fresh, proceed=proceed)
                    volume.publish(fresh, path)
                    value = {"algorithm": "sha256", "value": checksum}
                    stored.append(Stored(path, member.size, value))
    except (tarfile.TarError, EOFError) as error:
        raise Permanent(
            Reason.INVALID_SOURCE,
            f"{file.path} is no tar archive that can be read ({error}):"
            " use .tar or .tar.gz, and image layers of those types",
        ) from error
    result = volume.remember(file, tuple(stored))
    partial.unlink()
    return result


def _members(archive: tarfile.TarFile, kind: Archive) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """The regular files that an engine needs, with their paths below the model's own folder."""
    folders: tuple[str, ...] | None = IMAGE_FOLDERS if kind == "image" else None
    for member in archive:
        name = member.name.removeprefix("./").strip("/")
        if folders is None and name not in ("", "."):
            # An archive made of a folder begins with it.
            folders = (f"{name}/",) if member.isdir() else ("",)
        folder = next((folder for folder in folders or () if name.startswith(folder)), None)
        path = "" if folder is None else name.removeprefix(folder)
        if member.isfile() and choice.is_wanted(path):
            yield checked_path(path), member


def _copy(content: IO[bytes], target: Path, *, proceed: Callable[[], None]) -> str:
    """Copy a member and return its SHA-256."""
    digest = hashlib.sha256()
    with contextlib.closing(content), target.open("wb", buffering=0) as out:
        while chunk := content.read(CHUNK_BYTES):
            proceed()
            write_all(out, chunk)
            digest.update(chunk)
    return digest.hexdigest()
