"""The revision key: which blocks are the same revision; and shapes as they are stored."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.api.types import DeepSeekDeploymentSpec
from deepseek_operator.api.warmup import Warmup
from deepseek_operator.errors import Stalled
from deepseek_operator.rollout import revisions
from deepseek_operator.rollout.revisions import Group, Shape, revision_key, target_key
from tests.conftest import Golden

GOLDEN_KEYS = Path(__file__).parents[2] / "golden/revision_keys.yaml"
HEADER = (
    "# Revision keys that running clusters hold. A key here may never change: it would make a new\n"
    "# revision, and new pods, for everybody at the next upgrade of the operator.\n"
)

BLOCKS: dict[str, list[dict[str, Any]]] = yaml.safe_load(GOLDEN_KEYS.read_text())


def key(block: dict[str, Any]) -> str:
    return revision_key(ServingBlock.model_validate(block))


@pytest.mark.parametrize(
    ("expected", "block"),
    [
        pytest.param(expected, block, id=f"{expected}-{number}")
        for expected, blocks in BLOCKS.items()
        for number, block in enumerate(blocks)
    ],
)
def test_the_keys_of_running_clusters_stay(expected: str, block: dict[str, Any]) -> None:
    assert expected == key(block)


def test_the_golden_file_is_complete(golden: Golden) -> None:
    blocks = [block for blocks in BLOCKS.values() for block in blocks]
    by_key: dict[str, list[dict[str, Any]]] = {}
    for block in blocks:
        by_key.setdefault(key(block), []).append(block)

    assert len(by_key) >= 12
    golden(GOLDEN_KEYS.name, HEADER + yaml.safe_dump(by_key, sort_keys=False, width=100))


BASE: dict[str, Any] = {"model": "DeepSeek-V3"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(BASE, {**BASE, "engine": {"name": "vllm"}}, id="a-default-written-out"),
        pytest.param(BASE, {**BASE, "accelerator": {"kind": "GPU"}}, id="a-default-kind"),
        pytest.param(BASE, {**BASE, "engine": {"image": None}}, id="null"),
        pytest.param(BASE, {**BASE, "pod": {"env": [], "labels": {}}}, id="empty-parts"),
        pytest.param(BASE, {**BASE, "pod": {"resources": {"limits": {}}}}, id="empty-resources"),
        pytest.param(BASE, {**BASE, "batching": {}}, id="empty-block"),
        pytest.param(BASE, {**BASE, "replicas": 7}, id="replicas"),
        pytest.param(
            {**BASE, "pod": {"labels": {"a": "1", "b": "2"}}},
            {**BASE, "pod": {"labels": {"b": "2", "a": "1"}}},
            id="order-of-keys",
        ),
        pytest.param(
            {**BASE, "pod": {"resources": {"requests": {"cpu": 1}}}},
            {**BASE, "pod": {"resources": {"requests": {"cpu": "1"}}}},
            id="a-quantity-as-number-or-text",
        ),
        pytest.param(
            BASE, {**BASE, "fieldOfANewerVersion": {"a": 1}}, id="a-field-that-is-not-known"
        ),
    ],
)
def test_what_makes_the_same_pods_has_the_same_key(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"model": "DeepSeek-R1"}, id="model"),
        pytest.param({**BASE, "source": "pvc://a/b"}, id="source"),
        pytest.param({**BASE, "engine": {"image": "own:1"}}, id="image"),
        pytest.param({**BASE, "engine": {"args": ["--seed=1"]}}, id="flag"),
        pytest.param({**BASE, "accelerator": {"kind": "CPU"}}, id="accelerator"),
        pytest.param({**BASE, "accelerator": {"count": 8}}, id="count-written-out"),
        pytest.param({**BASE, "batching": {"maxConcurrentSequences": 8}}, id="batching"),
        pytest.param({**BASE, "pod": {"labels": {"a": "1"}}}, id="label"),
        pytest.param({**BASE, "pod": {"env": [{"name": "A", "value": "1"}]}}, id="variable"),
    ],
)
def test_what_makes_other_pods_has_another_key(other: dict[str, Any]) -> None:
    assert key(BASE) != key(other)


def test_the_order_of_flags_matters() -> None:
    one = {**BASE, "engine": {"args": ["--a=1", "--b=2"]}}
    other = {**BASE, "engine": {"args": ["--b=2", "--a=1"]}}

    assert key(one) != key(other)


def test_the_served_name_is_the_objects_and_makes_no_revision() -> None:
    spec = DeepSeekDeploymentSpec.model_validate({**BASE, "servedName": "x"})

    assert key(BASE) == revision_key(spec)


def target(**warmup: Any) -> str:
    """The key of a spec with this warm-up."""
    return target_key(DeepSeekDeploymentSpec.model_validate({**BASE, "warmup": warmup}))


@pytest.mark.parametrize(
    "warmup",
    [
        pytest.param({}, id="empty"),
        pytest.param({"enabled": True}, id="enabled-written-out"),
        pytest.param({"prompts": {"name": "prompts"}}, id="prompts"),
        pytest.param({"shapes": [{"inputTokens": 1, "outputTokens": 1}]}, id="shapes"),
        pytest.param({"concurrency": [1, 8]}, id="concurrency"),
        pytest.param({"timeout": "90s"}, id="timeout"),
        pytest.param({"onFailure": "Serve"}, id="on-failure"),
    ],
)
def test_how_pods_are_warmed_up_makes_no_revision(warmup: dict[str, Any]) -> None:
    assert key(BASE) == target(**warmup)


def test_every_field_of_the_warm_up_is_known_to_make_a_revision_or_not() -> None:
    tried = {"enabled", "prompts", "shapes", "concurrency", "timeout", "on_failure"}

    assert set(Warmup.model_fields) == tried


def test_pods_without_locks_are_a_revision_of_their_own() -> None:
    assert key(BASE) != target(enabled=False)
    assert target(enabled=False) == target(enabled=False, timeout="90s")


def test_pods_without_locks_differ_by_block_as_those_with_them_do() -> None:
    def unlocked(block: dict[str, Any]) -> str:
        return revision_key(ServingBlock.model_validate(block), warmed=False)

    keys = {of(block) for of in (key, unlocked) for block in (BASE, {"model": "DeepSeek-R1"})}

    assert len(keys) == 4


def test_the_key_of_pods_without_locks_stays() -> None:
    assert target(enabled=False) == "61532c3c36"


SHAPE = Shape(key="k", model="m", source="hf://a/b", image="i", template={"spec": {}})


GROUPED = replace(SHAPE, group=Group(2, {"spec": {"a": 1}}, "rack"))


@pytest.mark.parametrize("shape", [SHAPE, GROUPED], ids=["one-node", "several-nodes"])
def test_a_stored_shape_is_read_as_it_was(shape: Shape) -> None:
    assert revisions.shape_from_data("k", shape.to_data()) == shape


def test_only_workers_make_a_record_that_an_operator_of_before_cannot_read() -> None:
    """It would start the leader alone."""
    assert (SHAPE.to_data()["format"], GROUPED.to_data()["format"]) == (1, 2)
    assert "group" not in SHAPE.to_data()


def test_status_says_of_several_nodes_alone_how_many_they_are() -> None:
    assert "nodes" not in SHAPE.described()
    assert (SHAPE.nodes, GROUPED.nodes, GROUPED.described()["nodes"]) == (1, 2, 2)


@pytest.mark.parametrize("data", [{}, {**SHAPE.to_data(), "format": 3}], ids=["none", "newer"])
def test_a_shape_of_a_newer_operator_is_not_guessed_at(data: dict[str, Any]) -> None:
    with pytest.raises(Stalled, match="upgrade the operator") as stalled:
        revisions.shape_from_data("k", data)

    assert stalled.value.reason == Reason.UNREADABLE_REVISION
