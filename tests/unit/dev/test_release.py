"""A release says one version everywhere, and its notes are the changelog's."""

import pytest
import yaml
from packaging.version import Version

from dev import release, steps
from dev.paths import REPOSITORY

CHANGELOG = """\
# Changelog

## Unreleased

### Added

* Later.

## 1.2.3 - 2026-11-30

### Added

* This.

## 1.2.2

* Before.
"""
SAID = {"pyproject.toml": "1.2.3", "chart": "1.2.3"}


def test_one_version_everywhere_is_fine() -> None:
    assert release.disagreeing("v1.2.3", SAID, CHANGELOG) == []


def test_a_pre_release_is_written_in_two_ways() -> None:
    said = {"pyproject.toml": "1.3.0rc1", "chart": "1.3.0-rc.1"}

    assert release.disagreeing("v1.3.0-rc.1", said, "## 1.3.0-rc.1\n\nText\n") == []


@pytest.mark.parametrize(
    ("tag", "said", "changelog", "finding"),
    [
        pytest.param("1.2.3", SAID, CHANGELOG, "1.2.3 is no tag of a release", id="no-v"),
        pytest.param("v1.2", SAID, CHANGELOG, "v1.2 is no tag of a release", id="two-numbers"),
        pytest.param("v1.2.3; rm", SAID, CHANGELOG, "is no tag of a release", id="more-words"),
        pytest.param("v1.2.3", {**SAID, "chart": "1.2.2"}, CHANGELOG, "chart says 1.2.2, and the tag 1.2.3", id="another"),
        pytest.param("v1.2.3", SAID, "## 1.2.30\n\nText\n", "CHANGELOG.md has nothing under ## 1.2.3", id="not-told"),
        pytest.param("v1.2.3", SAID, "## 1.2.3\n\n## 1.2.2\n", "has nothing under", id="nothing-told"),
    ],
)  # fmt: skip
def test_what_does_not_agree_is_told(
    tag: str, said: dict[str, str], changelog: str, finding: str
) -> None:
    [found] = release.disagreeing(tag, said, changelog)

    assert finding in found


def test_package_and_chart_say_one_version() -> None:
    said = release.versions()

    assert set(said) == {"pyproject.toml", "version of Chart.yaml", "appVersion of Chart.yaml"}
    assert len(set(map(Version, said.values()))) == 1


def test_notes_are_those_of_the_version_alone() -> None:
    assert release.notes(CHANGELOG, "1.2.3") == "### Added\n\n* This."
    assert release.notes(CHANGELOG, "9.9.9") == ""


def test_the_charts_digest_is_read_off_helm() -> None:
    digest = "sha256:" + "a" * 64

    assert release.digest_of(f"Pushed: r.example.com/charts/c:1\nDigest: {digest}\n") == digest
    with pytest.raises(steps.StepError, match="did not tell the digest"):
        release.digest_of("Pushed: r.example.com/charts/c:1\n")


def test_the_workflow_pushes_to_where_the_chart_looks() -> None:
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "release.yml").read_text())
    values = yaml.safe_load((release.CHART / "values.yaml").read_text())

    assert values["image"]["repository"] == f"{workflow['env']['REGISTRY']}/operator"
