"""The objects that a plan names are those that there are once the operator has carried the object out."""

from typing import Any

import pytest

from deepseek_operator.cli import making
from deepseek_operator.cli.making import Child, Making
from deepseek_operator.observed import Observed
from tests.unit.samples import NOW, Manifest, deepseek
from tests.unit.world import World, served

V3: Manifest = {
    "model": "DeepSeek-V3",
    "source": "pvc://v3",
    "accelerator": {"product": "NVIDIA-H200"},
    "gateway": {},
}
R1: Manifest = {**V3, "model": "DeepSeek-R1", "source": "pvc://r1"}
QWEN: Manifest = {
    "model": "DeepSeek-R1-Distill-Qwen-7B",
    "source": "pvc://qwen",
    "accelerator": {"product": "NVIDIA-L40S"},
}
TWO_NODES: Manifest = {
    "model": "DeepSeek-V3",
    "accelerator": {"product": "NVIDIA-H100-80GB-HBM3"},
    "replicas": 2,
    "gateway": {},
}
SHARED = ("PersistentVolumeClaim", "Job")


def told(given: Manifest, world: World | None = None, **more: Any) -> Making:
    """Of an object in a world, or in an empty cluster."""
    world = world or World()
    observed = more.pop("observed", world.observed())
    generation = 2 if world.stored else 1
    return making.making(
        deepseek(generation=generation, **given), observed, stored=world.stored, now=NOW, **more
    )


def by_place(found: Making, *actions: str) -> dict[tuple[str, str], Child]:
    return {(one.kind, one.name): one for one in found.children if one.action in actions}


CASES = [
    pytest.param(None, V3, id="new"),
    pytest.param(None, {**V3, "gateway": {"provider": "None"}}, id="new-without-a-gateway"),
    pytest.param(None, {**V3, "fallback": [QWEN], "replicas": 3}, id="new-with-a-fallback"),
    pytest.param(None, {**V3, "workload": {"requestsPerSecond": 90}}, id="new-by-its-load"),
    pytest.param(None, {**V3, "autoscaling": {"min": 2, "max": 5}}, id="new-by-what-engines-tell"),
    pytest.param(None, TWO_NODES, id="new-on-two-nodes"),
    pytest.param(None, {**V3, "replicas": 0}, id="new-of-nobody"),
    pytest.param(V3, V3, id="the-same"),
    pytest.param(V3, {**V3, "replicas": 4}, id="more-replicas"),
    pytest.param(V3, {**V3, "autoscaling": {"min": 3, "max": 5}}, id="by-what-engines-tell"),
    pytest.param(V3, R1, id="another-revision"),
    pytest.param(V3, {**R1, "fallback": [V3]}, id="which-becomes-a-fallback"),
    pytest.param({**V3, "fallback": [QWEN]}, V3, id="without-its-fallback"),
    pytest.param(V3, {**V3, "gateway": {"provider": "None"}}, id="without-its-gateway"),
    pytest.param(TWO_NODES, {**R1, "replicas": 1}, id="from-two-nodes-to-one"),
]


@pytest.mark.parametrize(("before", "after"), CASES)
def test_what_is_told_is_what_there_is_in_the_end(before: Manifest | None, after: Manifest) -> None:
    world = World() if before is None else served(deepseek(**before))
    there = set(world.children)

    found = told(after, world)

    world.settle(deepseek(generation=2, **after))
    if before is not None and "gateway" in before:
        world.gateways = ()
        world.settle(deepseek(generation=2, **after))
    kept = {
        place: one
        for place, one in by_place(found, "make", "keep").items()
        if place[0] not in SHARED
    }
    history = {place for place in world.children if place[0] == "ControllerRevision"}
    assert found.stalled == ""
    assert set(kept) | history == set(world.children)
    assert set(by_place(found, "keep")) == there & set(kept)
    gone = {place for place in by_place(found, "let go") if place[0] not in SHARED}
    assert gone == there - set(world.children)
    assert {place: one.replicas for place, one in kept.items() if one.replicas is not None} == {
        place: child["spec"]["replicas"]
        for place, child in world.children.items()
        if place[0] in ("Deployment", "LeaderWorkerSet")
    }


def test_accelerators_are_those_of_all_replicas_and_nodes() -> None:
    alone = by_place(told({**V3, "replicas": 2}), "make")
    several = by_place(told(TWO_NODES), "make")

    [engines] = [one for one in alone.values() if one.accelerators is not None]
    [groups] = [one for one in several.values() if one.accelerators is not None]
    assert (engines.kind, engines.replicas, engines.accelerators) == ("Deployment", 2, 16)
    assert (groups.kind, groups.replicas, groups.accelerators) == ("LeaderWorkerSet", 2, 32)


def test_more_replicas_are_told_beside_those_that_there_are() -> None:
    world = served(deepseek(**V3))

    kept = by_place(told({**V3, "replicas": 4}, world), "keep")

    [engines] = [one for one in kept.values() if one.accelerators is not None]
    assert (engines.before, engines.replicas) == (1, 4)


def test_weights_that_are_fetched_have_a_volume_and_a_job() -> None:
    fetched = {name: value for name, value in V3.items() if name != "source"}

    found = told(fetched)

    shared = [one.kind for one in found.children if one.name == found.claim]
    assert shared == ["PersistentVolumeClaim", "Job"]
    assert told(V3).claim == ""


def test_what_cannot_be_served_makes_nothing_new_and_keeps_what_serves() -> None:
    world = served(deepseek(**V3))

    found = told({**V3, "model": "DeepSeek-V9", "source": None}, world)

    assert "spec.model: DeepSeek-V9 is not in the catalog" in found.stalled
    assert not by_place(found, "make", "let go")
    assert any(one.accelerators for one in by_place(found, "keep").values())


def test_a_cluster_without_groups_is_told_how_to_install_them() -> None:
    found = told(TWO_NODES, observed=Observed(knows_groups=False))

    assert "the cluster has no LeaderWorkerSet" in found.stalled
    assert not by_place(found, "make")


def test_of_kinds_that_may_not_be_listed_nothing_is_claimed() -> None:
    found = told(V3, unread=("Role",))

    [role] = [one for one in found.children if one.kind == "Role"]
    assert role.action == "keep or make"
    assert found.unread == ("Role",)
