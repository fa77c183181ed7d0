"""The page that lists the decisions, from their titles."""

from pathlib import Path

from dev import steps
from dev.generate import markdown

DECISIONS = Path("docs") / "decisions"

_INTRODUCTION = f"""{markdown.GENERATED}

# Decisions

Why it is as it is: what was costly to decide, with what it was decided against.

"""


def index(root: Path) -> str:
    """The page, in the order of the numbers."""
    rows = [_row(file) for file in sorted((root / DECISIONS).glob("[0-9]*.md"))]
    table = markdown.table(("Number", "Decision"), rows)
    return f"{_INTRODUCTION}{_withdrawn([int(number) for number, _ in rows])}{table}\n"


def _withdrawn(numbers: list[int]) -> str:
    """Which numbers stand for nothing: a number is given once, when a decision is begun."""
    missing = sorted(set(range(1, max(numbers) + 1)) - set(numbers))
    if not missing:
        return ""
    told = ", ".join(map(str, missing))
    return f"Withdrawn before they were decided, and never given again: {told}.\n\n"


def _row(file: Path) -> tuple[str, str]:
    title, _, _ = file.read_text().partition("\n")
    number, dot, said = title.removeprefix("# ").partition(". ")
    if not dot or file.name[:4] != number.zfill(4):
        raise steps.StepError(f"{file.name} begins with {title!r}: give it its number and a title")
    return number, f"[{said}]({file.name})"
