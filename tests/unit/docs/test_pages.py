"""The pages say what the code does."""

import re
from pathlib import Path

import pytest

from deepseek_operator.api.conditions import ConditionType, Reason
from deepseek_operator.course_told import Told
from deepseek_operator.rollout.run import Cause
from deepseek_serving.quality import failures as examinations
from deepseek_serving.warmup import failures as warmups
from dev.paths import REPOSITORY

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "charts/**/*.md")
    for path in REPOSITORY.glob(pattern)
)


REASONS = {
    "A Canary": {*map(str, Cause), *map(str, Told)},
    "An examination": set(map(str, examinations.Reason)),
    "Why a warm-up failed": set(map(str, warmups.Reason)),
    "Conditions": {*map(str, Reason), *map(str, ConditionType)},
}
"""By the part of the page, every reason that can be told."""


def explained(page: str) -> dict[str, list[str]]:
    """The reasons that the page's tables explain, by the parts of the page that have reasons of their own."""
    found: dict[str, list[str]] = {}
    part = "Conditions"
    for line in page.splitlines():
        if match := re.match(r"#+ (.+)", line):
            part = match[1] if match[1] in REASONS else "Conditions"
        if row := re.match(r"\| `(\w+)` \|", line):
            found.setdefault(part, []).append(row[1])
    return found


@pytest.mark.parametrize("part", REASONS)
def test_every_reason_is_explained_and_no_other(part: str) -> None:
    rows = explained((REPOSITORY / "docs" / "troubleshooting.md").read_text())[part]

    # One that stands at several conditions may be told of at each.
    assert set(rows) == REASONS[part]
    assert part == "Conditions" or len(rows) == len(REASONS[part])


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
