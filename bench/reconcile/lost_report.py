"""The table of lost.py: what was put right, by whom, and after how long."""

import statistics
from collections.abc import Mapping, Sequence

from bench.reconcile import markdown
from bench.reconcile.duel_report import NEITHER, OURS, PLAIN
from bench.reconcile.lost import DEADLINE_SECONDS, Verdict

HEADER = [
    "when", "what happened", f"{OURS}: right again", "after, s (raw)",
    f"{PLAIN}: right again", "after, s (raw)", "ahead", "goal", "met",
]  # fmt: skip

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
    lost, lost_plain = never(ours), never(plain)
    best = OURS if lost < lost_plain else NEITHER if lost == lost_plain else PLAIN
    sums = [str(lost), "", str(lost_plain), "", best]
    rows.append(
        ["all", f"objects not right within {DEADLINE_SECONDS:.0f} s", *sums, "0, and ahead",
         markdown.yes_or_no(holds=lost == 0 and best == OURS)]
    )  # fmt: skip
    ended = list(ends.values())
    best = NEITHER if ended[0] == ended[1] else OURS if ended[0] < ended[1] else PLAIN
    rows.append(
        ["all", "ended by itself and was started again", str(ended[0]), "", str(ended[1]), "",
         best, "", ""]
    )  # fmt: skip
    return markdown.table(HEADER, rows)


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
