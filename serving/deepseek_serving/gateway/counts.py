"""What an Envoy counted of users' requests, from its statistics. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from deepseek_serving.gateway import mirrors, tracing
from deepseek_serving.gateway.document import When

FILTER = r"^(dsd\.|cluster\.[^.]+\.upstream_rq_active$|cluster\.[^.]+/mirror\.upstream_rq_)"
"""The statistics that are read."""

_REQUESTS = re.compile(
    r"dsd\.requests\.chosen\.(?P<chosen>.*)\.served\.(?P<served>.*)\.code\.(?P<code>[^.]+)"
    r"\.flags\.(?P<flags>.*)\.attempts\.(?P<attempts>[^.]+)\.reason\.(?P<reason>[^.]*)"
)
_CLIENTS = re.compile(
    r"dsd\.clients\.client\.(?P<client>.*)\.code\.(?P<code>[^.]+)\.flags\.(?P<flags>.*)"
)
_CLASSES = re.compile(
    r"dsd\.classes\.chosen\.(?P<chosen>.*)\.class\.(?P<size>[^.]+)\.code\.(?P<code>[^.]+)"
)
_ACTIVE = re.compile(r"cluster\.(?P<name>[^.]+)\.upstream_rq_active")
_COPIED = re.compile(r"cluster\.(?P<name>[^.]+)/mirror\.upstream_rq_(?P<what>[^.]+)")

_PINNED = "/pinned"
_NOT_REACHED = str(When.UNAVAILABLE)
"""Of whom no answer came at all nothing is noted."""
GONE = frozenset({"DC", "DPE", "DR", "DT"})
"""Flags of a request whose client went away, spoke no HTTP or was too slow."""
LIMITED = "RL"
"""Flag of a request of a client that asks too often."""


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
        code, flags = _number(matched["code"]), _given(matched["flags"])
        if not served and (code == HTTPStatus.UNAUTHORIZED or LIMITED in flags.split(",")):
            # It was turned away before it was anybody's turn: that says nothing of a revision.
            chosen = ""
        is_other = bool(served) and served != chosen.removesuffix(_PINNED)
        found.append(
            Count(
                chosen=chosen.removesuffix(_PINNED),
                served=served,
                code=code,
                flags=flags,
                attempts=_number(matched["attempts"]),
                count=int(item["value"]),
                pinned=matched["chosen"].endswith(_PINNED),
                reason=_given(matched["reason"]) or _NOT_REACHED if is_other else "",
            )
        )
    return tuple(found)


def fallbacks(counted: Iterable[Count]) -> dict[tuple[str, ...], int]:
    """Answers of another revision than the one whose turn it was: from, to, reason."""
    found: dict[tuple[str, ...], int] = {}
    for one in counted:
        if one.reason:
            kind = (one.chosen, one.served, one.reason)
            found[kind] = found.get(kind, 0) + one.count
    return found


@dataclass(frozen=True, slots=True)
class ClientCount:
    """Requests of one client since Envoy started; of nobody's key, where its name is empty."""

    client: str
    code: int
    is_limited: bool
    """Whether it asked more often than it may."""
    count: int


def clients(statistics: Iterable[Mapping[str, Any]]) -> tuple[ClientCount, ...]:
    """Of Envoy's `/stats?format=json`; nothing where nobody needs a key."""
    found = []
    for item in statistics:
        matched = _CLIENTS.fullmatch(str(item.get("name", "")))
        if matched is not None:
            is_limited = LIMITED in matched["flags"].split(",")
            name, code = _given(matched["client"]), _number(matched["code"])
            found.append(ClientCount(name, code, is_limited, int(item["value"])))
    return tuple(found)


def classes(statistics: Iterable[Mapping[str, Any]]) -> dict[tuple[str, ...], int]:
    """Requests that an engine answered: by the revision whose turn it was, their class, and the status.

    Nothing where requests of all sizes are alike; of what no engine answered the class is not known.
    """
    found: dict[tuple[str, ...], int] = {}
    for item in statistics:
        matched = _CLASSES.fullmatch(str(item.get("name", "")))
        if matched is None or not _given(matched["size"]):
            continue
        kind = (_given(matched["chosen"]).removesuffix(_PINNED), matched["size"], matched["code"])
        found[kind] = found.get(kind, 0) + int(item["value"])
    return found


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies of requests for one revision, since gateways began to make them; none of them is in a `Count`."""

    revision: str
    ended: int
    """Answered or failed."""
    failed: int
    """Of these: 429, 5xx, no connection, or no first byte in time."""
    rejected: int
    """Of these: any other 4xx."""
    dropped: int
    """Not made, because there were as many as there may be."""
    running: int


def copies(statistics: Iterable[Mapping[str, Any]]) -> tuple[Copies, ...]:
    """Of Envoy's `/stats?format=json`, from the clusters that only copies are sent to."""
    found: dict[str, dict[str, int]] = {}
    for item in statistics:
        matched = _COPIED.fullmatch(str(item.get("name", "")))
        if matched is not None:
            counted = found.setdefault(matched["name"], {})
            counted[matched["what"]] = int(item.get("value", 0))
    return tuple(_copies(revision, counted) for revision, counted in sorted(found.items()))


def _copies(revision: str, counted: Mapping[str, int]) -> Copies:
    """Of one that finds no room Envoy says 503, as if it had been answered."""
    dropped = counted.get("pending_overflow", 0) + counted.get("active_overflow", 0)
    refused = counted.get("429", 0)
    return Copies(
        revision,
        ended=max(0, counted.get("completed", 0) - dropped),
        failed=max(0, counted.get("5xx", 0) - dropped) + refused,
        rejected=counted.get("4xx", 0) - refused,
        dropped=dropped,
        running=counted.get("active", 0),
    )


def active(statistics: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Requests that run now, by the revision whose turn it was."""
    found: dict[str, int] = {}
    for item in statistics:
        matched = _ACTIVE.fullmatch(str(item.get("name", "")))
        # Copies are nobody's requests, and spans neither: no drain waits for them.
        if (
            matched is not None
            and matched["name"] not in ("agent", tracing.COLLECTOR)
            and not mirrors.is_mirror(matched["name"])
        ):
            revision = matched["name"].removesuffix(_PINNED)
            found[revision] = found.get(revision, 0) + int(item["value"])
    return found


def _given(text: str) -> str:
    return "" if text == "-" else text


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
