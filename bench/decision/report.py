"""The table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.decision.simulate import End
from bench.decision.traffic import Traffic
from bench.reconcile import markdown

HEADER = [
    "traffic", "metric", "requests/s", "bad", "candidate's bad", "promoted", "rolled back", "held",
    "minutes to promotion", "minutes to rollback", "candidate's requests to rollback, median / 99 %",
    "bar", "met",
]  # fmt: skip

EQUAL_ROLLED_BACK, EQUAL_PROMOTED = 0.01, 0.95
WORSE_PROMOTED, WORSE_ROLLED_BACK = 0.01, 0.99
WORSE = 4.0
FULL = 10_000
"""Runs from which the share that was seen is held against the bar itself."""


@dataclass(frozen=True, slots=True)
class Cell:
    """All runs of one kind of traffic."""

    traffic: Traffic
    ends: Sequence[End]

    def share(self, outcome: str) -> float:
        """Of runs that ended so."""
        return sum(end.outcome == outcome for end in self.ends) / len(self.ends)

    @property
    def bar(self) -> tuple[str, bool] | None:
        """What is asked for, and whether it is so; runs of twice as many failures are only told."""
        if self.traffic.ratio == 1:
            met = self._is_at_most("rolled back", EQUAL_ROLLED_BACK)
            return "rolled back ≤ 1 %, promoted ≥ 95 %", met and self._is_at_least(
                "promoted", EQUAL_PROMOTED
            )
        if self.traffic.ratio >= WORSE:
            met = self._is_at_most("promoted", WORSE_PROMOTED)
            return "promoted ≤ 1 %, rolled back ≥ 99 %", met and self._is_at_least(
                "rolled back", WORSE_ROLLED_BACK
            )
        return None

    def _is_at_most(self, outcome: str, share: float) -> bool:
        return self.share(outcome) <= share + self._by_chance(share)

    def _is_at_least(self, outcome: str, share: float) -> bool:
        return self.share(outcome) >= share - self._by_chance(share)

    def _by_chance(self, share: float) -> float:
        """Of few runs: three standard deviations, or a bar that is met would be missed now and then."""
        runs = len(self.ends)
        return 0.0 if runs >= FULL else 3 * math.sqrt(share * (1 - share) / runs)


def line(cell: Cell) -> str:
    """One kind of traffic, for whoever waits."""
    traffic, bar = cell.traffic, cell.bar
    shares = ", ".join(
        f"{cell.share(outcome):.2%} {outcome}" for outcome in ("promoted", "rolled back", "held")
    )
    met = "" if bar is None else f", bar met: {'yes' if bar[1] else 'NO'}"
    return (
        f"{traffic.kind}, {traffic.metric}, {traffic.per_second:g} requests/s, {traffic.failing:.1%} bad, "
        f"{traffic.ratio:g} times: {shares}{met}"
    )


def table(cells: Sequence[Cell]) -> str:
    """A row for each kind of traffic."""
    return markdown.table(HEADER, [_row(cell) for cell in cells])


def _row(cell: Cell) -> list[str]:
    traffic, bar = cell.traffic, cell.bar
    back = [end for end in cell.ends if end.outcome == "rolled back"]
    return [
        traffic.kind,
        traffic.metric,
        markdown.number(traffic.per_second),
        f"{traffic.failing:.1%}",
        "as often" if traffic.ratio == 1 else f"{traffic.ratio:g} times",
        *(f"{cell.share(outcome):.2%}" for outcome in ("promoted", "rolled back", "held")),
        _middle([end.minutes for end in cell.ends if end.outcome == "promoted"]),
        _middle([end.minutes for end in back]),
        f"{_middle([end.requests for end in back])} / {_high([end.requests for end in back])}",
        bar[0] if bar else "",
        markdown.yes_or_no(holds=bar[1]) if bar else "",
    ]


def _middle(values: Sequence[float]) -> str:
    return markdown.number(sorted(values)[len(values) // 2]) if values else "-"


def _high(values: Sequence[float]) -> str:
    ordered = sorted(values)
    return markdown.number(ordered[math.ceil(0.99 * len(ordered)) - 1]) if ordered else "-"
