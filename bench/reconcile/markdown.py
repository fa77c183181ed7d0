"""Tables as Markdown, and the few ways in which numbers stand in them."""

import math
import statistics
from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with the first column to the left and the others as they come."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float) -> str:
    """Three significant digits, and whole numbers whole; what is infinite never came."""
    if math.isinf(value):
        return "never"
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def middle_and_most(values: Sequence[float]) -> str:
    """The median and the highest value."""
    return f"{number(statistics.median(values))} / {number(max(values))}"


def spread(values: Sequence[float]) -> str:
    """The median, and where there are several values the lowest and highest of them."""
    middle = number(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({number(min(values))} to {number(max(values))})"


def yes_or_no(*, holds: bool) -> str:
    """Whether a goal is met."""
    return "yes" if holds else "**no**"
