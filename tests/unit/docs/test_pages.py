"""The pages say what the code does."""

import re
from pathlib import Path

import pytest

from deepseek_operator.api.conditions import ConditionType, Reason
from dev.paths import REPOSITORY

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "charts/**/*.md")
    for path in REPOSITORY.glob(pattern)
)


def test_every_reason_is_explained() -> None:
    page = (REPOSITORY / "docs" / "troubleshooting.md").read_text()

    explained = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))

    assert explained == {*map(str, Reason), *map(str, ConditionType)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"`[^`]*`", "", page.read_text())
    targets = re.findall(r"\]\(([^)#\s]+)", prose)

    assert [
        target for target in targets if "://" not in target and not (page.parent / target).exists()
    ] == []


def test_every_make_target_that_a_page_names_is_there() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))

    named = {name for page in PAGES for name in re.findall(r"`make ([a-z0-9-]+)", page.read_text())}

    assert named <= targets
