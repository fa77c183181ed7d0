"""What is mounted on this machine."""

import re
from pathlib import Path

ESCAPED = re.compile(r"\\([0-7]{3})")


def below(root: Path) -> list[str]:
    """The mount points below a folder, itself among them, in the order they were made."""
    return [point for point in points(table()) if Path(point).is_relative_to(root)]


def table() -> str:
    """The kernel's own table of what this process sees mounted."""
    return Path("/proc/self/mountinfo").read_text()


def points(table: str) -> list[str]:
    """The mount points of such a table; spaces and the like are escaped in it as octal numbers."""
    escaped = (line.split(" ")[4] for line in table.splitlines())
    return [ESCAPED.sub(lambda found: chr(int(found[1], 8)), point) for point in escaped]
