"""The tables."""

from collections.abc import Callable, Mapping, Sequence

from bench.reconcile import markdown
from bench.warmup.measured import First, Start
from bench.weights.statistics import ratio

MOST_SLOWEST = 3.0
"""A request to a pod that was just opened takes at most so many warm medians."""

FIRST_HEADER = [
    "pod", "slowest request / warm median", "the same of the control", "very first / warm median",
    "goal", "met",
]  # fmt: skip


def first_requests(rounds: Mapping[str, Sequence[First]], *, goals: Sequence[str]) -> str:
    """A row for each kind of pod; the goal is for those that were warmed up."""
    rows = []
    for name, found in rounds.items():
        slowest = [one.slowest for one in found]
        goal = ["", ""]
        if name in goals:
            # Against the control: on a busy machine its requests are late as well.
            beside = ratio([(one.slowest, one.control_slowest) for one in found]).middle
            held = min(max(slowest), beside) < MOST_SLOWEST
            goal = [f"< {MOST_SLOWEST:g}, or < {MOST_SLOWEST:g} controls", _met(holds=held)]
        rows.append(
            [
                name,
                markdown.spread(slowest),
                markdown.spread([one.control_slowest for one in found]),
                markdown.spread([one.very_first for one in found]),
                *goal,
            ]
        )
    return markdown.table(FIRST_HEADER, rows)


def starts(without: Sequence[Start], kept: Sequence[Start]) -> str:
    """The first pod of an engine that compiles beside the second, which finds what that compiled."""
    figures: dict[str, Callable[[Start], float]] = {
        "container's start until users may come, s (raw)": lambda one: one.until_open,
        "of that, warm-up, s (raw)": lambda one: one.warmup,
        "slowest first round of the warm-up, s (raw)": lambda one: one.first_round,
    }
    rows = []
    for name, figure in figures.items():
        first, second = [figure(one) for one in without], [figure(one) for one in kept]
        found = ratio(list(zip(first, second, strict=True)))
        low, high = markdown.number(found.low), markdown.number(found.high)
        rows.append(
            [
                name,
                markdown.spread(first),
                markdown.spread(second),
                f"{markdown.number(found.middle)} ({low} to {high})",
            ]
        )
    header = ["figure", "nothing kept", "kept by an earlier pod", "ratio (95 % interval)"]
    return markdown.table(header, rows)


def _met(*, holds: bool) -> str:
    return markdown.yes_or_no(holds=holds)
