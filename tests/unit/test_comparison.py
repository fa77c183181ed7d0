"""Which revisions are alike by nature, from what is frozen of them."""

from datetime import timedelta
from typing import Any

import pytest

from deepseek_operator import comparison
from deepseek_operator.api.traffic import Rollout
from deepseek_operator.catalog import catalog
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.rollout.run import Cause, Phase, Run
from tests.unit.samples import NOW

KNOWN = catalog.shipped().models


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
    assert comparison.are_alike(shape(), other, known=KNOWN) is alike
    assert comparison.are_alike(other, shape(), known=KNOWN) is alike


def test_two_models_that_nothing_is_known_of_are_alike_only_by_name() -> None:
    assert comparison.are_alike(shape("own"), shape("own"), known=KNOWN)
    assert not comparison.are_alike(shape("own"), shape("other"), known=KNOWN)


def names(candidate: Shape | None, stable: Shape | None) -> list[str]:
    plan = comparison.plan_of(
        Rollout(strategy="Canary"), candidate=candidate, stable=stable, known=KNOWN
    )
    return [metric.name for metric in plan.metrics]


def test_every_metric_has_its_part_of_the_error_budget() -> None:
    plan = comparison.plan_of(
        Rollout(strategy="Canary"), candidate=shape(), stable=shape(), known=KNOWN
    )
    alone = comparison.plan_of(Rollout(strategy="Canary"), candidate=None, stable=None, known=KNOWN)

    assert len(plan.metrics) == 8
    assert plan.bar.alarm_at > alone.bar.alarm_at
    assert plan.bar.accept_at == alone.bar.accept_at


@pytest.mark.parametrize("known", [(None, None), (shape(), None), (None, shape())])
def test_of_a_revision_that_cannot_be_read_nothing_is_asked(
    known: tuple[Shape | None, Shape | None],
) -> None:
    assert names(*known) == ["errors", "rejections"]


def running(*command: str) -> Shape:
    """The shape above with another engine."""
    [engine] = shape().template["spec"]["containers"]
    return shape(containers=[{**engine, "command": list(command)}])


def test_a_replace_has_the_patience_of_an_outage_unless_the_user_has_another() -> None:
    own = {"startTimeout": "2h", "holdTimeout": "1h", "drainTimeout": "1m", "rollbackWindow": "24h"}

    plan = comparison.plan_of(
        Rollout(strategy="Replace"), candidate=shape(), stable=shape(), known=KNOWN
    )
    given = comparison.plan_of(
        Rollout.model_validate({"strategy": "Replace", **own}),
        candidate=None,
        stable=None,
        known=KNOWN,
    )

    assert (plan.replaces, plan.steps, plan.quality) == (True, (), None)
    assert [metric.name for metric in plan.metrics] == ["errors", "rejections"]
    assert (plan.limits.start, plan.limits.hold) == (timedelta(minutes=30), timedelta(minutes=5))
    assert (given.limits.start, given.limits.hold) == (timedelta(hours=2), timedelta(hours=1))
    assert (given.limits.drain, given.limits.keep) == (timedelta(minutes=1), timedelta(days=1))


TRTLLM = running("trtllm-serve", "serve")
BY_GATEWAYS = ["errors", "rejections"]
BY_BOTH = [*BY_GATEWAYS, "timeToFirstToken", "timePerOutputToken", "truncated"]
UNTOLD = ["empty", "preemptions"]


@pytest.mark.parametrize(
    ("candidate", "stable", "compared"),
    [
        pytest.param(TRTLLM, TRTLLM, BY_BOTH, id="tensorrt-llm"),
        pytest.param(TRTLLM, shape(), BY_BOTH, id="after-vllm"),
        pytest.param(shape(), TRTLLM, BY_BOTH, id="before-vllm"),
        pytest.param(running("own-engine"), shape(), BY_GATEWAYS, id="unknown"),
        pytest.param(running("own-engine"), None, BY_GATEWAYS, id="no-pair"),
    ],
)
def test_only_what_the_engines_of_both_tell_is_compared(
    candidate: Shape, stable: Shape | None, compared: list[str]
) -> None:
    assert names(candidate, stable) == compared


RUN = Run(
    number=2,
    candidate="new",
    stable="old",
    plan=comparison.plan_of(Rollout(strategy="Canary"), candidate=None, stable=None, known=KNOWN),
    phase=Phase.STARTING,
    cause=Cause.CANDIDATE_STARTING,
    said="",
    started=NOW,
    since=NOW,
)


@pytest.mark.parametrize(
    ("shapes", "before", "named"),
    [
        pytest.param({"new": TRTLLM, "old": shape()}, {}, UNTOLD, id="both-known"),
        pytest.param({"new": shape(), "old": shape()}, {"run": RUN.name, "notCompared": UNTOLD}, [], id="vllm"),
        pytest.param({"new": TRTLLM}, {"run": RUN.name, "notCompared": UNTOLD}, UNTOLD, id="one-is-gone"),
        pytest.param({"new": TRTLLM}, {"run": "another", "notCompared": UNTOLD}, [], id="of-another-run"),
        pytest.param({}, {}, [], id="none-known"),
    ],
)  # fmt: skip
def test_what_is_not_compared_is_named_as_long_as_the_run_is_shown(
    shapes: dict[str, Shape], before: dict[str, Any], named: list[str]
) -> None:
    assert comparison.untold(RUN, shapes, told_before=before) == tuple(named)
    assert comparison.untold(None, shapes, told_before=before) == ()
