"""The table of duel.py: paired rounds side by side, and who is ahead."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.reconcile import audit, markdown
from bench.reconcile.duel import BURSTS, EDITS, Round

OURS, PLAIN, NEITHER = "this operator", "plain kopf", "neither"
HEADER = ["figure, less is better", OURS, PLAIN, "plain / this", "ahead", "goal", "met"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: a value a round of each operator, less being better; `goal` where we must be ahead."""

    name: str
    ours: tuple[float, ...]
    plain: tuple[float, ...]
    goal: bool = False

    @property
    def ratios(self) -> list[float]:
        """How many times ours the plain one's value is, round by round."""
        return [plain / ours for ours, plain in zip(self.ours, self.plain, strict=True) if ours]

    @property
    def ahead(self) -> str:
        """Who has less in every round; neither where rounds disagree."""
        pairs = list(zip(self.ours, self.plain, strict=True))
        if all(ours < plain for ours, plain in pairs):
            return OURS
        return PLAIN if all(plain < ours for ours, plain in pairs) else NEITHER

    def row(self) -> list[str]:
        """The row as the table shows it."""
        cells = [self.name, markdown.spread(self.ours), markdown.spread(self.plain)]
        cells += [markdown.spread(self.ratios) if self.ratios else "", self.ahead]
        if not self.goal:
            return [*cells, "", ""]
        return [*cells, "ahead", markdown.yes_or_no(holds=self.ahead == OURS)]


Pairs = Sequence[tuple[Round, Round]]


def figures(pairs: Pairs, *, count: int) -> list[Figure]:
    """Every figure of paired rounds, ours first."""
    found = [
        _figure("start until the first objects are served, s (raw)", pairs, lambda one: one.start_seconds),
        _figure(f"time until {count} objects are served, s (raw)", pairs, lambda one: one.converge_seconds),
        _figure("API calls per object", pairs, lambda one: len(audit.counted(one.calls)) / count),
        _figure("API writes per object", pairs, lambda one: _writes(one) / count),
        _figure("CPU per object, ms (raw)", pairs, lambda one: 1000 * one.cpu_seconds / count),
        _figure("memory without them, MiB (raw)", pairs, lambda one: one.empty_mib),
        _figure(f"memory with {count} objects, MiB (raw)", pairs, lambda one: one.full_mib),
    ]  # fmt: skip
    for at in range(len(BURSTS)):
        found += _burst_figures(pairs, at)
    return found


def _burst_figures(pairs: Pairs, at: int) -> list[Figure]:
    burst = BURSTS[at]
    pace = f"one every {burst.pause_seconds} s" if burst.pause_seconds else "back to back"
    name = f"{EDITS} edits of {burst.field}, {pace}"
    # Edits back to back are one change or a few to whoever reads after the first.
    paced = burst.pause_seconds > 0
    return [
        _figure(f"{name}: calls", pairs, lambda one: one.bursts[at].calls, goal=paced),
        _figure(f"{name}: writes", pairs, lambda one: one.bursts[at].writes),
        _figure(f"{name}: until right after the last, s (raw)", pairs, lambda one: _late(one, at)),
    ]


def _figure(
    name: str, pairs: Pairs, value: Callable[[Round], float], *, goal: bool = False
) -> Figure:
    ours, plain = zip(*((value(a), value(b)) for a, b in pairs), strict=True)
    return Figure(name, ours, plain, goal)


def report(found: Sequence[Figure]) -> str:
    """The table."""
    return markdown.table(HEADER, [figure.row() for figure in found])


def _writes(one: Round) -> int:
    return sum(call.is_write for call in audit.counted(one.calls))


def _late(one: Round, at: int) -> float:
    seconds = one.bursts[at].seconds
    return float("inf") if seconds is None else seconds
