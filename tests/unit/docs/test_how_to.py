"""How-tos are told from a user's side, and what they have a user apply is what tests apply."""

import re
from pathlib import Path

import pytest
import yaml

from dev.paths import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = sorted((DOCS / "how-to").glob("*.md"))
SHOWN = re.compile(r"<!-- (examples/\S+\.yaml): generated.*?<!-- end of \1 -->", re.DOTALL)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def test_there_is_a_page_for_each_thing_that_users_come_for() -> None:
    assert {page.stem for page in PAGES} >= {
        "air-gapped", "canary", "cost", "edge-cpu", "own-model", "several-nodes", "tensorrt-llm",
    }  # fmt: skip


@every_page
def test_a_page_tells_goal_needs_steps_and_the_way_back(page: Path) -> None:
    text = page.read_text()

    assert re.match(r"# .+\n\n\*\*Goal\*\*: ", text)
    assert "\n**You need** " in text
    assert re.findall(r"^## (\d)\.", text, re.MULTILINE)[:2] == ["1", "2"]
    assert re.findall(r"^## Undo$", text, re.MULTILINE) == ["## Undo"]


@pytest.mark.parametrize("page", [DOCS / "tutorial.md", *PAGES], ids=lambda page: page.stem)
def test_all_yaml_of_a_page_is_an_example(page: Path) -> None:
    text = page.read_text()

    assert SHOWN.findall(text)
    assert "```yaml" not in SHOWN.sub("", text)


@pytest.mark.parametrize("page", [DOCS / "tutorial.md", *PAGES], ids=lambda page: page.stem)
def test_what_a_page_applies_is_there(page: Path) -> None:
    files = re.findall(r"apply -f (examples/\S+\.yaml)", page.read_text())

    assert [file for file in files if not (REPOSITORY / file).exists()] == []


def test_the_object_before_the_canary_is_the_one_that_it_changes() -> None:
    before, after = (
        yaml.safe_load((REPOSITORY / "examples" / f"{name}.yaml").read_text())
        for name in ("canary-before", "canary")
    )

    assert before["metadata"] == after["metadata"]
    assert before["spec"]["gateway"] == after["spec"]["gateway"]
    assert before["spec"]["model"] != after["spec"]["model"]
