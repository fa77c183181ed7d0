"""The page of invariants: every row has tests and mutants that exist."""

import re

from dev.paths import REPOSITORY
from tests.mutants.mutants import MUTANTS

PAGE = (REPOSITORY / "docs" / "invariants.md").read_text()
ROWS = re.findall(r"^\| (I\d+) \|([^|]*)\|([^|]*)\|([^|]*)\|$", PAGE, re.MULTILINE)


def test_all_twenty_are_there() -> None:
    assert [name for name, *_ in ROWS] == [f"I{number}" for number in range(1, 21)]


def test_every_test_is_there() -> None:
    named = [name for _, _, tests, _ in ROWS for name in re.findall(r"`(tests/[^`]+)`", tests)]

    missing = []
    for name in named:
        file, _, test = name.partition("::")
        text = (REPOSITORY / file).read_text()
        if f"def {test}(" not in text:
            missing.append(name)
    assert missing == []
    assert len(named) > 30


def test_every_mutant_is_there() -> None:
    named = {name for *_, mutants in ROWS for name in re.findall(r"`([^`]+)`", mutants)}

    assert named <= {mutant.name for mutant in MUTANTS}
    assert len(named) >= 20


def test_every_row_has_a_test() -> None:
    assert [name for name, _, tests, _ in ROWS if "`tests/" not in tests] == []
