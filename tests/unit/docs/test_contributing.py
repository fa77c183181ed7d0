"""What CONTRIBUTING.md says of the repository holds."""

import re
from pathlib import Path

from dev.paths import REPOSITORY

PAGE = (REPOSITORY / "CONTRIBUTING.md").read_text()

MOST_LINES = 400

LONGER = {
    "operator/deepseek_operator/plan.py": 600,
    "tests/e2e/test_4_warmup.py": 450,
    "tests/unit/api/test_rules.py": 500,
    "tests/unit/build/test_weights.py": 450,
    "tests/unit/rollout/test_machine.py": 700,
    "tests/unit/test_canary.py": 600,
    "tests/unit/test_fallbacks.py": 450,
    "tests/unit/test_fetching.py": 700,
    "tests/unit/test_plan.py": 450,
    "tests/unit/test_reconcile.py": 550,
    "tests/unit/test_warming.py": 750,
}
"""Files that are above the limit, and what none of them may pass. A file that is split leaves this list,
and none joins it."""

SOURCES = [
    path
    for folder in ("operator", "serving", "dev", "tests", "bench")
    for pattern in ("*.py", "*.go")
    for path in (REPOSITORY / folder).rglob(pattern)
]


def lines_of(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_file_is_longer_than_the_page_allows() -> None:
    assert f"files of at most {MOST_LINES}" in PAGE
    long = {
        name: count
        for path in SOURCES
        if (count := lines_of(path))
        > LONGER.get(name := str(path.relative_to(REPOSITORY)), MOST_LINES)
    }

    assert len(SOURCES) > 400
    assert long == {}, "split them"


def test_a_file_that_was_split_is_no_exception_any_more() -> None:
    assert [name for name in LONGER if lines_of(REPOSITORY / name) <= MOST_LINES] == []


def test_every_folder_of_tests_is_told() -> None:
    [row] = [line for line in PAGE.splitlines() if line.startswith("| `tests/` |")]
    told = set(re.findall(r"`([a-z0-9]+)`", row))
    there = {
        folder.name
        for folder in (REPOSITORY / "tests").iterdir()
        if folder.is_dir() and not folder.name.startswith("_")
    }

    assert told == there
