"""Weights sources: the text of `source` as a value."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PvcSource:
    """Weights in a PersistentVolumeClaim of the object's namespace."""

    claim: str
    path: str


@dataclass(frozen=True, slots=True)
class HubSource:
    """Weights in a Hugging Face repository, at a revision where one is named."""

    repository: str
    revision: str | None


Source = PvcSource | HubSource


def parse_source(text: str) -> Source:
    """The source that the text names; ValueError with the accepted forms otherwise."""
    if match := re.fullmatch(r"pvc://([a-z0-9][-a-z0-9.]*)((?:/[^/@\s]+)*)/?", text):
        path = match[2].strip("/")
        if not any(part in (".", "..") for part in path.split("/")):
            return PvcSource(claim=match[1], path=path)
    if match := re.fullmatch(r"hf://([^/@\s]+/[^/@\s]+)(?:@(\S+))?", text):
        return HubSource(repository=match[1], revision=match[2])
    raise ValueError(
        f"source {text!r} is neither pvc://claim/path nor hf://organisation/name[@revision]"
    )
