"""Fields beside a provider or a strategy that has nothing for them: one row of each that the tables of api/ name."""

from collections.abc import Mapping
from typing import Any

import pytest

from deepseek_operator.api import provider_rules, strategies
from tests.cluster.objects import Manifest, spec

GATEWAY: Mapping[str, Any] = {
    "replicas": 2,
    "stickyHeader": "x-user",
    "pinning": True,
    "maxRequestsPerReplica": 8,
    "longRequests": {},
    "maxRequestBytes": 4096,
    "timeouts": {"firstToken": "5s"},
    "apiKeys": {"secretName": "keys"},
    "tls": {"secretName": "tls"},
    "accessLog": "Off",
    "tracing": "Disabled",
    "drainTimeout": "1m",
    "resources": {"requests": {"cpu": 1}},
}
"""A value of each field that only our own gateways have."""

ROLLOUT: Mapping[str, Any] = {
    "steps": [{"weight": 5}],
    "mirror": {"percent": 5},
    "paused": True,
    "autoPromote": False,
    "startTimeout": "1h",
    "holdTimeout": "1h",
    "maxDuration": "1h",
    "rollbackWindow": "1h",
    "drainTimeout": "1m",
    "analysis": {"relative": "Never"},
}
"""A value of each field that not every strategy has."""

ANALYSIS: Mapping[str, Any] = {
    "relative": "Never",
    "timeToFirstToken": {"limit": "2s"},
    "timePerOutputToken": {"limit": "50ms"},
    "truncated": {"maxPercent": 5},
    "empty": {"maxPercent": 5},
    "preemptions": {"maxPercent": 5},
}
"""A value of each field that compares two revisions."""

QUALITY: Mapping[str, Any] = {"maxDropPercent": 5, "everyStep": True, "minPassingPercent": 90}
"""A value of each field that counts prompts."""

_NO_COMPARISON = "with strategy Replace there are never two revisions to compare"


def route(**gateway: Any) -> Manifest:
    """On a Gateway of somebody else, with more fields."""
    return spec(gateway={"provider": "GatewayAPI", "parentRef": {"name": "edge"}, **gateway})


def rollout(strategy: str, **fields: Any) -> Manifest:
    """Of this strategy, with more fields."""
    return spec(rollout={"strategy": strategy, **fields})


def quality(strategy: str, **fields: Any) -> Manifest:
    """A run whose candidate is examined."""
    return rollout(strategy, analysis={"quality": fields})


BAD_FIELDS = [
    *(
        pytest.param(
            spec(gateway={"provider": "None", field: GATEWAY[field]}),
            f"gateway.{field}: provider None has no gateway that could do it",
            id=f"{field} without a gateway",
        )
        for field in provider_rules.GATEWAY_ONLY
    ),
    *(
        pytest.param(
            route(**{field: GATEWAY[field]}),
            f"gateway.{field}: provider GatewayAPI cannot do it ({why})",
            id=f"{field} of a route",
        )
        for field, why in provider_rules.NOT_BY_ROUTE.items()
    ),
    *(
        pytest.param(
            rollout(strategy, **{field: ROLLOUT[field]}),
            f"rollout.{field}: only strategies Canary and Auto have it",
            id=f"{field} with strategy {strategy}",
        )
        for strategy in ("BlueGreen", "Replace")
        for field in strategies.CANARY_ONLY
    ),
    *(
        pytest.param(
            spec(rollout={field: ROLLOUT[field]}),
            f"rollout.{field}: only strategies Canary, Replace and Auto have it",
            id=f"{field} without a run",
        )
        for field in strategies.RUNS_ONLY
    ),
    *(
        pytest.param(
            rollout("Replace", analysis={field: ANALYSIS[field]}),
            f"rollout.analysis.{field}: {_NO_COMPARISON}",
            id=f"{field} of a replace",
        )
        for field in strategies.COMPARING_ONLY
    ),
    *(
        pytest.param(
            quality("Replace", prompts={"name": "p"}, **{field: QUALITY[field]}),
            f"rollout.analysis.quality.{field}: {_NO_COMPARISON}",
            id=f"{field} of a replace",
        )
        for field in strategies.COMPARING_ANSWERS_ONLY
    ),
    *(
        pytest.param(
            quality("Canary", webhook={"url": "https://judge.example"}, **{field: value}),
            f"rollout.analysis.quality.{field}: it counts prompts",
            id=f"{field} of no prompts",
        )
        for field, value in QUALITY.items()
    ),
]
