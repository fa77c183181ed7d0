"""The table."""

from collections.abc import Sequence

from bench.autoscaling.days import BY_NAME
from bench.autoscaling.simulate import Outcome
from bench.reconcile import markdown

HEADER = [
    "day", "policy", "minutes that miss the target", "late answers", "accelerator-hours", "more", "fewer",
    "waited for a pod", "longest wait", "refused",
]  # fmt: skip


def table(outcomes: Sequence[Outcome]) -> str:
    """A row for each day and policy."""
    return markdown.table(HEADER, [_row(one) for one in outcomes])


def _row(outcome: Outcome) -> list[str]:
    return [
        outcome.day,
        outcome.policy,
        f"{outcome.missed_minutes}",
        f"{outcome.late / outcome.requests:.2%}" if outcome.requests else "-",
        f"{outcome.accelerator_hours:.1f}",
        f"{outcome.more}",
        f"{outcome.fewer}",
        f"{outcome.held}" if outcome.held else "-",
        f"{outcome.longest_wait:.0f} s" if outcome.held else "-",
        f"{outcome.refused}" if outcome.refused else "-",
    ]


def behind(outcomes: Sequence[Outcome]) -> list[str]:
    """Where another policy had fewer such minutes for no more accelerator-hours, or as few for fewer."""
    found = []
    for day in dict.fromkeys(one.day for one in outcomes):
        ours, *others = [one for one in outcomes if one.day == day]
        for other in others:
            if other.policy.startswith(ours.policy):
                # The same law with other bounds.
                continue
            misses = other.missed_minutes - ours.missed_minutes
            hours = other.accelerator_hours - ours.accelerator_hours
            if misses <= 0 and hours <= 0 and (misses or hours):
                found.append(
                    f"{day}: {other.policy} is better: {-misses} minutes fewer and {-hours:.1f} accelerator-hours fewer"
                )
            elif misses < 0:
                found.append(
                    f"{day}: {other.policy} misses {-misses} minutes fewer, for {hours:.1f} accelerator-hours more"
                )
    return found


def legend() -> list[str]:
    """What the days are."""
    return [f"{day.name}: {day.said}" for day in BY_NAME.values()]
