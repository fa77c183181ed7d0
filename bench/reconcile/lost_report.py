"""The table of lost.py: what was put right, by whom, and after how long."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.reconcile import markdown
from bench.reconcile.duel_report import NEITHER, OURS, PLAIN
from bench.reconcile.lost import DEADLINE_SECONDS, Verdict

HEADER = [
    "when", "what happened", f"{OURS}: right again", "after, s (raw)",
    f"{PLAIN}: right again", "after, s (raw)", "ahead", "goal", "met",
]  # fmt: skip

ALL = "all"

LIKE = 1.5
"""Times nearer to each other than by this factor count as the same."""

NOTICEABLE_SECONDS = 1.0


def report(ours: Sequence[Verdict], plain: Sequence[Verdict], ends: Mapping[str, int]) -> str:
    """The table, with sums below it."""
    pairs = list(zip(ours, plain, strict=True))
    rows = [
        [a.when, a.what, *_cells(a), *_cells(b), ahead(a, b), "ahead or equal", _met(a, b)]
        for a, b in pairs
    ]
    wrong, ended = sums(ours, plain, ends)
    met = markdown.yes_or_no(holds=wrong.ours == 0 and wrong.ahead == OURS)
    rows.append([*wrong.cells(), "0, and ahead", met])
    rows.append([*ended.cells(), "", ""])
    return markdown.table(HEADER, rows)


@dataclass(frozen=True, slots=True)
class Sum:
    """Something of all scenarios together, of which less is better."""

    what: str
    ours: int
    plain: int

    @property
    def ahead(self) -> str:
        """Who has less of it."""
        if self.ours == self.plain:
            return NEITHER
        return OURS if self.ours < self.plain else PLAIN

    def cells(self) -> list[str]:
        """The row, without its goal."""
        return [ALL, self.what, str(self.ours), "", str(self.plain), "", self.ahead]


def sums(
    ours: Sequence[Verdict], plain: Sequence[Verdict], ends: Mapping[str, int]
) -> tuple[Sum, Sum]:
    """What stayed wrong, and how often each operator ended by itself."""
    ended = list(ends.values())
    return (
        Sum(f"objects not right within {DEADLINE_SECONDS:.0f} s", never(ours), never(plain)),
        Sum("ended by itself and was started again", ended[0], ended[1]),
    )


def behind(ours: Sequence[Verdict], plain: Sequence[Verdict], ends: Mapping[str, int]) -> list[str]:
    """The rows of the table in which plain kopf is ahead."""
    rows = [(a.when, a.what, ahead(a, b)) for a, b in zip(ours, plain, strict=True)]
    rows += [(ALL, one.what, one.ahead) for one in sums(ours, plain, ends)]
    return [f"{when}: {what}" for when, what, best in rows if best == PLAIN]


def never(verdicts: Sequence[Verdict]) -> int:
    """Objects that stayed wrong."""
    return sum(one.objects - len(one.seconds) for one in verdicts)


def ahead(ours: Verdict, plain: Verdict) -> str:
    """Who put more objects right; of equals, who was noticeably sooner."""
    if len(ours.seconds) != len(plain.seconds):
        return OURS if len(ours.seconds) > len(plain.seconds) else PLAIN
    if not ours.seconds:
        return NEITHER
    times = statistics.median(ours.seconds), statistics.median(plain.seconds)
    if max(times) < LIKE * min(times) or max(times) - min(times) < NOTICEABLE_SECONDS:
        return NEITHER
    return OURS if times[0] < times[1] else PLAIN


def _met(ours: Verdict, plain: Verdict) -> str:
    return markdown.yes_or_no(holds=len(ours.seconds) >= len(plain.seconds))


def _cells(one: Verdict) -> list[str]:
    counted = f"{len(one.seconds)} of {one.objects}"
    if not one.seconds:
        return [counted, f"not in {DEADLINE_SECONDS:.0f}"]
    return [counted, markdown.middle_and_most(one.seconds)]
