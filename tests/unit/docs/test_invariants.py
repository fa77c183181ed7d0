"""The page of invariants: every row has tests and mutants that exist."""

import re

from dev.paths import REPOSITORY
from tests.mutants.mutants import MUTANTS
from tests.mutants.short import short_form

PAGE = (REPOSITORY / "docs" / "invariants.md").read_text()
ROWS = re.findall(r"^\| (I\d+) \|([^|]*)\|([^|]*)\|([^|]*)\|$", PAGE, re.MULTILINE)

TWENTY = re.findall(r"^\| (M\d+) \|[^|]*\| `([^`]+)` \|$", PAGE, re.MULTILINE)

REFERENCE = {
    "M1": "advances-on-no-data",
    "M2": "weight-before-pods",
    "M3": "abort-not-while-held",
    "M4": "rollback-keeps-the-weight",
    "M5": "promoted-without-the-gateways",
    "M6": "gate-never-opens",
    "M7": "failed-revision-tried-again",
    "M8": "fallen-counters-go-on",
    "M9": "held-for-ever",
    "M10": "another-spec-ignored",
    "M11": "gate-skipped",
    "M12": "no-minimum-of-requests",
    "M13": "evidence-rolls-nothing-back",
    "M14": "evidence-with-inertia",
    "M15": "no-longest-duration",
    "M16": "approval-instead-of-evidence",
    "M17": "lost-candidate-keeps-traffic",
    "M18": "pause-blinds",
    "M19": "superseded-has-failed",
    "M20": "drain-skipped",
}
"""What is never left out, whatever becomes of the page."""


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


def test_every_row_has_a_mutant_that_breaks_it() -> None:
    assert [name for name, *_, mutants in ROWS if not re.search(r"`[^`]+`", mutants)] == []


def test_the_twenty_mutants_are_there_and_run_each_time() -> None:
    assert dict(TWENTY) == REFERENCE
    assert list(REFERENCE) == [f"M{number}" for number in range(1, 21)]
    assert set(REFERENCE.values()) <= {mutant.name for mutant in short_form(MUTANTS)}


def test_every_row_has_a_test() -> None:
    assert [name for name, _, tests, _ in ROWS if "`tests/" not in tests] == []
