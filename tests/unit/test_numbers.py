"""Numbers in flags, as vLLM reads them."""

import pytest

from deepseek_operator import numbers


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("4096", 4096),
        ("4k", 4000),
        ("4K", 4096),
        ("1.5k", 1500),
        ("1M", 2**20),
        ("0", None),
        ("", None),
        ("-1", None),
        ("1e9", None),
        ("many", None),
        ("\N{SUPERSCRIPT TWO}", None),
        ("9" * 400, None),
        (f"0.{400 * '9'}", None),
    ],
)
def test_a_number_is_one_of_anything_or_none(text: str, found: int | None) -> None:
    assert numbers.count(text) == found
