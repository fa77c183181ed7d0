"""What an Envoy counted of users' requests, from its statistics. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deepseek_serving.gateway.document import When

FILTER = r"^(dsd\.|cluster\.[^.]+\.upstream_rq_active$)"
"""The statistics that are read."""

_REQUESTS = re.compile(
    r"dsd\.requests\.chosen\.(?P<chosen>.+)\.served\.(?P<served>.+)\.code\.(?P<code>[^.]+)"
    r"\.flags\.(?P<flags>.+)\.attempts\.(?P<attempts>[^.]+)\.reason\.(?P<reason>[^.]*)"
)
_ACTIVE = re.compile(r"cluster\.(?P<name>[^.]+)\.upstream_rq_active")

_PINNED = "/pinned"
_NOT_REACHED = str(When.UNAVAILABLE)
"""Of whom no answer came at all nothing is noted."""


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
    reason: str = ""
    """Why another revision answered; empty where none did."""


def requests(statistics: Iterable[Mapping[str, Any]]) -> tuple[Count, ...]:
    """Of Envoy's `/stats?format=json`."""
    found = []
    for item in statistics:
        matched = _REQUESTS.fullmatch(str(item.get("name", "")))
        if matched is None:
            continue
        chosen, served = _given(matched["chosen"]), _given(matched["served"])
        is_other = bool(served) and served != chosen.removesuffix(_PINNED)
        found.append(
            Count(
                chosen=chosen.removesuffix(_PINNED),
                served=served,
                code=_number(matched["code"]),
                flags=_given(matched["flags"]),
                attempts=_number(matched["attempts"]),
                count=int(item["value"]),
                pinned=chosen.endswith(_PINNED),
                reason=_given(matched["reason"]) or _NOT_REACHED if is_other else "",
            )
        )
    return tuple(found)


def fallbacks(counted: Iterable[Count]) -> dict[tuple[str, str, str], int]:
    """Answers of another revision than the one whose turn it was: from, to, reason."""
    found: dict[tuple[str, str, str], int] = {}
    for one in counted:
        if one.reason:
            kind = (one.chosen, one.served, one.reason)
            found[kind] = found.get(kind, 0) + one.count
    return found


def exposition(counted: Iterable[Count]) -> str:
    """The fallbacks in Prometheus's form."""
    lines = [
        f'dsd_fallback_total{{from="{chosen}",to="{served}",reason="{reason}"}} {count}'
        for (chosen, served, reason), count in sorted(fallbacks(counted).items())
    ]
    head = [
        "# HELP dsd_fallback_total Answers of another revision than the one whose turn it was.",
        "# TYPE dsd_fallback_total counter",
    ]
    return "\n".join([*head, *lines, ""])


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
