"""Objects whose autoscaling the API server refuses, and the words that it uses."""

from typing import Any

import pytest

from tests.cluster.objects import Manifest, spec


def scaled(**fields: Any) -> Manifest:
    return spec(autoscaling={"max": 4, **fields})


_DELAY = "autoscaling.scaleDownDelay: from 1m to 30m; a new replica takes minutes to get warm"

BAD_AUTOSCALING = [
    pytest.param(spec(autoscaling={}), "spec.autoscaling.max: Required value", id="no most"),
    pytest.param(
        spec(autoscaling={"max": 0}),
        ("spec.autoscaling.max", "should be greater than or equal to 1"),
        id="most of none",
    ),
    pytest.param(
        spec(autoscaling={"max": 1001}),
        ("spec.autoscaling.max", "should be less than or equal to 1000"),
        id="most of too many",
    ),
    pytest.param(
        scaled(min=-1),
        ("spec.autoscaling.min", "should be greater than or equal to 0"),
        id="less than none",
    ),
    pytest.param(
        scaled(min=5),
        "autoscaling.min: it may not be above autoscaling.max; lower it",
        id="least above most",
    ),
    pytest.param(
        scaled(minimum=1), "spec.autoscaling.minimum: field not declared", id="least misspelt"
    ),
    pytest.param(
        scaled(target={"cpu": 80}), "spec.autoscaling.target.cpu: field not declared", id="by CPU"
    ),
    pytest.param(
        scaled(target={"cacheUse": 96}),
        ("spec.autoscaling.target.cacheUse", "should be less than or equal to 95"),
        id="cache that is full",
    ),
    pytest.param(
        scaled(target={"queue": -1}),
        ("spec.autoscaling.target.queue", "should be greater than or equal to 0"),
        id="queue below none",
    ),
    pytest.param(
        scaled(target={"timeToFirstToken": "3000s"}),
        "autoscaling.target.timeToFirstToken: at most 2560s, the longest time that engines tell apart",
        id="first token too late to be told",
    ),
    pytest.param(scaled(scaleDownDelay="30s"), _DELAY, id="delay too short"),
    pytest.param(scaled(scaleDownDelay="31m"), _DELAY, id="delay too long"),
    *(
        pytest.param(
            {**scaled(min=0), "gateway": gateway},
            "autoscaling.min: 0 needs a gateway that holds the first request",
            id=f"none with gateway {gateway['provider']}",
        )
        for gateway in (
            {"provider": "None"},
            {"provider": "GatewayAPI", "parentRef": {"name": "edge"}},
        )
    ),
    *(
        pytest.param(
            scaled(**fields, **{field: value}),
            f"autoscaling.{field}: with autoscaling.min above 0 a replica is always there",
            id=f"{field} with a least of {fields.get('min', 'nothing said')}",
        )
        for fields in ({}, {"min": 1})
        for field, value in (("scaleToZeroDelay", "30m"), ("hold", {}))
    ),
    *(
        pytest.param(
            scaled(min=0, scaleToZeroDelay=delay),
            "autoscaling.scaleToZeroDelay: from 1m to 24h",
            id=f"asleep after {delay}",
        )
        for delay in ("59s", "1441m")
    ),
    *(
        pytest.param(
            scaled(min=0, hold={"timeout": timeout}),
            "autoscaling.hold.timeout: from 10s to 30m",
            id=f"held for {timeout}",
        )
        for timeout in ("9s", "31m")
    ),
    pytest.param(
        {**scaled(), "replicas": 2},
        "replicas: autoscaling sets the number, between its min and max; remove replicas",
        id="a number beside bounds",
    ),
    pytest.param(
        {
            **scaled(),
            "accelerator": {"product": "NVIDIA-H200"},
            "workload": {"requestsPerSecond": 5},
        },
        "workload.requestsPerSecond: autoscaling sets the number by the requests that come; remove one",
        id="a load beside bounds",
    ),
    pytest.param(
        spec(fallback=[{"model": "DeepSeek-R1-Distill-Qwen-1.5B", "autoscaling": {"max": 2}}]),
        "spec.fallback[0].autoscaling: field not declared",
        id="of a fallback",
    ),
]
