"""A replica of TensorRT-LLM as a group of pods: real LeaderWorkerSet, real Open MPI, and a fake of what computes."""

import json
from collections.abc import Iterator

import pytest

from dev.images import catalog
from tests.e2e.groups import leader_worker_sets
from tests.e2e.line import Line, Manifest, wait_until
from tests.faketrtllm.serve import BEHAVIOUR

pytestmark = pytest.mark.campaign

NAME = "ranks"
PRODUCT = "NVIDIA-GB200"
"""Whose nodes have four GPUs: a group of two has eight ranks, of which this machine can hold as many processes."""
LABEL = "nvidia.com~1gpu.product"
GPUS = "nvidia.com~1gpu"
SECONDS = 600.0


@pytest.fixture(scope="module")
def image(line: Line) -> Iterator[str]:
    """The fake's image, on a node that says that it has the GPUs of two."""
    line.target.provide(catalog.FAKE_TRTLLM)
    [node] = line.json("get", "nodes")["items"]
    name = node["metadata"]["name"]

    def patch(operation: Manifest, *words: str) -> None:
        line.run("patch", "node", name, "--type=json", f"--patch={json.dumps([operation])}", *words)

    label, capacity = f"/metadata/labels/{LABEL}", f"/status/capacity/{GPUS}"
    patch({"op": "add", "path": label, "value": PRODUCT})
    patch({"op": "add", "path": capacity, "value": "8"}, "--subresource=status")
    wait_until(
        lambda: (
            line.json("get", "node", name)["status"]["allocatable"].get("nvidia.com/gpu") == "8"
        ),
        what="the node has GPUs",
    )
    with leader_worker_sets(line):
        try:
            yield line.target.image(catalog.FAKE_TRTLLM.name)
        finally:
            line.run("delete", "deepseekdeployment", NAME, "--ignore-not-found")
            wait_until(lambda: not pods(line), what="all pods are gone", seconds=SECONDS)
            patch({"op": "remove", "path": capacity}, "--subresource=status")
            patch({"op": "remove", "path": label})


def served(image: str, **spec: object) -> Manifest:
    """DeepSeek-V3 on two nodes, from a folder that the fake only looks for."""
    behaviour = {"first_token": 0.02, "between_tokens": 0.005, "tokens": 8}
    return {
        "apiVersion": "serving.deepseek.dev/v1alpha1",
        "kind": "DeepSeekDeployment",
        "metadata": {"name": NAME},
        "spec": {
            "model": "DeepSeek-V3",
            "source": "pvc://models/tiny-r1-distill-qwen",
            "accelerator": {"product": PRODUCT, "count": 8},
            "engine": {
                "name": "tensorrt-llm",
                "image": image,
                "args": ["--max_seq_len=4096"],
            },
            "batching": {"maxConcurrentSequences": 16, "maxBatchedTokens": 2048},
            "pod": {"env": [{"name": BEHAVIOUR, "value": json.dumps(behaviour)}]},
            "gateway": {"replicas": 1},
            **spec,
        },
    }


def pods(line: Line) -> dict[str, Manifest]:
    """The object's engine pods: leader and workers, by their index in the group."""
    found = line.json("get", "pods", f"--selector=serving.deepseek.dev/deployment={NAME}")["items"]
    label = "leaderworkerset.sigs.k8s.io/worker-index"
    return {
        pod["metadata"]["labels"][label]: pod
        for pod in found
        if label in pod["metadata"]["labels"] and "deletionTimestamp" not in pod["metadata"]
    }


def log_of(line: Line, pod: Manifest) -> str:
    """Of its engine's container."""
    return line.run("logs", pod["metadata"]["name"], "--container=engine")


def test_ranks_of_both_pods_are_started_and_the_group_answers(line: Line, image: str) -> None:
    line.apply(served(image))
    found = line.ready(NAME, seconds=SECONDS)

    assert found["status"]["serving"]["nodes"] == 2
    assert line.ask(NAME, "anything").startswith("t0 ")
    group = pods(line)
    assert set(group) == {"0", "1"}
    log = log_of(line, group["0"])
    for rank in range(8):
        name = group[str(rank // 4)]["metadata"]["name"]
        assert f"[1,{rank}]<stdout>:rank {rank} of 8 on {name}" in log
    assert "orted -mca" in log_of(line, group["1"])
    [figures] = found["status"]["warmup"]
    assert figures["requests"] > 20


@pytest.mark.parametrize("index", ["1", "0"], ids=["worker", "leader"])
def test_an_engine_that_is_killed_ends_the_group_which_comes_back_warm(
    line: Line, image: str, index: str
) -> None:
    line.apply(served(image))
    line.ready(NAME, seconds=SECONDS)
    before = {pod["metadata"]["uid"] for pod in pods(line).values()}

    line.kill_container(pods(line)[index], "engine")

    def is_new() -> bool:
        uids = {pod["metadata"]["uid"] for pod in pods(line).values()}
        return len(uids) == 2 and not uids & before

    wait_until(is_new, what="both pods are new", seconds=SECONDS)
    line.ready(NAME, seconds=SECONDS)
    assert line.ask(NAME, "anything").startswith("t0 ")


def test_another_revision_takes_the_place_of_a_group(line: Line, image: str) -> None:
    """There is room for one: what served goes, and the next is started by ranks of its own."""
    line.apply(served(image, rollout={"strategy": "Replace"}))
    line.ready(NAME, seconds=SECONDS)
    before = line.get(NAME)["status"]["serving"]["revision"]

    batching = {"maxConcurrentSequences": 8, "maxBatchedTokens": 2048}
    line.apply(served(image, rollout={"strategy": "Replace"}, batching=batching))
    wait_until(
        lambda: line.get(NAME)["status"]["serving"].get("revision") != before,
        what="the next revision serves",
        seconds=SECONDS,
    )
    line.ready(NAME, seconds=SECONDS)

    assert line.ask(NAME, "anything").startswith("t0 ")
    assert set(pods(line)) == {"0", "1"}
