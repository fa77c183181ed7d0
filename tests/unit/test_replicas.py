"""How many replicas a load needs, through the whole plan: a number, and never another revision."""

from dataclasses import replace
from typing import Any

import pytest

from deepseek_operator import replicas
from deepseek_operator.observed import Observed
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import Shape, target_key
from tests.unit.samples import IMAGES, Manifest, conditions, deepseek
from tests.unit.world import World, served

LLAMA: Manifest = {
    "model": "DeepSeek-R1-Distill-Llama-8B",
    "source": "pvc://weights",
    "accelerator": {"product": "NVIDIA-H100-80GB-HBM3"},
}
SMALL: Manifest = {**LLAMA, "model": "DeepSeek-R1-Distill-Qwen-1.5B"}


def load(rate: float, **more: Any) -> Manifest:
    return {**LLAMA, "workload": {"requestsPerSecond": rate, **more}}


def shape_of(spec: Manifest) -> Shape:
    deployment = deepseek(**spec)
    return resolve_shape(deployment, deployment.spec, images=IMAGES)


def engines(world: World) -> dict[str, int]:
    """Replicas by revision."""
    label = "serving.deepseek.dev/revision"
    return {
        child["metadata"]["labels"][label]: child["spec"]["replicas"]
        for (kind, _), child in world.children.items()
        if kind == "Deployment" and label in child["metadata"]["labels"]
    }


def test_a_load_sets_the_number_with_its_reason_in_status() -> None:
    world = served(deepseek(**load(60)))

    key = target_key(deepseek(**load(60)).spec)
    assert engines(world) == {key: 6}
    assert world.stored["serving"]["replicas"] == 6
    first = world.stored["sizing"]["values"][0]
    assert (first["name"], first["value"]) == ("replicas", "6")
    assert first["why"].startswith("60 requests/s / (")
    assert "x 75% that is planned with) = 5." in first["why"]


def test_another_load_is_another_number_of_the_same_pods() -> None:
    world = served(deepseek(**load(60)))
    before = dict(engines(world))

    world.settle(deepseek(**load(90), generation=2))

    assert set(engines(world)) == set(before)
    assert list(engines(world).values()) == [8]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"inputTokens": 2048}, id="longer-prompts"),
        pytest.param({"timePerOutputToken": "40ms"}, id="a-faster-pace"),
        pytest.param({"timeToFirstToken": "1s"}, id="a-faster-start"),
    ],
)
def test_another_shape_of_requests_is_another_revision(other: Manifest) -> None:
    keys = {target_key(deepseek(**load(60, **more)).spec) for more in ({}, other)}

    assert len(keys) == 2


@pytest.mark.parametrize(
    "same",
    [
        pytest.param({"requestsPerSecond": 7}, id="another-rate"),
        pytest.param({"inputTokens": 1024, "outputTokens": 256}, id="what-is-assumed-anyway"),
        pytest.param({"timePerOutputToken": "100ms"}, id="the-pace-that-is-assumed"),
    ],
)
def test_what_makes_the_same_pods_is_the_same_revision(same: Manifest) -> None:
    plain, said = deepseek(**LLAMA).spec, deepseek(**LLAMA, workload=same).spec

    assert target_key(plain) == target_key(said)


def test_a_second_is_a_thousand_milliseconds() -> None:
    one, other = (
        target_key(deepseek(**LLAMA, workload={"timeToFirstToken": text}).spec)
        for text in ("1s", "1000ms")
    )

    assert one == other


def test_a_load_beyond_all_replicas_starts_nothing_and_says_so() -> None:
    world = World()
    world.settle(deepseek(**load(1_000_000)))

    assert engines(world) == {}
    stalled = conditions(world.stored)["Stalled"]
    assert (stalled["status"], stalled["reason"]) == ("True", "CannotRun")
    assert "spec.workload.requestsPerSecond: 1e+06 need " in stalled["message"]
    assert "an object has at most 1000; lower it" in stalled["message"]


def test_a_load_beyond_all_replicas_leaves_what_serves_as_it_is() -> None:
    world = served(deepseek(**load(60)))

    world.settle(deepseek(**load(1_000_000), generation=2))

    assert list(engines(world).values()) == [6]
    found = conditions(world.stored)
    assert found["Stalled"]["status"] == "True"
    assert found["Ready"]["status"] == "True"


def test_a_revision_that_was_made_before_sizing_keeps_its_number() -> None:
    deployment = deepseek(**load(60))
    old = replace(shape_of(load(60)), sizing=None)
    running = {
        "kind": "Deployment",
        "metadata": {"labels": {"serving.deepseek.dev/revision": old.key}},
        "spec": {"replicas": 3},
    }

    found, shape, trouble = replicas.counted(
        deployment, old, Observed(deployments=(running,)), key=old.key
    )

    assert (found.spec.replicas, shape) == (3, old)
    assert trouble is not None
    assert "was made before replicas were sized" in trouble.message
    assert replicas.sizing_entry(deployment, old) is None


def test_a_load_of_a_fallback_sets_its_number() -> None:
    entry = {**SMALL, "source": "pvc://small", "workload": {"requestsPerSecond": 100}}
    spec = {**LLAMA, "gateway": {"provider": "Embedded"}, "fallback": [entry]}

    world = served(deepseek(**spec))

    assert sorted(engines(world).values()) == [1, 2]


def test_a_number_that_is_set_stays() -> None:
    deployment = deepseek(**LLAMA, replicas=4)
    shape = shape_of(LLAMA)

    found, same, trouble = replicas.counted(deployment, shape, Observed(), key=shape.key)

    assert (found, same, trouble) == (deployment, shape, None)
    entry = replicas.sizing_entry(deployment, shape)
    assert entry is not None
    assert "replicas" not in {value["name"] for value in entry["values"]}
