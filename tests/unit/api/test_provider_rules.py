"""Feature by provider: what the rules refuse is what the page of the gateway says, and nothing is ignored."""

import re
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

from deepseek_operator.api import provider_rules
from deepseek_operator.api.traffic import Gateway
from dev.paths import REPOSITORY
from tests.unit.api.test_rules import violations

PROVIDERS = ("Embedded", "GatewayAPI", "None")
PAGE = (REPOSITORY / "docs" / "gateway.md").read_text()
HEAD = "| it can | field | default | Embedded | GatewayAPI | None |"
FIELDS = [to_camel(name) for name in Gateway.model_fields if name != "provider"]


def rows() -> dict[str, dict[str, str]]:
    """By field of the page's table, what is said of each provider."""
    _, _, table = PAGE.partition(f"{HEAD}\n")
    found = {}
    for line in table.partition("\n\n")[0].splitlines()[1:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for field in re.findall(r"`([A-Za-z.: ]+)`", cells[1]):
            found[field] = dict(zip(PROVIDERS, cells[3:6], strict=True))
    return found


def gateway(provider: str, field: str) -> list[str]:
    """What the rules say to a gateway with a field."""
    needed: dict[str, Any] = {"parentRef": {"name": "edge"}} if provider == "GatewayAPI" else {}
    return violations(provider_rules.GATEWAY, {**needed, "provider": provider, field: {}})


def test_the_page_has_every_field() -> None:
    assert set(FIELDS) == {field for field in rows() if not field.startswith("spec.")}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("field", FIELDS)
def test_the_page_says_what_the_rules_refuse(field: str, provider: str) -> None:
    broken = gateway(provider, field)

    assert (rows()[field][provider] == "refused") is bool(broken)
    assert all(message.startswith(f"gateway.{field}: ") for message in broken)
    assert all("remove the field, or " in message for message in broken)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("field", "spec"),
    [
        pytest.param("spec.fallback", {"fallback": [{"model": "b"}]}, id="fallback"),
        pytest.param(
            "spec.rollout.strategy: Canary", {"rollout": {"strategy": "Canary"}}, id="canary"
        ),
        pytest.param("spec.rollout.strategy: Auto", {"rollout": {"strategy": "Auto"}}, id="auto"),
    ],
)
def test_the_page_says_what_is_refused_beside_the_gateway(
    field: str, spec: dict[str, Any], provider: str
) -> None:
    broken = violations(provider_rules.SPEC, {**spec, "gateway": {"provider": provider}})

    assert (rows()[field][provider] == "refused") is bool(broken)
    assert all(f"provider {provider}" in message or "Canary" in message for message in broken)


def test_a_route_needs_a_gateway() -> None:
    [message] = violations(provider_rules.GATEWAY, {"provider": "GatewayAPI"})

    assert message == (
        "gateway.parentRef: provider GatewayAPI needs the name of a Gateway; set parentRef.name"
    )


@pytest.mark.parametrize(
    "value", [{}, {"replicas": 3}, {"provider": "None"}], ids=["default", "own", "none"]
)
def test_what_can_be_done_is_let_through(value: dict[str, Any]) -> None:
    assert violations(provider_rules.GATEWAY, value) == []
    assert violations(provider_rules.SPEC, {"gateway": value}) == []
