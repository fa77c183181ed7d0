"""The table of published figures in the page on sizing."""

from bench.sizing import report
from dev.generate import markdown

BEGIN, END = markdown.marks("published")


def render(page: str) -> str:
    """The page with its table renewed."""
    before, after = markdown.around(page, BEGIN, END, name="docs/sizing.md")
    return f"{before}{report.table()}{after}"
