"""Objects whose workload or quantisation the API server refuses, and the words that it uses."""

from typing import Any

import pytest

from tests.cluster.objects import GOOD, Manifest, spec

ON_H200 = {"accelerator": {"product": "NVIDIA-H200"}}


def sized(**fields: Any) -> Manifest:
    return spec(**ON_H200, **fields)


def load(**fields: Any) -> Manifest:
    return sized(workload=fields)


_NO_PRODUCT = "workload: what follows from it is derived for a known GPU; set accelerator.product"
_TWO_NUMBERS = "replicas: workload.requestsPerSecond sets the number; remove one of them"

BAD_SIZING = [
    pytest.param(spec(workload={"inputTokens": 9}), _NO_PRODUCT, id="workload of any GPU"),
    pytest.param(
        spec(workload={}, accelerator={"kind": "CPU"}), _NO_PRODUCT, id="workload of a CPU"
    ),
    pytest.param(
        spec(quantization="fp8"),
        "quantization: what runs depends on the GPU; set accelerator.product",
        id="form for any GPU",
    ),
    pytest.param(
        spec(fallback=[{**GOOD, "engine": {"name": "tensorrt-llm"}, "workload": {}}]),
        _NO_PRODUCT,
        id="workload of a fallback of another engine for any GPU",
    ),
    pytest.param(
        spec(accelerator={"count": 17}),
        "accelerator.count: more than 16 GPUs are on several nodes, which are laid out for a known GPU; set product",
        id="several nodes of any GPU",
    ),
    pytest.param(
        spec(accelerator={"product": "NVIDIA-H200", "count": 129}),
        ("spec.accelerator.count", "should be less than or equal to 128"),
        id="more GPUs than are laid out",
    ),
    pytest.param(
        spec(accelerator={"attention": "Ranks"}),
        "accelerator.attention: how a replica is laid out is derived for a known GPU; set product",
        id="attention of any GPU",
    ),
    pytest.param(
        spec(accelerator={"product": "NVIDIA-H200", "attention": "Both"}),
        ("spec.accelerator.attention", 'Unsupported value: "Both": supported values: "Tensor", "Ranks"'),
        id="attention that is none",
    ),
    pytest.param(
        spec(accelerator={"decodeTimes": 1.3}),
        "accelerator.decodeTimes: how a replica is laid out is derived for a known GPU; set product",
        id="times of any GPU",
    ),
    pytest.param(
        spec(accelerator={"product": "NVIDIA-H200", "decodeTimes": 11}),
        ("spec.accelerator.decodeTimes", "should be less than or equal to 10"),
        id="times that nothing takes",
    ),
    pytest.param(
        sized(quantization="fp9"),
        ("spec.quantization", 'Unsupported value: "fp9": supported values: "auto", "none", "fp8", "int8", "int4-awq", "nvfp4", "w4afp8"'),
        id="form that is none",
    ),
    pytest.param(
        sized(replicas=2, workload={"requestsPerSecond": 5}), _TWO_NUMBERS, id="two numbers"
    ),
    pytest.param(
        sized(replicas=0, workload={"requestsPerSecond": 5}), _TWO_NUMBERS, id="a load for nobody"
    ),
    pytest.param(load(requestPerSecond=5), "spec.workload.requestPerSecond: field not declared", id="rate misspelt"),
    pytest.param(load(requestsPerSecond=0), ("spec.workload", "workload.requestsPerSecond: has to be above 0; remove it"), id="no requests"),
    pytest.param(load(requestsPerSecond=-5), ("spec.workload", "workload.requestsPerSecond: has to be above 0; remove it"), id="requests that are taken back"),
    pytest.param(load(requestsPerSecond="many"), "spec.workload.requestsPerSecond: expected numeric", id="a rate in words"),
    pytest.param(load(inputTokens=0), ("spec.workload.inputTokens", "should be greater than or equal to 1"), id="prompts of nothing"),
    pytest.param(load(outputTokens=1.5), ("spec.workload.outputTokens", "must be of type integer"), id="half a token"),
    pytest.param(load(timeToFirstToken="fast"), ("spec.workload.timeToFirstToken", "should match '"), id="time in words"),
    pytest.param(load(timePerOutputToken="0ms"), ("spec.workload.timePerOutputToken", "should match '"), id="no time"),
    pytest.param(load(timePerOutputToken=50), "spec.workload.timePerOutputToken: expected string", id="time without a unit"),
    pytest.param(
        spec(fallback=[{**GOOD, "workload": {"inputTokens": 9}}]), _NO_PRODUCT, id="workload of a fallback for any GPU"
    ),
    pytest.param(
        spec(fallback=[{**GOOD, **ON_H200, "replicas": 2, "workload": {"requestsPerSecond": 5}}]),
        _TWO_NUMBERS,
        id="two numbers of a fallback",
    ),
    pytest.param(
        spec(rollout={"from": {**GOOD, "quantization": "int8"}}),
        "quantization: what runs depends on the GPU",
        id="form of a baseline for any GPU",
    ),
]  # fmt: skip
