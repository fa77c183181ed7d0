"""Long requests: bounds that would bound nothing are refused, with what to do."""

from typing import Any

import pytest

from deepseek_operator.api import provider_rules
from tests.unit.api.test_rules import violations


@pytest.mark.parametrize(
    "gateway",
    [
        pytest.param({"longRequests": {}}, id="all-derived"),
        pytest.param({"longRequests": {"maxRequestsPerReplica": 1023}}, id="one-below-all"),
        pytest.param({"longRequests": {"fromBytes": 4194304}}, id="the-longest-there-is"),
        pytest.param(
            {"maxRequestsPerReplica": 9, "longRequests": {"maxRequestsPerReplica": 8}},
            id="below-what-is-set",
        ),
        pytest.param(
            {"maxRequestBytes": 8388608, "longRequests": {"fromBytes": 8388608}},
            id="as-long-as-is-set",
        ),
    ],
)
def test_what_bounds_something_is_let_through(gateway: dict[str, Any]) -> None:
    assert violations(provider_rules.GATEWAY, gateway) == []


@pytest.mark.parametrize(
    ("gateway", "said"),
    [
        pytest.param(
            {"longRequests": {"maxRequestsPerReplica": 1024}},
            "gateway.longRequests.maxRequestsPerReplica: not below gateway.maxRequestsPerReplica (1024",
            id="as-many-as-all",
        ),
        pytest.param(
            {"maxRequestsPerReplica": 8, "longRequests": {"maxRequestsPerReplica": 8}},
            "it bounds nothing; lower it, or raise that",
            id="as-many-as-are-set",
        ),
        pytest.param(
            {"longRequests": {"fromBytes": 4194305}},
            "gateway.longRequests.fromBytes: above gateway.maxRequestBytes (4194304",
            id="longer-than-any",
        ),
        pytest.param(
            {"maxRequestBytes": 2048, "longRequests": {"fromBytes": 2049}},
            "no request is long; lower it, or raise that",
            id="longer-than-is-set",
        ),
    ],
)
def test_what_bounds_nothing_is_refused(gateway: dict[str, Any], said: str) -> None:
    [message] = violations(provider_rules.GATEWAY, gateway)

    assert said in message
