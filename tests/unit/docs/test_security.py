"""The page on security tells every attempt that the tests make, and no other."""

import re

from dev.paths import REPOSITORY
from tests.cluster.bad_tenancy import REFUSED, TAKEN

PAGE = (REPOSITORY / "docs" / "security.md").read_text()


def rows_after(line: str) -> list[str]:
    """First cells of the table that follows a line."""
    _, _, rest = PAGE.partition(line)
    table = rest.strip().split("\n\n")[0].splitlines()
    return [row.split(" | ")[0].removeprefix("| ") for row in table[2:]]


def test_each_attempt_that_is_refused_has_a_row() -> None:
    assert rows_after("`rollout.from` alike:\n") == list(REFUSED)


def test_each_attempt_that_is_taken_has_a_row() -> None:
    assert rows_after("can do:\n") == list(TAKEN)


def test_every_test_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`(tests/[a-z_0-9/.]+)`", PAGE))

    assert len(named) > 10
    assert [name for name in named if not (REPOSITORY / name).exists()] == []
