"""What an Envoy counted of users' requests, from its statistics. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

FILTER = r"^(dsd\.|cluster\.[^.]+\.upstream_rq_active$)"
"""The statistics that are read."""

_REQUESTS = re.compile(
    r"dsd\.requests\.chosen\.(?P<chosen>.+)\.served\.(?P<served>.+)\.code\.(?P<code>[^.]+)"
    r"\.flags\.(?P<flags>.+)\.attempts\.(?P<attempts>[^.]+)"
)
_ACTIVE = re.compile(r"cluster\.(?P<name>[^.]+)\.upstream_rq_active")

_PINNED = "/pinned"


@dataclass(frozen=True, slots=True)
class Count:
    """Requests of one kind since Envoy started."""

    chosen: str
    """The revision whose turn it was; empty where none was."""
    served: str
    """The one that answered; empty where none did."""
    code: int
    """0: none was sent, as to a client that went away."""
    flags: str
    """Envoy's response flags; empty for none."""
    attempts: int
    count: int
    pinned: bool = False
    """Whether a person asked for this very revision."""


def requests(statistics: Iterable[Mapping[str, Any]]) -> tuple[Count, ...]:
    """Of Envoy's `/stats?format=json`."""
    found = []
    for item in statistics:
        matched = _REQUESTS.fullmatch(str(item.get("name", "")))
        if matched is None:
            continue
        chosen = _given(matched["chosen"])
        found.append(
            Count(
                chosen=chosen.removesuffix(_PINNED),
                served=_given(matched["served"]),
                code=_number(matched["code"]),
                flags=_given(matched["flags"]),
                attempts=_number(matched["attempts"]),
                count=int(item["value"]),
                pinned=chosen.endswith(_PINNED),
            )
        )
    return tuple(found)


def active(statistics: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Requests that run now, by the revision whose turn it was."""
    found: dict[str, int] = {}
    for item in statistics:
        matched = _ACTIVE.fullmatch(str(item.get("name", "")))
        if matched is not None and matched["name"] != "agent":
            revision = matched["name"].removesuffix(_PINNED)
            found[revision] = found.get(revision, 0) + int(item["value"])
    return found


def _given(text: str) -> str:
    return "" if text == "-" else text


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
