"""The tables."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.reconcile import markdown
from bench.weights.contenders import MIB, Run
from bench.weights.statistics import Interval, ratio

LEAST_RATIO = 0.9
MOST_ANONYMOUS_BYTES = 200e6
MOST_SENT = 1.2
HEADER = ["figure", "this fetcher", "curl", "ratio (95 % interval)", "goal", "met"]


@dataclass(frozen=True, slots=True)
class Resumed:
    """A fetch that was killed halfway and run again."""

    seconds: float
    sent_ratio: float
    """Bytes that the hub sent in all, as a part of the model's size."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """Paired rounds into one place."""

    place: str
    size: int
    pairs: tuple[tuple[Run, Run], ...]
    resumed: tuple[Resumed, ...] = ()


def report(rounds: Rounds, *, has_goals: bool) -> str:
    """The rounds as a table; goals where they apply."""
    ours = [pair[0] for pair in rounds.pairs]
    theirs = [pair[1] for pair in rounds.pairs]
    rate = ratio([(b.seconds, a.seconds) for a, b in rounds.pairs])
    gib = rounds.size / 2**30
    peak = max(run.anonymous_bytes for run in ours)
    rows = [
        [
            "throughput, MiB/s",
            markdown.spread([rounds.size / MIB / run.seconds for run in ours]),
            markdown.spread([rounds.size / MIB / run.seconds for run in theirs]),
            _interval(rate),
            *_goal(f">= {LEAST_RATIO}", rate.middle >= LEAST_RATIO, has_goals),
        ],
        [
            "CPU seconds per GiB",
            markdown.spread([run.cpu_seconds / gib for run in ours]),
            markdown.spread([run.cpu_seconds / gib for run in theirs]),
            _interval(ratio([(a.cpu_seconds, b.cpu_seconds) for a, b in rounds.pairs])),
            "",
            "",
        ],
        [
            "peak anonymous memory, MB",
            markdown.spread([run.anonymous_bytes / 1e6 for run in ours]),
            "",
            "",
            *_goal("< 200", peak < MOST_ANONYMOUS_BYTES, has_goals),
        ],
    ]
    if rounds.resumed:
        rows += _resumed(rounds.resumed, ours)
    return markdown.table(HEADER, rows)


def _resumed(resumed: Sequence[Resumed], whole: Sequence[Run]) -> list[list[str]]:
    usual = statistics.median(run.seconds for run in whole)
    sent = [one.sent_ratio for one in resumed]
    more = [one.seconds - usual for one in resumed]
    return [
        [
            "killed halfway: bytes sent / size",
            markdown.spread(sent),
            "",
            "",
            *_goal(f"< {MOST_SENT}", max(sent) < MOST_SENT, has_goals=True),
        ],
        ["killed halfway: seconds more than unkilled", markdown.spread(more), "", "", "", ""],
    ]


def _interval(interval: Interval) -> str:
    low, high = markdown.number(interval.low), markdown.number(interval.high)
    return f"{markdown.number(interval.middle)} ({low} to {high})"


def _goal(text: str, met: bool, has_goals: bool) -> list[str]:
    return [text, markdown.yes_or_no(holds=met)] if has_goals else ["", ""]
