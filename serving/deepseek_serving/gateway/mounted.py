"""A Secret as the kubelet mounts it: read again when it has changed."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

logger = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0
"""How often it is looked at; the kubelet itself takes about a minute."""
_MOST_BYTES = 2 * 1024 * 1024
"""A Secret has 1 MiB at most."""


class Content(Protocol):
    """What is read of a Secret."""

    @property
    def trouble(self) -> tuple[str, ...]:
        """What of it is not followed; never what is secret."""
        ...


C = TypeVar("C", bound=Content)


@dataclass(slots=True)
class Mounted(Generic[C]):
    """What is held of a Secret: the last of it that was good, and what is wrong with it now."""

    named_by: str
    """The field of the object: gateway.apiKeys"""
    folder: Path
    read: Callable[[Mapping[str, bytes], C], C]
    held: C
    _seen: object = field(default=None, repr=False)

    def refresh(self) -> bool:
        """Read it if it is another than before; whether it was."""
        try:
            seen = _state(self.folder)
            if seen == self._seen:
                return False
            entries = _entries(self.folder)
        except OSError as error:
            # Files were exchanged just now; or there is no such folder, and next time there still is none.
            said = f"it cannot be read: {error.strerror}"
            changed, self._seen = self._seen != said, said
            if changed:
                logger.warning(
                    "a Secret cannot be read", extra={"field": self.named_by, "error": said}
                )
            return False
        self._seen = seen
        self.held = self.read(entries, self.held)
        for said in self.held.trouble:
            logger.error("a Secret is not followed", extra={"field": self.named_by, "error": said})
        if not self.held.trouble:
            logger.info("a Secret is followed", extra={"field": self.named_by})
        return True


_LINK = "..data"
"""What the kubelet exchanges at once; the links to single entries beside it follow a little later."""


def _state(folder: Path) -> object:
    """Another whenever an entry is: of the kubelet's link, or of each file where there is none."""
    link = folder / _LINK
    if link.is_symlink():
        return str(link.readlink())
    return sorted(
        (file.name, found.st_ino, found.st_mtime_ns, found.st_size)
        for file in folder.iterdir()
        for found in [file.stat()]
    )


def _entries(folder: Path) -> dict[str, bytes]:
    link = folder / _LINK
    # One folder for all: what the link leads to may change in between.
    root = link.resolve() if link.is_symlink() else folder
    found = {}
    for file in root.iterdir():
        if file.is_file():
            with file.open("rb") as opened:
                found[file.name] = opened.read(_MOST_BYTES)
    return found
