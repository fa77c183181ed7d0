"""Weights sources: the text of `source` as a value."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PvcSource:
    """Weights in a PersistentVolumeClaim of the object's namespace."""

    claim: str
    path: str


@dataclass(frozen=True, slots=True)
class FetchedSource:
    """Weights that a Job fetches into a volume: its text is all that the fetching needs."""

    text: str

    @property
    def scheme(self) -> str:
        """hf, s3, oci or https."""
        return self.text.partition("://")[0]

    @property
    def title(self) -> str:
        """The last name in it, for people: of hf://org/name@revision, name."""
        path = re.sub(r"[@#].*", "", self.text.partition("://")[2]).rstrip("/")
        return path.rpartition("/")[2].partition(":")[0]


Source = PvcSource | FetchedSource

_FETCHED = (
    r"hf://[^/@\s]+/[^/@\s]+(?:@\S+)?",
    r"s3://[a-z0-9][a-z0-9.-]+(?:/\S*)?",
    r"oci://[^/@\s]+/[a-z0-9][^@\s]*(?:@sha256:[0-9a-f]{64})?",
    r"https://[^#@?\s]+#sha256=[0-9a-fA-F]{64}",
)


def parse_source(text: str) -> Source:
    """The source that the text names; ValueError with the accepted forms otherwise."""
    if match := re.fullmatch(r"pvc://([a-z0-9][-a-z0-9.]*)((?:/[^/@\s]+)*)/?", text):
        path = match[2].strip("/")
        if not any(part in (".", "..") for part in path.split("/")):
            return PvcSource(claim=match[1], path=path)
    if any(re.fullmatch(form, text) for form in _FETCHED):
        return FetchedSource(text)
    raise ValueError(
        f"source {text!r} is none of pvc://claim/path, hf://organisation/name[@revision], "
        "s3://bucket/prefix, oci://registry/repository[:tag|@digest], "
        "https://host/file#sha256=digits"
    )
