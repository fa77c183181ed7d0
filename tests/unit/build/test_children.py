"""Every child of an object, as checked-in manifests that a person can read."""

from typing import Any

import pytest
import yaml

from deepseek_operator.build import children
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import Shape
from tests.conftest import Golden
from tests.unit.samples import (
    CPU_SPEC,
    EVERY_FIELD,
    IMAGES,
    Manifest,
    check_against_kubernetes,
    deepseek,
)
from tests.unit.world import World, served

SPECS: dict[str, Manifest] = {
    "distilled": {"model": "DeepSeek-R1-Distill-Qwen-7B"},
    "v3": {"model": "DeepSeek-V3", "accelerator": {"product": "NVIDIA-H200"}, "replicas": 2},
    "v3_two_nodes": {
        "model": "DeepSeek-V3",
        "accelerator": {"product": "NVIDIA-H100-80GB-HBM3"},
        "replicas": 2,
    },
    "cpu": CPU_SPEC,
    "every_field": EVERY_FIELD,
    "trtllm_r1": {
        "model": "DeepSeek-R1",
        "engine": {"name": "tensorrt-llm", "args": ["--kv_cache_config.dtype=fp8"]},
        "accelerator": {"product": "NVIDIA-H200"},
    },
    "trtllm_v32_nvfp4": {
        "model": "DeepSeek-V3.2",
        "source": "hf://nvidia/DeepSeek-V3.2-NVFP4",
        "quantization": "nvfp4",
        "engine": {"name": "tensorrt-llm"},
        "accelerator": {"product": "NVIDIA-B200", "count": 8},
        "batching": {"maxConcurrentSequences": 512, "maxBatchedTokens": 8192},
    },
    "trtllm_distilled": {
        "model": "DeepSeek-R1-Distill-Llama-8B",
        "source": "pvc://models/llama/8b",
        "engine": {"name": "tensorrt-llm"},
    },
    "scaled_to_zero": {**CPU_SPEC, "replicas": 0},
}


def _shape(**spec: Any) -> Shape:
    deployment = deepseek(**spec)
    return resolve_shape(deployment, deployment.spec, images=IMAGES)


def _written(name: str) -> list[Manifest]:
    """What brings the weights, and the children once these are there."""
    deployment = deepseek(**SPECS[name])
    first = World().plan(deployment)
    return [*first.share, *served(deployment).plan(deployment).apply]


@pytest.mark.parametrize("name", SPECS)
def test_children_are_as_the_golden_file_shows(name: str, golden: Golden) -> None:
    golden(f"{name}.yaml", yaml.safe_dump_all(_written(name), sort_keys=False, width=100))


@pytest.mark.parametrize("name", SPECS)
def test_every_child_is_one_that_kubernetes_knows(name: str) -> None:
    for manifest in _written(name):
        # Not one of Kubernetes' own: the templates in it are checked in test_grouping.py.
        if manifest["kind"] != "LeaderWorkerSet":
            check_against_kubernetes(manifest)


@pytest.mark.parametrize(
    ("replicas", "wanted"),
    [
        pytest.param(0, False, id="none"),
        pytest.param(1, False, id="one"),
        pytest.param(2, True, id="two"),
        pytest.param(9, True, id="nine"),
    ],
)
def test_a_budget_is_for_more_than_one_replica(replicas: int, *, wanted: bool) -> None:
    budget = children.build_disruption_budget(deepseek(), "cafe", replicas=replicas)

    assert wanted is (budget is not None)


def test_a_budget_lets_one_pod_of_the_revision_go_at_a_time() -> None:
    budget = children.build_disruption_budget(deepseek(), "cafe", replicas=2)

    assert budget is not None
    assert budget["spec"] == {
        "maxUnavailable": 1,
        "selector": {
            "matchLabels": {
                "serving.deepseek.dev/deployment": "chat",
                "serving.deepseek.dev/revision": "cafe",
            }
        },
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    assert budget["metadata"]["name"] == "chat-cafe"


def test_a_deployment_selects_the_pods_of_its_own_template() -> None:
    shape = _shape(**CPU_SPEC)
    built = children.build_deployment(deepseek(), shape, replicas=4)

    selector = built["spec"]["selector"]["matchLabels"]
    assert selector.items() <= built["spec"]["template"]["metadata"]["labels"].items()
    assert built["spec"]["replicas"] == 4


def test_a_deployment_never_needs_an_accelerator_more_than_it_has() -> None:
    strategy = children.build_deployment(deepseek(), _shape(**CPU_SPEC), replicas=1)["spec"][
        "strategy"
    ]

    assert strategy["rollingUpdate"]["maxSurge"] == 0


def test_the_revision_service_is_headless_and_selects_one_revision() -> None:
    service = children.build_revision_service(deepseek(), _shape(**CPU_SPEC))

    assert service["spec"]["clusterIP"] == "None"
    assert service["metadata"]["labels"].items() >= service["spec"]["selector"].items()


def test_clients_reach_the_serving_revision_at_the_objects_name() -> None:
    service = children.build_client_service(deepseek(), serving_key="k")

    assert service["metadata"]["name"] == "chat"
    assert service["spec"]["selector"]["serving.deepseek.dev/revision"] == "k"
    assert [port["port"] for port in service["spec"]["ports"]] == [80]


def test_a_controller_revision_holds_the_whole_shape() -> None:
    shape = _shape(**CPU_SPEC)

    built = children.build_controller_revision(deepseek(), shape, number=7)

    assert shape.to_data() == built["data"]
    assert built["revision"] == 7


def test_a_running_deployment_still_shows_its_shape() -> None:
    shape = _shape(**CPU_SPEC)
    running = served(deepseek()).find("Deployment", shape.key)

    assert shape == children.shape_of_engine_set(shape.key, running)


def test_a_running_deployment_still_shows_what_was_derived() -> None:
    shape = _shape(**SPECS["v3"])
    running = children.build_deployment(deepseek(), shape, replicas=1)

    assert shape.sizing is not None
    assert shape == children.shape_of_engine_set(shape.key, running)


def test_a_deployment_whose_notes_were_removed_still_shows_its_pods() -> None:
    shape = _shape(**CPU_SPEC)
    running = children.build_deployment(deepseek(), shape, replicas=1)
    del running["metadata"]["annotations"]

    found = children.shape_of_engine_set(shape.key, running)

    assert shape.template == found.template
    assert (found.model, found.source) == ("", "")
