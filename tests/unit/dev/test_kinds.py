"""Definitions of kinds that others make: pinned with the program that serves them, and asked for by the command."""

import pytest

from deepseek_operator import groups
from dev import gateway_api, leader_worker_set, prometheus_operator, steps, tools
from dev.kinds import Kinds


@pytest.mark.parametrize("kinds", [gateway_api.GATEWAY_API, leader_worker_set.LEADER_WORKER_SET])
def test_definitions_are_of_the_version_that_a_tool_is_built_with(kinds: Kinds) -> None:
    assert kinds.version.startswith("v")
    assert kinds.folder.name == f"{kinds.name}-{kinds.version}"
    assert kinds.tool in {tool.name for tool in tools.TOOLS}


def test_definitions_that_no_tool_serves_are_pinned_and_verified_all_the_same() -> None:
    kinds = prometheus_operator.PROMETHEUS_OPERATOR
    sums = (tools.MODULES / kinds.tool / "go.sum").read_text()

    assert kinds.version.startswith("v")
    assert f"{kinds.module} {kinds.version} h1:" in sums


def test_what_is_not_there_is_asked_for_by_its_command() -> None:
    kinds = Kinds("nothing", "dev.nothing", "sigs.k8s.io/lws", "lws", {"a": "b.yaml"})

    with pytest.raises(
        steps.StepError, match=r"nothing is not there: run `python3 -m dev\.nothing`"
    ):
        kinds.definitions()


def test_people_are_told_to_install_what_is_tested() -> None:
    assert leader_worker_set.LEADER_WORKER_SET.version == f"v{groups.VERSION}"
