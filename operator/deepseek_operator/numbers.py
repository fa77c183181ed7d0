"""Numbers as engines' flags take them: 4096, 4k, 4K. Pure."""

import re

_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "K": 2**10, "M": 2**20, "G": 2**30}
"""Of vLLM's human_readable_int (vllm/engine/arg_utils.py): a small letter is of 1000, a large one of 1024."""

_NUMBER = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)([kKmMgG]?)", re.ASCII)
"""With no more digits than a number of anything has: more would not fit into a float."""


def count(text: str) -> int | None:
    """The number, above 0; None where the text is none."""
    match = _NUMBER.fullmatch(text)
    found = round(float(match[1]) * _SIZES[match[2]]) if match else 0
    return found or None


def whole(text: str) -> int | None:
    """The number in digits alone, above 0; None where the text is none."""
    return int(text) if text.isdecimal() and int(text) > 0 else None
