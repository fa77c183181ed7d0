"""The page that lists the decisions."""

from pathlib import Path

import pytest

from dev import steps
from dev.generate import decisions


def write(root: Path, name: str, text: str) -> None:
    folder = root / decisions.DECISIONS
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def test_decisions_stand_in_order_and_are_links(tmp_path: Path) -> None:
    write(tmp_path, "0010-later.md", "# 10. Later\n\nText\n")
    write(tmp_path, "0002-first.md", "# 2. First\n")
    write(tmp_path, "README.md", "# Decisions\n")

    rows = decisions.index(tmp_path).splitlines()[-2:]

    assert rows == ["| 2 | [First](0002-first.md) |", "| 10 | [Later](0010-later.md) |"]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        pytest.param((1, 2, 4, 6), "never given again: 3, 5.", id="two-are-missing"),
        pytest.param((1, 2, 3), None, id="none-is-missing"),
    ],
)
def test_a_number_without_a_decision_is_told(
    numbers: tuple[int, ...], said: str | None, tmp_path: Path
) -> None:
    for number in numbers:
        write(tmp_path, f"{number:04}-one.md", f"# {number}. One\n")

    page = decisions.index(tmp_path)

    assert ("Withdrawn" in page) is (said is not None)
    assert (said or "") in page


@pytest.mark.parametrize("title", ["# No number\n", "# 3. Another's\n"])
def test_a_title_that_is_not_of_its_file_is_told(tmp_path: Path, title: str) -> None:
    write(tmp_path, "0002-first.md", title)

    with pytest.raises(steps.StepError, match=r"0002-first\.md"):
        decisions.index(tmp_path)
