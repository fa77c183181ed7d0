"""Text in columns and colours. Pure."""

from collections.abc import Sequence

BOLD, RED, GREEN, _PLAIN = "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[0m"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; the last one as it is."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )


def painted(text: str, paint: str, *, color: bool) -> str:
    """The text in a colour, for a terminal."""
    return f"{paint}{text}{_PLAIN}" if color else text
