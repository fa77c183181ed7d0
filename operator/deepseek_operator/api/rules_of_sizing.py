"""CEL rules of what is derived: fields that would do nothing, and numbers that are set twice."""

from pydantic import JsonValue

_HAS_PRODUCT = "(has(self.accelerator) && has(self.accelerator.product))"

WORKLOAD: list[JsonValue] = [
    {
        # The server takes a whole number for at least 0.001 if it is at least 0.
        "rule": "!has(self.requestsPerSecond) || self.requestsPerSecond > 0.0",
        "message": "workload.requestsPerSecond: has to be above 0; remove it to have replicas set "
        "the number",
    }
]

SIZING: list[JsonValue] = [
    {
        "rule": f"!has(self.workload) || {_HAS_PRODUCT}",
        "message": "workload: what follows from it is derived for a known GPU; set "
        "accelerator.product, or remove workload",
    },
    {
        "rule": f"!has(self.quantization) || self.quantization == 'auto' || {_HAS_PRODUCT}",
        "message": "quantization: what runs depends on the GPU; set accelerator.product, or leave "
        "quantization out",
    },
    {
        "rule": "!has(self.workload) || !has(self.workload.requestsPerSecond) || "
        "!has(self.replicas) || self.replicas == 1",
        "message": "replicas: workload.requestsPerSecond sets the number; remove one of them",
    },
]
"""Of every serving block."""
