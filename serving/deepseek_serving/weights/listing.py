"""What a source says it holds: files with sizes and checksums, as values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal, Protocol

from deepseek_serving.weights.errors import Permanent, Reason

RESERVED = (".fetch", ".complete.json")
"""Names at the top of the target that are ours."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """A checksum as the source states it; `part_bytes` where it is one of the parts' checksums."""

    algorithm: str
    value: str
    part_bytes: int = 0

    def document(self) -> dict[str, Any]:
        """As it stands in the completion marker."""
        parts = {"partBytes": self.part_bytes} if self.part_bytes else {}
        return {"algorithm": self.algorithm, "value": self.value, **parts}


Archive = Literal["", "folder", "image"]
"""Whether a file is a tar archive whose members are wanted: of the model's folder, or an image's layer."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a source; `locator` is the source's own name for it where that differs."""

    path: str
    size: int
    checksum: Checksum | None
    locator: str = ""
    archive: Archive = ""

    @property
    def stated(self) -> Checksum:
        """The checksum, which whoever fetches has made sure is there."""
        if self.checksum is None:
            raise AssertionError(f"{self.path} has no checksum")
        return self.checksum


@dataclass(frozen=True, slots=True)
class Listing:
    """All files of a source at one revision."""

    revision: str
    files: tuple[RemoteFile, ...]


@dataclass(frozen=True, slots=True)
class Download:
    """Where a file's bytes are; address and headers may hold secrets and are never shown."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Source(Protocol):
    """Where a model comes from."""

    name: str
    """As the user wrote it, without secrets."""

    def listing(self) -> Listing:
        """All its files; FetchError where it cannot tell."""
        ...

    def with_checksum(self, file: RemoteFile) -> RemoteFile:
        """The file with what verifies it, where the listing alone does not say."""
        ...

    def locate(self, file: RemoteFile) -> Download:
        """Where the bytes can be had right now."""
        ...

    def renew(self) -> None:
        """Forget tokens: one was refused and may have expired."""
        ...

    def advice(self, status: int) -> str:
        """What a person does about a refusal with this HTTP status."""
        ...


def checked_path(path: str) -> str:
    """The path itself where it stays inside the target and is none of our names; else Permanent."""
    parts = PurePosixPath(path).parts
    strange = re.search(r"[\x00-\x1f\x7f\\]", path)
    if not parts or path.startswith("/") or ".." in parts or strange or parts[0] in RESERVED:
        raise Permanent(
            Reason.INVALID_SOURCE,
            f"the source lists a file named {path!r}, which cannot be stored: rename it there",
        )
    return str(PurePosixPath(path))
