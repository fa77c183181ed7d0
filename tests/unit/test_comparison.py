"""Which revisions are alike by nature, from what is frozen of them."""

from dataclasses import replace
from typing import Any

import pytest

from deepseek_operator import comparison
from deepseek_operator.api.traffic import Rollout
from deepseek_operator.rollout.revisions import Shape


def shape(model: str = "DeepSeek-V3", **spec: Any) -> Shape:
    gpus = {"limits": {"nvidia.com/gpu": "8", "cpu": "4"}}
    engine = {"name": "engine", "command": ["vllm", "serve"], "resources": gpus}
    pod = {"containers": [engine], **spec}
    return Shape("1234567890", model, "hf://a/b", "image", {"spec": pod})


def resources(**limits: str) -> dict[str, Any]:
    named = {name.replace("gpu", "nvidia.com/gpu"): count for name, count in limits.items()}
    return {
        "containers": [
            {"name": "engine", "command": ["vllm", "serve"], "resources": {"limits": named}}
        ]
    }


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        pytest.param(shape(), True, id="one-model"),
        pytest.param(shape("DeepSeek-V3-0324"), True, id="one-architecture-and-size"),
        pytest.param(shape("DeepSeek-R1-Distill-Qwen-32B"), False, id="distilled"),
        pytest.param(shape("somebodys-own"), False, id="not-in-the-catalog"),
        pytest.param(shape(**resources(gpu="8", cpu="1")), True, id="fewer-cores"),
        pytest.param(shape(**resources(gpu="4", cpu="4")), False, id="fewer-accelerators"),
        pytest.param(
            shape(nodeSelector={"nvidia.com/gpu.product": "NVIDIA-L4"}), False, id="another-product"
        ),
        pytest.param(shape(nodeSelector={"zone": "b"}), True, id="another-zone"),
    ],
)
def test_alike_is_who_does_the_same_work_on_the_same_accelerators(
    other: Shape, *, alike: bool
) -> None:
    assert comparison.are_alike(shape(), other) is alike
    assert comparison.are_alike(other, shape()) is alike


def test_two_models_that_nothing_is_known_of_are_alike_only_by_name() -> None:
    assert comparison.are_alike(shape("own"), shape("own"))
    assert not comparison.are_alike(shape("own"), shape("other"))


def names(candidate: Shape | None, stable: Shape | None) -> list[str]:
    plan = comparison.plan_of(Rollout(strategy="Canary"), candidate=candidate, stable=stable)
    return [metric.name for metric in plan.metrics]


def test_every_metric_has_its_part_of_the_error_budget() -> None:
    plan = comparison.plan_of(Rollout(strategy="Canary"), candidate=shape(), stable=shape())
    alone = comparison.plan_of(Rollout(strategy="Canary"), candidate=None, stable=None)

    assert len(plan.metrics) == 7
    assert plan.bar.alarm_at > alone.bar.alarm_at
    assert plan.bar.accept_at == alone.bar.accept_at


@pytest.mark.parametrize("known", [(None, None), (shape(), None), (None, shape())])
def test_of_a_revision_that_cannot_be_read_nothing_is_asked(
    known: tuple[Shape | None, Shape | None],
) -> None:
    assert names(*known) == ["errors", "rejections"]


def test_another_engine_beside_vllm_is_judged_by_what_gateways_count() -> None:
    other = replace(
        shape(), template={"spec": {"containers": [{"command": ["trtllm-serve", "serve"]}]}}
    )

    assert names(shape(), other) == ["errors", "rejections"]
    assert "empty" in names(shape(), shape("DeepSeek-R1"))
