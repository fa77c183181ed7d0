"""Lengths of time as people write them."""

import re
from typing import Annotated

from pydantic import Field

Duration = Annotated[
    str,
    Field(
        min_length=2,
        max_length=16,
        pattern=r"^([1-9][0-9]{0,3}h)?([1-9][0-9]{0,4}m)?([1-9][0-9]{0,5}s)?$",
    ),
]
"""A length of time as people write it: 90s, 5m, 1h30m."""


def seconds_of(duration: str) -> int:
    """A Duration in seconds."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(count) * units[unit] for count, unit in re.findall(r"(\d+)([hms])", duration))
