"""Objects that the API server refuses because TensorRT-LLM cannot serve them, and the words that it uses."""

from typing import Any

import pytest

from deepseek_operator.api import trtllm_rules
from tests.cluster.objects import Manifest, spec

GPUS: Manifest = {"kind": "GPU"}


def trtllm(*args: str, **fields: Any) -> Manifest:
    """An object that is fine but for what is given."""
    engine: Manifest = {"name": "tensorrt-llm", **({"args": list(args)} if args else {})}
    return spec(**{"engine": engine, "accelerator": GPUS, **fields})


_OTHER: Manifest = {
    "model": "other",
    "source": "pvc://models/other",
    "engine": {"name": "tensorrt-llm"},
}
_CANARY: Manifest = {"strategy": "Canary"}

BAD_ENGINE = [
    pytest.param(
        trtllm(accelerator={"kind": "CPU"}),
        "engine.name: tensorrt-llm runs on GPUs only; set accelerator.kind: GPU",
        id="tensorrt-llm on a CPU",
    ),
    pytest.param(
        spec(fallback=[{**_OTHER, "accelerator": {"kind": "CPU"}}]),
        "engine.name: tensorrt-llm runs on GPUs only",
        id="a fallback of tensorrt-llm on a CPU",
    ),
    pytest.param(
        spec(rollout={"from": {**_OTHER, "accelerator": {"kind": "CPU"}}}),
        "engine.name: tensorrt-llm runs on GPUs only",
        id="a baseline of tensorrt-llm on a CPU",
    ),
    pytest.param(
        trtllm(servedName="team/chat"),
        "servedName has a '/'; use vllm, or an object with another servedName",
        id="tensorrt-llm under a name with a slash",
    ),
    pytest.param(
        spec(servedName="team/chat", fallback=[{**_OTHER, "accelerator": GPUS}]),
        "servedName has a '/'",
        id="a fallback of tensorrt-llm under a name with a slash",
    ),
    pytest.param(
        spec(servedName="team/chat", rollout={"from": {**_OTHER, "accelerator": GPUS}}),
        "servedName has a '/'",
        id="a baseline of tensorrt-llm under a name with a slash",
    ),
    pytest.param(
        trtllm("--log-level=debug"),
        "engine.args: tensorrt-llm spells its options with underscores",
        id="an option of tensorrt-llm with a dash",
    ),
    pytest.param(
        trtllm("--log_level=a-b", "--tensor_parallel_size=2"),
        "engine.args: --tensor-parallel-size is owned by the operator",
        id="a flag that both engines have",
    ),
    *(
        pytest.param(
            trtllm("--log_level=a-b", f"--{flag}=1"),
            f"engine.args: --{flag} is owned by the operator; the reference of engine.args names the field",
            id=f"owned of tensorrt-llm: {flag}",
        )
        for flag in trtllm_rules.OWNED_FLAGS
    ),
    *(
        pytest.param(
            trtllm(rollout={**_CANARY, "analysis": {field: {"maxPercent": 5}}}),
            f"rollout.analysis.{field}: tensorrt-llm does not count it",
            id=f"a limit that tensorrt-llm does not count: {field}",
        )
        for field in ("empty", "preemptions")
    ),
]

GOOD_ENGINE = [
    pytest.param(trtllm(), id="tensorrt-llm"),
    pytest.param(trtllm("--kv_cache_config.dtype=fp8", "--log_level=a-b"), id="its options"),
    pytest.param(trtllm(servedName="team.chat"), id="a name without a slash"),
    pytest.param(
        trtllm(rollout={**_CANARY, "analysis": {"truncated": {"maxPercent": 5}}}),
        id="a limit that it counts",
    ),
    pytest.param(spec(engine={"args": ["--max-batch-size=1"]}), id="its flag for another engine"),
]
