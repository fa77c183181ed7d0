"""What was derived, through the whole plan: frozen, told in status, and never in the way of who serves."""

import pytest

from deepseek_operator.build.children import shape_of_engine_set
from deepseek_operator.rollout.revisions import target_key
from tests.unit.samples import Manifest, conditions, deepseek
from tests.unit.world import World, served

V3: Manifest = {
    "model": "DeepSeek-V3",
    "source": "pvc://v3",
    "accelerator": {"product": "NVIDIA-H200"},
}


def args_of(world: World, key: str) -> list[str]:
    template = world.find("Deployment", key)["spec"]["template"]
    return list(template["spec"]["containers"][0]["args"])


def test_status_tells_every_value_of_what_is_asked_for() -> None:
    status = served(deepseek(**V3)).stored

    sizing = status["sizing"]
    assert sizing["revision"] == status["desired"]["revision"]
    assert (sizing["accelerator"], sizing["engine"]) == ("H200", "vllm 0.33.0")
    told = {value["name"]: value["value"] for value in sizing["values"]}
    assert (told["layout"], told["maxConcurrentSequences"]) == ("DP8 with EP8", "96")


def test_status_tells_what_was_not_derived() -> None:
    status = served(deepseek()).stored

    assert status["sizing"]["notDerived"] == "accelerator.kind is CPU, and only GPUs are sized"


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param({"batching": {"maxConcurrentSequences": 100_000}}, id="batching"),
        pytest.param({"engine": {"args": ["--max-model-len=999999"]}}, id="a-flag"),
        pytest.param({"accelerator": {"product": "NVIDIA-H200", "count": 3}}, id="count"),
        pytest.param({"quantization": "nvfp4"}, id="quantisation"),
    ],
)
def test_an_override_that_cannot_run_leaves_what_serves_alone(bad: Manifest) -> None:
    world = served(deepseek(**V3))
    before = world.stored["serving"]

    plan = world.plan(deepseek(**{**V3, **bad}, generation=2))

    assert [write for write in world.writes(plan) if write != "status"] == []
    found = conditions(plan.status)
    assert (found["Stalled"]["status"], found["Stalled"]["reason"]) == ("True", "CannotRun")
    assert found["Ready"]["status"] == "True"
    assert plan.status["serving"] == before
    assert "sizing" not in plan.status


def test_a_fallback_that_cannot_run_is_told_and_keeps_nobody_from_anything() -> None:
    entry = {"model": "DeepSeek-V3", "accelerator": {"product": "NVIDIA-L4", "count": 1}}
    spec = {**V3, "gateway": {"provider": "Embedded"}, "fallback": [entry]}

    status = served(deepseek(**spec)).stored

    [one] = status["fallback"]
    assert one["reason"] == "CannotRun"
    assert one["message"].startswith("spec.fallback[0].accelerator: DeepSeek-V3 in fp8 on 1 x L4")
    assert status["serving"]["readyReplicas"] == 1


@pytest.mark.parametrize("lost", [False, True], ids=["kept", "ControllerRevision-lost"])
def test_what_was_frozen_decides_whatever_would_be_derived_now(*, lost: bool) -> None:
    deployment = deepseek(**V3)
    world, key = served(deployment), target_key(deployment.spec)
    revision = world.find("ControllerRevision", key)
    template = revision["data"]["template"]
    [engine] = template["spec"]["containers"]
    engine["args"] = [arg.replace("=96", "=95") for arg in engine["args"]]
    revision["data"]["sizing"]["values"][4]["value"] = "95"
    world.settle(deployment)
    if lost:
        del world.children["ControllerRevision", revision["metadata"]["name"]]

    world.settle(deployment)

    assert "--max-num-seqs=95" in args_of(world, key)
    assert world.stored["sizing"]["values"][4]["value"] == "95"
    frozen = world.find("ControllerRevision", key)["data"]["sizing"]
    running = shape_of_engine_set(key, world.find("Deployment", key))
    assert running.sizing == frozen


def test_pods_of_tensorrt_llm_from_before_it_was_sized_stay_as_they_are() -> None:
    block: Manifest = {
        "model": "DeepSeek-R1",
        "engine": {"name": "tensorrt-llm"},
        "accelerator": {"product": "NVIDIA-H200"},
    }
    deployment = deepseek(**block)
    world, key = served(deployment), target_key(deployment.spec)
    data = world.find("ControllerRevision", key)["data"]
    [engine] = data["template"]["spec"]["containers"]
    engine["args"] = ["/models/chat", "--max_batch_size=256", "--max_num_tokens=8192"]
    data["sizing"] = {"notDerived": "only vllm is sized"}

    world.settle(deployment)

    assert args_of(world, key) == engine["args"]
    assert world.stored["sizing"]["notDerived"] == "only vllm is sized"
    assert world.stored["serving"]["revision"] == key


def test_weights_come_in_the_form_that_was_derived() -> None:
    spec: Manifest = {"model": "DeepSeek-R1-0528", "accelerator": {"product": "NVIDIA-B200"}}

    plan = World().plan(deepseek(**spec))

    assert plan.status["desired"]["source"] == "hf://nvidia/DeepSeek-R1-0528-NVFP4-v2"
