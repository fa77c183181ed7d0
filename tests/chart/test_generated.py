"""Generated files are up to date, whole and the same each time."""

from pathlib import Path

import pytest

from deepseek_operator.api import rules
from dev import steps
from dev.generate import __main__ as generate
from dev.generate import values
from tests.chart import rendering


def test_every_generated_file_is_up_to_date() -> None:
    assert generate.outdated(generate.documents()) == []


def test_a_difference_is_found_and_written_away(tmp_path: Path) -> None:
    wanted = {Path("docs/page.md"): "new\n", Path("same.md"): "same\n"}
    (tmp_path / "same.md").write_text("same\n")

    changed = generate.outdated(wanted, tmp_path)
    generate.write(wanted, changed, tmp_path)

    assert [Path("docs/page.md")] == changed
    assert generate.outdated(wanted, tmp_path) == []
    assert sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*")) == [
        "docs",
        "docs/page.md",
        "same.md",
    ]


def test_the_reference_has_every_field_rule_and_owned_name() -> None:
    page = generate.documents()[Path("docs/reference/deepseekdeployment.md")]

    for section in ("spec", "spec.pod.env[].valueFrom.secretKeyRef", "status.conditions[]"):
        assert f"\n## {section}\n" in page
    for flag, instead in rules.OWNED_FLAGS.items():
        assert f"| `--{flag}` | {instead} |" in page
    for name in rules.OWNED_ENV:
        assert f"| `{name}` |" in page
    assert "a request may not be above its limit" in page
    assert "hugepages-\\<size>" in page


def test_the_readme_names_every_value() -> None:
    readme = (rendering.CHART / "README.md").read_text()

    for value in ("watchNamespaces", "image.digest", "crds.install", "resources.limits"):
        assert f"| `{value}` |" in readme


@pytest.mark.parametrize("lines", ["", values.BEGIN], ids=["neither", "no end"])
def test_a_readme_without_the_place_for_the_table_is_refused(lines: str) -> None:
    with pytest.raises(steps.StepError, match="README lacks the line"):
        values.render(lines, schema="{}", defaults="{}")
