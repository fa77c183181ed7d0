"""A release of before is upgraded with its own values, as Helm hands them on."""

import json
import re

import pytest

from dev import releases
from dev.paths import REPOSITORY
from tests.chart import rendering
from tests.chart.test_monitoring import KNOWN
from tests.releases import recorded

VERSIONS = [release.version for release in releases.all_releases()]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("apis", [(), KNOWN], ids=["plain", "with-prometheus-operator"])
def test_values_that_are_reused_get_the_defaults_of_what_came_since(
    version: str, apis: tuple[str, ...]
) -> None:
    """With `helm upgrade --reuse-values` they stand in place of the chart's values.yaml."""
    values = recorded.values(version)

    assert rendering.reusing(values, apis) == rendering.render(apis=apis, **values)


def test_no_page_has_one_upgrade_with_the_defaults_of_before() -> None:
    commands = [
        command
        for page in (*REPOSITORY.glob("docs/**/*.md"), rendering.CHART / "README.md")
        for command in re.findall(r"^ *helm upgrade (?:.*\\\n)*.*", page.read_text(), re.MULTILINE)
    ]

    assert commands
    assert all("--reset-then-reuse-values" in command for command in commands)


@pytest.mark.parametrize(
    "version", [one for one in VERSIONS if "networkPolicies" not in recorded.values(one)]
)
def test_who_comes_from_a_release_without_policies_is_told_of_them(version: str) -> None:
    readme = (rendering.CHART / "README.md").read_text()
    [_, section] = readme.split(f"\n### From {version}\n")
    section = section.split("\n### ")[0]
    found = re.search(r"helm upgrade (?:.*\\\n)+ *--set networkPolicies\.enabled=(\w+)\n", section)

    assert found
    values = {**recorded.values(version), "networkPolicies": {"enabled": json.loads(found[1])}}
    assert not rendering.of_kind("NetworkPolicy", **values)
    assert rendering.environment(**values)["DSO_NETWORK_POLICIES"] == "false"
    for told in ("8000", "8081", "Service", "mesh", "networkPolicies.monitoringNamespaces"):
        assert told in section
