"""Objects as the API server judges them: with every default filled in before a rule is asked."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.paths import REPOSITORY
from tests.unit.api.test_rules import violations
from tests.unit.structural import Schema, defaulted, faults, schema_of

EXAMPLES = sorted((REPOSITORY / "examples").glob("*.yaml"))
RULES = "x-kubernetes-validations"
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]

REPLACE_AND_QUALITY = {
    "model": "DeepSeek-V3",
    "rollout": {"strategy": "Replace", "analysis": {"quality": {"prompts": {"name": "set"}}}},
}


def refusals(schema: Schema, value: Any, path: str = "spec") -> Iterator[str]:
    """The rules of every level that a value breaks."""
    yield from (f"{path}: {said}" for said in violations(schema.get(RULES, []), value))
    if isinstance(value, dict):
        for key, child in schema.get("properties", {}).items():
            if key in value:
                yield from refusals(child, value[key], f"{path}.{key}")
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from refusals(schema["items"], item, f"{path}[{number}]")


def judged(spec: Any) -> list[str]:
    """What an API server says of a spec that is applied."""
    schema = schema_of("spec")
    stored = defaulted(schema, spec)
    return [*faults(schema, stored, "spec"), *refusals(schema, stored)]


def shown(page: Path) -> Iterator[Any]:
    """Specs of the objects that a page shows, and parts of a spec that it shows by themselves."""
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL):
        for document in yaml.safe_load_all(block):
            if not isinstance(document, dict):
                continue
            kind = document.get("kind", "DeepSeekDeployment")
            if kind == "DeepSeekDeployment" and "spec" in document:
                yield document["spec"]
            elif set(document) <= set(schema_of("spec")["properties"]):
                yield document


FRAGMENTS = [
    pytest.param({"model": "DeepSeek-V3", **spec}, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, spec in enumerate(shown(page))
]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_admitted(path: Path) -> None:
    assert judged(yaml.safe_load(path.read_text())["spec"]) == []


@pytest.mark.parametrize("spec", FRAGMENTS)
def test_what_a_page_shows_is_admitted(spec: Any) -> None:
    assert judged(spec) == []


def test_pages_show_objects() -> None:
    assert len(FRAGMENTS) > 5


def test_a_replace_that_examines_answers_is_admitted() -> None:
    assert judged(REPLACE_AND_QUALITY) == []


@pytest.mark.parametrize("relative", ["Always", "Never"])
def test_a_replace_compares_nothing(relative: str) -> None:
    rollout = {"strategy": "Replace", "analysis": {"relative": relative}}

    [said] = judged({"model": "DeepSeek-V3", "rollout": rollout})
    assert "rollout.analysis.relative: with strategy Replace" in said


def test_what_does_not_fit_is_told_with_its_place() -> None:
    found = judged({"model": "DeepSeek-V3", "replicas": -1, "unknown": 1, "gateway": {"x": {}}})

    assert [text.partition(":")[0] for text in found] == [
        "spec.replicas",
        "spec.unknown",
        "spec.gateway.x",
    ]
