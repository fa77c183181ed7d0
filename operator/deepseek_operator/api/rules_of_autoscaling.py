"""CEL rules of spec.autoscaling: one number, within bounds, and set once."""

from pydantic import JsonValue

from deepseek_operator.api import provider_rules

_SLEEPS = "(has(self.min) && self.min == 0)"

AUTOSCALING: list[JsonValue] = [
    {
        "rule": "!has(self.min) || self.min <= self.max",
        "message": "autoscaling.min: it may not be above autoscaling.max; lower it, or raise max",
    },
    {
        "rule": "!has(self.scaleDownDelay) || (duration(self.scaleDownDelay) >= duration('1m') && "
        "duration(self.scaleDownDelay) <= duration('30m'))",
        "message": "autoscaling.scaleDownDelay: from 1m to 30m; a new replica takes minutes to get warm, and "
        "figures are kept for half an hour",
    },
    {
        "rule": f"!has(self.scaleToZeroDelay) || {_SLEEPS}",
        "message": "autoscaling.scaleToZeroDelay: with autoscaling.min above 0 a replica is always there; set min to 0, "
        "or remove the field",
    },
    {
        "rule": "!has(self.scaleToZeroDelay) || (duration(self.scaleToZeroDelay) >= duration('1m') && "
        "duration(self.scaleToZeroDelay) <= duration('24h'))",
        "message": "autoscaling.scaleToZeroDelay: from 1m to 24h; whoever asks next waits for a replica to get warm",
    },
    {
        "rule": f"!has(self.hold) || {_SLEEPS}",
        "message": "autoscaling.hold: with autoscaling.min above 0 a replica is always there; set min to 0, or remove "
        "the field",
    },
]

HOLD: list[JsonValue] = [
    {
        "rule": "!has(self.timeout) || (duration(self.timeout) >= duration('10s') && "
        "duration(self.timeout) <= duration('30m'))",
        "message": "autoscaling.hold.timeout: from 10s to 30m; give it as long as a replica takes to get warm",
    },
]

TARGET: list[JsonValue] = [
    {
        "rule": "!has(self.timeToFirstToken) || duration(self.timeToFirstToken) <= duration('2560s')",
        "message": "autoscaling.target.timeToFirstToken: at most 2560s, the longest time that engines tell "
        "apart; lower it, or remove the field",
    },
]

SPEC: list[JsonValue] = [
    {
        # The field has a default, so that one replica is as much as none said.
        "rule": "!has(self.autoscaling) || !has(self.replicas) || self.replicas == 1",
        "message": "replicas: autoscaling sets the number, between its min and max; remove replicas, or "
        "autoscaling",
    },
    {
        "rule": "!has(self.autoscaling) || !has(self.workload) || !has(self.workload.requestsPerSecond)",
        "message": "workload.requestsPerSecond: autoscaling sets the number by the requests that come; remove "
        "one of them",
    },
    {
        "rule": "!has(self.autoscaling) || !has(self.autoscaling.min) || self.autoscaling.min > 0 || "
        f"{provider_rules.PROVIDED} == 'Embedded'",
        "message": "autoscaling.min: 0 needs a gateway that holds the first request; set gateway.provider to Embedded, "
        "or min to 1",
    },
]
"""Of the whole spec."""
