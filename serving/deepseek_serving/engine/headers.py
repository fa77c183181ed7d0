"""What the headers of a request say to an engine. Pure, and nothing but the standard library."""

from collections.abc import Iterable

Headers = Iterable[tuple[bytes, bytes]]


def value(headers: Headers, name: bytes) -> bytes | None:
    """Of the first header of this name, which is in lower case; None where there is none."""
    return next((bytes(found) for key, found in headers if bytes(key).lower() == name), None)


def number(headers: Headers, name: bytes) -> int | None:
    """The same as a positive whole number; None where it is missing or anything else."""
    return positive((value(headers, name) or b"").decode("latin-1"))


def positive(text: str) -> int | None:
    """A positive whole number in digits; None for anything else."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else None
