"""CEL rules of spec.autoscaling: one number, within bounds, and set once."""

from pydantic import JsonValue

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
]
"""Of the whole spec."""
