"""What is installed in the image of an OCI archive: Debian's packages and Python's, as their own records have it."""

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from pathlib import Path, PurePosixPath

from dev.images import archive, contents

DEBIAN = "var/lib/dpkg/status"
ENVOY = "usr/local/bin/envoy"
"""Comes without a record of its own."""


@dataclass(frozen=True, slots=True)
class Installed:
    """The records that lie in an image."""

    debian: tuple[Message, ...]
    python: tuple[Message, ...]
    has_envoy: bool


def look(file: Path) -> Installed:
    """Read them out of an archive."""
    records = _records(file)
    python = [text for name, text in sorted(records.items()) if name.endswith("/METADATA")]
    return Installed(
        debian=tuple(_installed(records.get(DEBIAN, ""))),
        python=tuple(Parser().parsestr(text, headersonly=True) for text in python),
        has_envoy=ENVOY in records,
    )


def _records(file: Path) -> Mapping[str, str]:
    """By path the text of each record after all layers; what a layer removes is gone."""
    found: dict[str, str] = {}
    with tarfile.open(file) as tar:
        for layer in archive.manifest(tar)["layers"]:
            with contents.unpacked(tar, layer) as stream:
                added = dict(_of_layer(stream))
            left = contents.over(set(found), added)
            found = {name: text for name, text in (found | added).items() if name in left}
    return found


def _of_layer(stream: tarfile.TarFile) -> Iterator[tuple[str, str]]:
    """The records in a layer, and its whiteouts."""
    for entry in stream:
        path = PurePosixPath(entry.name.removeprefix("./"))
        is_record = str(path) == DEBIAN or (
            path.name == "METADATA" and path.parent.suffix == ".dist-info"
        )
        if is_record and (text := stream.extractfile(entry)):
            yield str(path), text.read().decode(errors="replace")
        elif str(path) == ENVOY or path.name.startswith(contents.WHITEOUT):
            yield str(path), ""


def _installed(status: str) -> Iterator[Message]:
    """Packages that are there; one that was removed may leave its configuration and its entry."""
    for entry in status.split("\n\n"):
        package = Parser().parsestr(entry)
        if package["Status"] == "install ok installed":
            yield package
