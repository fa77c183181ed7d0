"""Canaries to and between engines of TensorRT-LLM, played by a fake trtllm-serve: the pods are the real ones' in full."""

import json
from collections.abc import Iterator

import pytest

from dev.images import catalog
from tests.e2e.crowd import Crowd
from tests.e2e.line import Line, Manifest, wait_until
from tests.faketrtllm.serve import BEHAVIOUR

NAME = "trtllm"
GPUS = "nvidia.com~1gpu"
STEPS = [
    {"weight": 20, "minDuration": "10s", "minRequests": 10},
    {"weight": 80, "minDuration": "10s", "minRequests": 20},
]
ROLLOUT = {"strategy": "Canary", "steps": STEPS, "rollbackWindow": "30s"}
PERIOD = 0.125
UNTOLD = ["empty", "preemptions"]


def played(**behaviour: object) -> list[Manifest]:
    """How the fake answers, as it is told."""
    usual = {"first_token": 0.02, "between_tokens": 0.005, "tokens": 8}
    return [{"name": BEHAVIOUR, "value": json.dumps({**usual, **behaviour})}]


@pytest.fixture(scope="module")
def image(line: Line) -> Iterator[str]:
    """The fake's image, on a node that says that it has GPUs: the scheduler and the kubelet count them, nobody asks them."""
    line.target.provide(catalog.FAKE_TRTLLM)
    [node] = line.json("get", "nodes")["items"]
    name = node["metadata"]["name"]
    path = f"/status/capacity/{GPUS}"

    def patch(*operations: Manifest) -> None:
        words = ("patch", "node", name, "--subresource=status", "--type=json")
        line.run(*words, f"--patch={json.dumps(operations)}")

    patch({"op": "add", "path": path, "value": "8"})
    wait_until(
        lambda: (
            line.json("get", "node", name)["status"]["allocatable"].get("nvidia.com/gpu") == "8"
        ),
        what="the node has GPUs",
    )
    try:
        yield line.target.image(catalog.FAKE_TRTLLM.name)
    finally:
        line.run("delete", "deepseekdeployment", NAME, "--ignore-not-found")
        patch({"op": "remove", "path": path})


def served(image: str, **spec: object) -> Manifest:
    """The object of this file: the folder of a real model, which the fake only looks for."""
    return {
        "apiVersion": "serving.deepseek.dev/v1alpha1",
        "kind": "DeepSeekDeployment",
        "metadata": {"name": NAME},
        "spec": {
            "model": "tiny-r1-distill-qwen",
            "source": "pvc://models/tiny-r1-distill-qwen",
            "engine": {"name": "tensorrt-llm", "image": image},
            "pod": {"env": played()},
            "gateway": {"replicas": 2},
            "rollout": ROLLOUT,
            **spec,
        },
    }


def rollout(line: Line) -> Manifest:
    """What status says of the run."""
    found: Manifest = line.get(NAME)["status"].get("rollout", {})
    return found


def wait_for(line: Line, *phases: str, after: str | None, seconds: float = 480) -> Manifest:
    """The run that follows another, once it is in one of these phases."""
    wait_until(
        lambda: rollout(line).get("run") != after and rollout(line).get("phase") in phases,
        what=f"{phases} of a run after {after}",
        seconds=seconds,
    )
    return rollout(line)


@pytest.mark.campaign
def test_a_pod_of_tensorrt_llm_is_warmed_up_and_answers_through_its_front(
    line: Line, image: str
) -> None:
    line.apply(served(image))
    line.ready(NAME)

    assert line.ask(NAME, "anything").startswith("t0 ")
    [pod] = line.engine_pods(NAME)
    names = {item["name"] for item in pod["status"]["initContainerStatuses"]}
    assert {"tools", "warden", "front"} <= names
    [figures] = line.get(NAME)["status"]["warmup"]
    assert figures["requests"] > 20


@pytest.mark.campaign
def test_a_good_candidate_is_promoted_without_a_failed_request(line: Line, image: str) -> None:
    line.apply(served(image))
    line.ready(NAME)
    before = rollout(line).get("run")
    with Crowd(line.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more(120)
        line.apply(served(image, batching={"maxConcurrentSequences": 16}))
        run = wait_for(line, "Watching", "RolledBack", after=before)
        crowd.wait_for_more()

    assert run["phase"] == "Watching", run
    assert crowd.failures == []
    assert run["notCompared"] == UNTOLD
    compared = {entry["name"] for entry in run["metrics"]}
    assert {"timeToFirstToken", "timePerOutputToken", "truncated"} <= compared
    assert line.get(NAME)["status"]["serving"]["revision"] == run["candidate"]


WORSE = [
    pytest.param({"failing_users": 0.5}, {"errors"}, id="fails"),
    pytest.param({"reason": "length"}, {"truncated"}, id="does-not-stop"),
    pytest.param({"first_token": 1.2}, {"timeToFirstToken"}, id="is-late"),
    pytest.param({"between_tokens": 0.12}, {"timePerOutputToken"}, id="is-slow"),
]


@pytest.mark.campaign
@pytest.mark.parametrize(("behaviour", "metrics"), WORSE)
def test_a_bad_candidate_is_taken_back(
    line: Line, image: str, behaviour: Manifest, metrics: set[str]
) -> None:
    line.apply(served(image))
    line.ready(NAME)
    old, before = line.get(NAME)["status"]["serving"]["revision"], rollout(line).get("run")
    with Crowd(line.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more(120)
        line.apply(served(image, pod={"env": played(**behaviour)}))
        run = wait_for(line, "Watching", "RolledBack", after=before, seconds=900)
        crowd.wait_for_more()

    assert run["phase"] == "RolledBack", run
    bad = {entry["name"] for entry in run["metrics"] if entry["verdict"] == "Bad"}
    assert metrics & bad or run["reason"] in ("BreakerTripped", "CandidateLost"), run
    assert crowd.failures == []
    assert line.get(NAME)["status"]["serving"]["revision"] == old


@pytest.mark.campaign
def test_a_killed_engine_is_cold_and_the_front_stays(line: Line, image: str) -> None:
    line.apply(served(image))
    line.ready(NAME)
    [pod] = line.engine_pods(NAME)

    line.kill_container(pod, "engine")

    def restarts() -> dict[str, int]:
        [now] = line.engine_pods(NAME)
        both = [*now["status"]["initContainerStatuses"], *now["status"]["containerStatuses"]]
        return {item["name"]: item["restartCount"] for item in both}

    wait_until(lambda: restarts()["engine"] == 1, what="the engine is started again")
    line.ready(NAME)
    assert restarts()["front"] == 0
    assert line.ask(NAME, "anything").startswith("t0 ")
