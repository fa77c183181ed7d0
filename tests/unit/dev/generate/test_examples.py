"""Examples in pages, and the page that lists them."""

from pathlib import Path

import pytest

from dev import steps
from dev.generate import examples, markdown
from dev.paths import REPOSITORY

BEGIN, END = markdown.marks("examples/one.yaml")
ONE = "# What it is for, in\n# two lines. And more.\nkind: Example\n# not of the first comment\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "examples" / "platform").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    (tmp_path / "examples" / "one.yaml").write_text(ONE)
    (tmp_path / "examples" / "platform" / "two.yaml").write_text("# Values\n")
    (tmp_path / "docs" / "shows.md").write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    (tmp_path / "docs" / "other.md").write_text("nothing\n")
    return tmp_path


def test_a_page_shows_the_file_as_it_is(root: Path) -> None:
    shown = examples.included((root / "docs" / "shows.md").read_text(), root=root)

    assert shown == f"before\n{BEGIN}\n\n```yaml\n{ONE}```\n\n{END}\nafter\n"
    assert examples.included(shown, root=root) == shown


def test_only_pages_that_show_examples_are_written(root: Path) -> None:
    pages = [page for page in (root / "docs").iterdir() if examples.shows(page.read_text())]

    assert [page.name for page in pages] == ["shows.md"]


def test_a_part_without_an_end_is_told(root: Path) -> None:
    with pytest.raises(steps.StepError, match=r"end of examples/one\.yaml"):
        examples.included(f"{BEGIN}\n", root=root)


def test_what_is_said_of_an_example_is_the_first_sentence_of_its_first_comment() -> None:
    assert examples.said_of(ONE) == "What it is for, in two lines."


def test_every_example_is_listed() -> None:
    listed = examples.index(REPOSITORY)

    files = list((REPOSITORY / "examples").rglob("*.yaml"))
    assert len(files) > 20
    for file in files:
        assert f"]({file.relative_to(REPOSITORY / 'examples')}) |" in listed
