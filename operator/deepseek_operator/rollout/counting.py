"""From what gateways counted to outcomes of a metric. Pure.

A request is one outcome of the revision whose turn it was, whoever answered it in the end: what a retry or a
fallback hid from the client is still what this revision did. So a candidate that fails looks no better
because others stand in for it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from deepseek_operator.observed import Gateway
from deepseek_operator.rollout.copies import Copies
from deepseek_operator.rollout.evidence import Outcomes
from deepseek_operator.rollout.stretches import USERS, Counter, Reading

ERRORS = "errors"
"""Of requests that an engine should have answered: those that failed, at the first try."""
REJECTIONS = "rejections"
"""Of all requests: those that were called the client's own fault. Clients are the same for both revisions."""

COPIES = "copies"
"""Of copies of requests that gateways made for a candidate: those that failed. No request is among them."""
FAILURES = frozenset({ERRORS, REJECTIONS})
"""What no model's nature excuses, whoever counts it."""

GONE = frozenset({"DC", "DPE", "DR", "DT"})
"""Envoy's flags for a client that went away (DR: by a reset of its stream, as over HTTP/2), spoke no HTTP or was too slow:
nobody's fault here."""


def reading(gateways: Iterable[Gateway], *, at: datetime) -> Reading:
    """The counters of all gateways that answered; each is known by its pod and its Envoy's process."""
    sources: dict[str, dict[Counter, Outcomes]] = {}
    for gateway in gateways:
        counted = (gateway.report or {}).get("counted") or {}
        if gateway.report is None or "requests" not in counted:
            continue
        copied = _copied(counted.get("copies") or ())
        counts = _with_running(_counts(counted["requests"]), counted.get("active") or {})
        sources[_source(gateway)] = {**counts, **copied}
    return Reading(at, sources)


def _copied(copies: Iterable[Mapping[str, Any]]) -> dict[Counter, Outcomes]:
    """Without those that a candidate called the client's fault: of users' requests they are no errors either."""
    return {
        Counter(str(item["revision"]), COPIES): Outcomes(
            int(item["ended"]) - int(item["rejected"]), int(item["failed"])
        )
        for item in copies
    }


def _counts(requests: Iterable[Mapping[str, Any]]) -> dict[Counter, Outcomes]:
    found: dict[Counter, Outcomes] = {}
    for item in requests:
        for metric, outcomes in _outcomes(item).items():
            counter = Counter(str(item["chosen"]), metric)
            found[counter] = found.get(counter, Outcomes()) + outcomes
    return found


def _with_running(
    counts: dict[Counter, Outcomes], active: Mapping[str, int]
) -> dict[Counter, Outcomes]:
    """One that takes minutes is a revision's from its beginning on."""
    for revision, running in active.items():
        counter = Counter(str(revision), USERS)
        counts[counter] = counts.get(counter, Outcomes()) + Outcomes(int(running), 0)
    return counts


def _outcomes(item: Mapping[str, Any]) -> dict[str, Outcomes]:
    """By metric; nothing of a test, and of a client that went away, before it could show, only that it was there."""
    code, count = int(item["code"]), int(item["count"])
    flags = set(str(item["flags"]).split(",")) - {""}
    if not item["chosen"] or item.get("pinned"):
        return {}
    users = {USERS: Outcomes(count, 0)}
    if flags & GONE:
        return users
    if 400 <= code < 500 and code != 429:
        return {**users, REJECTIONS: Outcomes(count, count)}
    is_bad = code in (0, 429) or code >= 500 or int(item["attempts"]) > 1 or bool(flags)
    # Without any pod another revision answers at the first try.
    is_bad |= bool(item["served"]) and item["served"] != item["chosen"]
    return {
        **users,
        REJECTIONS: Outcomes(count, 0),
        ERRORS: Outcomes(count, count if is_bad else 0),
    }


def users(base: Reading | None) -> str:
    """The counter that tells how many requests users made; engines have one of those that they took, and so had gateways."""
    counted = {
        counter.metric for counts in (base.sources.values() if base else ()) for counter in counts
    }
    return REJECTIONS if REJECTIONS in counted and USERS not in counted else USERS


def all_answered(gateways: Iterable[Gateway]) -> bool:
    """Whether every gateway that gets requests told its counts; without any there is nothing to see."""
    serving = [gateway for gateway in gateways if gateway.is_ready]
    return bool(serving) and all(
        "requests" in ((gateway.report or {}).get("counted") or {}) for gateway in serving
    )


def acknowledged(gateways: Iterable[Gateway], version: str) -> bool:
    """Whether every gateway that gets requests does what it was told under this version."""
    return all(
        gateway.report is not None and gateway.report.get("taken") == version
        for gateway in gateways
        if gateway.is_ready
    )


def copies(gateways: Iterable[Gateway], revision: str) -> Copies:
    """What became of copies for a revision, as all gateways that answered tell."""
    found = Copies()
    for gateway in gateways:
        for item in ((gateway.report or {}).get("counted") or {}).get("copies") or ():
            if item["revision"] == revision:
                ended, failed = int(item["ended"]), int(item["failed"])
                found += Copies(
                    answered=ended - failed,
                    rejected=int(item["rejected"]),
                    failed=failed,
                    dropped=int(item["dropped"]),
                    running=int(item["running"]),
                )
    return found


def begun(gateways: Iterable[Gateway], revision: str) -> dict[str, int] | None:
    """By gateway, requests that were a revision's since it started, those that run included; None where one does not say."""
    found = {}
    for gateway in gateways:
        report = gateway.report or {}
        counted = report.get("counted") or {}
        if "active" not in counted or "requests" not in counted:
            return None
        ended = sum(int(one["count"]) for one in counted["requests"] if one["chosen"] == revision)
        found[_source(gateway)] = ended + int(counted["active"].get(revision, 0))
    return found


def _source(gateway: Gateway) -> str:
    """By its pod and its Envoy's process, which counts anew."""
    return f"{gateway.pod}/{(gateway.report or {}).get('envoy', '')}"


def in_flight(gateways: Iterable[Gateway], revision: str) -> int | None:
    """Requests that run on a revision; None where a gateway that may have some does not say."""
    total = 0
    for gateway in gateways:
        active = ((gateway.report or {}).get("counted") or {}).get("active")
        if active is None:
            return None
        total += int(active.get(revision, 0))
    return total
