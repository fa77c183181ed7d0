"""Names and documents that the tests of the warm-up share."""

from typing import Any

from deepseek_serving.warmup.spec import WarmupSpec

START = "0f9d3b1c-5a41-4c6e-9a53-2f1c7e0b8d66-4711"
RESTARTED = "0f9d3b1c-5a41-4c6e-9a53-2f1c7e0b8d66-9999"
TOKEN = "open-sesame"

SPEC: dict[str, Any] = {
    "model": "chat",
    "maxModelLength": 4096,
    "maxConcurrentSequences": 4,
    "maxBatchedTokens": 512,
    "maxSeconds": 60,
}


def spec(**changes: Any) -> WarmupSpec:
    return WarmupSpec.model_validate({**SPEC, **changes})
