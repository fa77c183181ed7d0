"""The CEL rules of autoscaling: one number, and bounds that fit."""

from typing import Any

import pytest

from deepseek_operator.api import rules_of_autoscaling as rules
from tests.unit.api.test_rules import violations

TWICE = "replicas: autoscaling sets the number, between its min and max; remove replicas, or autoscaling"


@pytest.mark.parametrize(
    ("of", "block", "said"),
    [
        pytest.param(rules.SPEC, {}, None, id="neither"),
        pytest.param(rules.SPEC, {"replicas": 7}, None, id="replicas"),
        pytest.param(rules.SPEC, {"autoscaling": {"max": 3}}, None, id="autoscaling"),
        pytest.param(
            rules.SPEC, {"autoscaling": {"max": 3}, "replicas": 1}, None, id="with-the-default"
        ),
        pytest.param(rules.SPEC, {"autoscaling": {"max": 3}, "replicas": 2}, TWICE, id="both"),
        pytest.param(rules.SPEC, {"autoscaling": {"max": 3}, "replicas": 0}, TWICE, id="and-none"),
        pytest.param(
            rules.SPEC,
            {"autoscaling": {"max": 3}, "workload": {"requestsPerSecond": 5.0}},
            "workload.requestsPerSecond: autoscaling sets the number by the requests that come; remove one of them",
            id="and-a-rate",
        ),
        pytest.param(
            rules.SPEC,
            {"autoscaling": {"max": 3}, "workload": {"inputTokens": 9}},
            None,
            id="and-a-shape",
        ),
        pytest.param(rules.AUTOSCALING, {"min": 3, "max": 3}, None, id="one-number"),
        pytest.param(
            rules.AUTOSCALING,
            {"min": 4, "max": 3},
            "autoscaling.min: it may not be above autoscaling.max; lower it, or raise max",
            id="the-wrong-way-round",
        ),
        pytest.param(rules.AUTOSCALING, {"max": 3, "scaleDownDelay": "1m"}, None, id="a-minute"),
        pytest.param(
            rules.AUTOSCALING, {"max": 3, "scaleDownDelay": "30m"}, None, id="half-an-hour"
        ),
        pytest.param(
            rules.AUTOSCALING,
            {"max": 3, "scaleDownDelay": "59s"},
            "autoscaling.scaleDownDelay: from 1m to 30m; a new replica takes minutes to get warm, and figures are kept for "
            "half an hour",
            id="too-soon",
        ),
        pytest.param(
            rules.AUTOSCALING,
            {"max": 3, "scaleDownDelay": "31m"},
            "autoscaling.scaleDownDelay: from 1m to 30m; a new replica takes minutes to get warm, and figures are kept for "
            "half an hour",
            id="too-late",
        ),
        pytest.param(
            rules.AUTOSCALING,
            {"min": 0, "max": 3, "scaleToZeroDelay": "24h", "hold": {"requests": 9}},
            None,
            id="to-zero",
        ),
        pytest.param(rules.AUTOSCALING, {"min": 0, "max": 3}, None, id="to-zero-by-default"),
        pytest.param(
            rules.AUTOSCALING,
            {"min": 1, "max": 3, "scaleToZeroDelay": "10m"},
            "autoscaling.scaleToZeroDelay: with autoscaling.min above 0 a replica is always there; set min to 0, or "
            "remove the field",
            id="a-delay-for-nothing",
        ),
        pytest.param(
            rules.AUTOSCALING,
            {"max": 3, "hold": {}},
            "autoscaling.hold: with autoscaling.min above 0 a replica is always there; set min to 0, or remove the field",
            id="a-hold-for-nothing",
        ),
        pytest.param(
            rules.AUTOSCALING,
            {"min": 0, "max": 3, "scaleToZeroDelay": "59s"},
            "autoscaling.scaleToZeroDelay: from 1m to 24h; whoever asks next waits for a replica to get warm",
            id="asleep-too-soon",
        ),
        pytest.param(rules.HOLD, {"timeout": "30m"}, None, id="held-for-long"),
        pytest.param(
            rules.HOLD,
            {"timeout": "31m"},
            "autoscaling.hold.timeout: from 10s to 30m; give it as long as a replica takes to get warm",
            id="held-for-too-long",
        ),
        pytest.param(rules.SPEC, {"autoscaling": {"min": 0, "max": 3}}, None, id="zero-here"),
        *(
            pytest.param(
                rules.SPEC,
                {"autoscaling": {"min": 0, "max": 3}, "gateway": {"provider": provider}},
                "autoscaling.min: 0 needs a gateway that holds the first request; set gateway.provider to Embedded, or "
                "min to 1",
                id=f"zero-with-{provider}",
            )
            for provider in ("GatewayAPI", "None")
        ),
        pytest.param(
            rules.SPEC,
            {"autoscaling": {"min": 1, "max": 3}, "gateway": {"provider": "None"}},
            None,
            id="one-with-None",
        ),
        pytest.param(rules.TARGET, {"timeToFirstToken": "2560s"}, None, id="the-longest-time"),
        pytest.param(
            rules.TARGET,
            {"timeToFirstToken": "2561s"},
            "autoscaling.target.timeToFirstToken: at most 2560s, the longest time that engines tell apart; lower it, or "
            "remove the field",
            id="longer",
        ),
    ],
)
def test_what_is_refused_says_why(of: list[Any], block: dict[str, Any], said: str | None) -> None:
    assert violations(of, block) == ([] if said is None else [said])
