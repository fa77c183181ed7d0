"""A Canary from vLLM to TensorRT-LLM, through whole passes: judged by what both engines tell."""

import pytest

from deepseek_operator.cli import show
from tests.unit.samples import Manifest, deepseek
from tests.unit.test_canary import NEW, OLD, Service

UNTOLD = ["empty", "preemptions"]


def on_gpus(spec: Manifest, **engine: object) -> Manifest:
    """The same with an engine that needs them."""
    return {**spec, "accelerator": {"kind": "GPU"}, "engine": engine}


VLLM, TRTLLM = on_gpus(OLD), on_gpus(NEW, name="tensorrt-llm")


@pytest.fixture
def service() -> Service:
    """The old revision serves, on vLLM."""
    made = Service()
    for _ in range(6):
        made.one_pass(deepseek(**VLLM))
    return made


def test_what_one_engine_does_not_tell_is_not_compared_and_named(service: Service) -> None:
    new = deepseek(**TRTLLM, generation=2)

    service.until(new, "Watching", "RolledBack")

    run = service.stored["rollout"]
    assert run["phase"] == "Watching"
    assert run["notCompared"] == UNTOLD
    said = show.describe(
        {**deepseek(**TRTLLM).model_dump(), "status": service.stored}, now=service.now
    )
    assert "not compared, as an engine does not tell it: empty, preemptions" in said
    compared = [entry["name"] for entry in run["metrics"]]
    assert compared == [
        "errors",
        "rejections",
        "timeToFirstToken",
        "timePerOutputToken",
        "truncated",
    ]


def test_between_engines_that_tell_everything_nothing_is_named(service: Service) -> None:
    new = deepseek(**on_gpus(NEW, args=["--max-model-len=4096"]), generation=2)

    service.until(new, "Analyzing")

    assert "notCompared" not in service.stored["rollout"]
