"""From counters that only grow to stretches of time in which each request is counted once. Pure.

Every source of figures (a gateway's pod) counts since it started. What is recorded is the last reading of each; a
stretch is the difference. A source that is new, gone, or whose counters have fallen was not seen through
the whole stretch: it is left out of this one and read anew for the next. What it did meanwhile is not known, and
nobody's fault.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from deepseek_operator.rollout.evidence import Outcomes, Pair, Window
from deepseek_operator.rollout.facts import Figures

LENGTH = timedelta(seconds=15)
"""A stretch is not over before that."""

REQUESTS = 20
"""Nor before the candidate has had so many requests: few requests make long stretches, not empty ones."""

LONGEST = timedelta(hours=1)
"""But for so long it waits at most."""


USERS = "users"
"""The metric of requests themselves, those that still run included. One that is just ending may be in neither number for a
moment: that this counter falls is no sign of another process."""


@dataclass(frozen=True, slots=True)
class Counter:
    """What is counted: outcomes of one metric, of one revision, on requests of one kind."""

    revision: str
    metric: str
    kind: str = ""


Counts = Mapping[Counter, Outcomes]


@dataclass(frozen=True, slots=True)
class Reading:
    """All counters of all sources at one time; sources are known by what a restart changes."""

    at: datetime
    sources: Mapping[str, Counts] = field(default_factory=dict)


def of_revisions(reading: Reading, keys: Collection[str]) -> Reading:
    """Counters of these revisions: gateways count every one that they have ever served, and a record has bounds.

    Who counted nothing of them yet is there all the same: its next count is a difference.
    """
    sources = {
        name: {counter: found for counter, found in counts.items() if counter.revision in keys}
        for name, counts in reading.sources.items()
    }
    return Reading(reading.at, sources)


def stretch(
    base: Reading | None,
    reading: Reading,
    *,
    candidate: str,
    stable: str,
    counted: str,
    users: str,
) -> tuple[Reading, Figures | None]:
    """The reading that the next stretch begins from, and what this one held, if it is over.

    `counted` is the metric whose outcomes are the candidate's requests themselves, `users` that of users' requests,
    whatever became of them.
    """
    if base is None or reading.at < base.at:
        return reading, None
    grown = _grown(base, reading)
    requests = _total(grown, candidate, counted)
    elapsed = reading.at - base.at
    if elapsed < LENGTH or (requests < REQUESTS and elapsed < LONGEST):
        # A source that cannot be compared with the base would be missing until the stretch is over.
        return _with_new_sources(base, reading), None
    windows: dict[str, Window] = {}
    for metric in sorted({counter.metric for counter in grown}):
        kinds = sorted({counter.kind for counter in grown if counter.metric == metric})
        windows[metric] = tuple(
            Pair(
                grown.get(Counter(candidate, metric, kind), Outcomes()),
                grown.get(Counter(stable, metric, kind), Outcomes()),
            )
            for kind in kinds
        )
    reached, others = (_total(grown, revision, users) for revision in (candidate, stable))
    return reading, Figures(
        windows,
        requests,
        users=reached + others,
        seconds=elapsed.total_seconds(),
        reached=reached,
        since=base.at,
    )


def _grown(base: Reading, reading: Reading) -> dict[Counter, Outcomes]:
    """By how much the counters of sources grew that were there all the time, added up."""
    grown: dict[Counter, Outcomes] = {}
    for name, counts in reading.sources.items():
        before = base.sources.get(name)
        difference = None if before is None else _difference(before, counts)
        for counter, outcomes in (difference or {}).items():
            grown[counter] = grown.get(counter, Outcomes()) + outcomes
    return grown


def _difference(before: Counts, after: Counts) -> dict[Counter, Outcomes] | None:
    """None where a counter has fallen, or is missing: the source was restarted."""
    if not before.keys() <= after.keys():
        return None
    found = {}
    for counter, outcomes in after.items():
        earlier = before.get(counter, Outcomes())
        total, bad = outcomes.total - earlier.total, outcomes.bad - earlier.bad
        if counter.metric == USERS:
            total = max(0, total)
        if bad < 0 or total < bad:
            return None
        found[counter] = Outcomes(total, bad)
    return found


def _with_new_sources(base: Reading, reading: Reading) -> Reading:
    """The base, with what cannot be compared with it read anew, and without what is gone."""
    sources = {}
    for name, counts in reading.sources.items():
        before = base.sources.get(name)
        is_whole = before is not None and _difference(before, counts) is not None
        sources[name] = before if before is not None and is_whole else counts
    return Reading(base.at, sources)


def _total(grown: Counts, revision: str, metric: str) -> int:
    return sum(
        outcomes.total
        for counter, outcomes in grown.items()
        if counter.revision == revision and counter.metric == metric
    )
