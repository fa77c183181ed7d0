"""Replicas on several nodes and their accelerators, through whole passes: counted by whole nodes, leaders and workers."""

import pytest

from deepseek_operator import beginning
from deepseek_operator.rollout.revisions import target_key
from tests.unit.capacity import machines
from tests.unit.capacity.machines import H100
from tests.unit.samples import Manifest, conditions, deepseek
from tests.unit.service_on_nodes import AUTO, BLUE_GREEN, REPLACE, Machines, wanting
from tests.unit.test_canary import CANARY
from tests.unit.test_fallbacks import key

V3: Manifest = {
    "model": "DeepSeek-V3",
    "source": "pvc://v3",
    "accelerator": {"product": "NVIDIA-H100-80GB-HBM3", "count": 16},
    "replicas": 1,
    "gateway": {},
    "rollout": {},
}
"""One replica is on two nodes with eight H100 each."""
NEXT: Manifest = {**V3, "engine": {"args": ["--seed=1"]}}
SMALL: Manifest = {
    **V3,
    "model": "small",
    "source": "pvc://small",
    "accelerator": {**V3["accelerator"], "count": 8},
}
BESIDE = [pytest.param(BLUE_GREEN, id="blue-green"), pytest.param(CANARY, id="canary")]


def on(*gpus: int, spec: Manifest = V3) -> Machines:
    """This revision serves on nodes of these sizes."""
    there = [
        machines.node(f"n{number}", labels=H100, gpus=count) for number, count in enumerate(gpus)
    ]
    return Machines(nodes=there).served(spec)


def test_a_group_holds_the_accelerators_of_its_workers_too() -> None:
    service = on(8, 8)

    assert [(one.revision, one.accelerators) for one in service.cluster().holders] == [
        (key(V3), 8)
    ] * 2


@pytest.mark.parametrize("rollout", BESIDE)
@pytest.mark.parametrize(
    ("gpus", "begins"),
    [
        pytest.param((8, 8, 8, 8), True, id="four-nodes"),
        pytest.param((8, 8, 8), False, id="three-nodes"),
        pytest.param((8, 8, 8, 4, 4), False, id="halves-are-no-node"),
    ],
)
def test_two_groups_need_four_whole_nodes(
    rollout: Manifest, gpus: tuple[int, ...], *, begins: bool
) -> None:
    service = on(*gpus)

    service.pass_over(wanting(rollout, NEXT))

    assert (key(NEXT) in service.replicas) is begins


def test_what_a_group_lacks_is_told_in_whole_nodes() -> None:
    service = on(8, 8, 8, 4, 4)

    status = service.pass_over(wanting(BLUE_GREEN, NEXT))

    assert conditions(status)["RolledOut"]["message"] == (
        "DeepSeek-V3 waits for accelerators: needs 16 x H100 in nodes of 8; 16 free, 8 of them in nodes of 8; "
        "strategy Replace would fit; where nodes are added for pods that wait, set rollout.waitForAccelerators: false"
    )
    assert conditions(status)["Ready"]["status"] == "True"


def test_all_groups_count_though_they_are_asked_for_one_after_another() -> None:
    service = on(8, 8, 8, 8)

    status = service.pass_over(wanting(BLUE_GREEN, NEXT, replicas=2))

    assert key(NEXT) not in service.replicas
    assert "needs 32 x H100 in nodes of 8; 16 free" in conditions(status)["RolledOut"]["message"]


@pytest.mark.parametrize(
    ("before", "gpus"),
    [pytest.param(V3, (8, 8), id="a-group"), pytest.param(SMALL, (8, 8), id="one-node")],
)
def test_a_replace_counts_all_that_it_takes(before: Manifest, gpus: tuple[int, ...]) -> None:
    service = on(*gpus, spec=before)

    service.until(wanting(REPLACE, NEXT), "Watching")

    assert service.replicas == {key(before): 0, key(NEXT): 1}


def test_a_replace_of_one_node_by_a_group_needs_another_node() -> None:
    service = on(8, spec=SMALL)

    status = service.pass_over(wanting(REPLACE, NEXT))

    assert service.replicas == {key(SMALL): 1}
    assert conditions(status)["RolledOut"]["message"].startswith(
        "DeepSeek-V3 waits for accelerators: needs 16 x H100 in nodes of 8; 8 free, those of revision "
    )


@pytest.mark.parametrize(
    ("nodes", "chosen"), [pytest.param(4, "Canary", id="4"), pytest.param(3, "Replace", id="3")]
)
def test_auto_counts_groups(nodes: int, chosen: str) -> None:
    service = on(*(8,) * nodes)

    status = service.until(wanting(AUTO, NEXT), "Starting", "Preparing")

    assert status["rollout"]["strategy"] == chosen


@pytest.mark.parametrize(("nodes", "begins"), [(6, True), (5, False)])
def test_a_fallback_on_several_nodes_is_part_of_the_peak(nodes: int, *, begins: bool) -> None:
    service = on(*(8,) * nodes)
    spare = {**V3, "model": "DeepSeek-R1", "source": "pvc://r1"}
    spare = {name: spare[name] for name in ("model", "source", "accelerator")}

    status = service.pass_over(wanting(BLUE_GREEN, NEXT, fallback=[spare]), times=1)

    service.pass_over(wanting(BLUE_GREEN, NEXT, fallback=[spare]))
    assert (key(NEXT) in service.replicas) is begins
    if not begins:
        assert (
            "needs 16 x H100 in nodes of 8 and 16 x H100 in nodes of 8 for fallback DeepSeek-R1"
            in conditions(status)["RolledOut"]["message"]
        )


def test_a_worker_that_the_serving_revision_still_misses_needs_room_too() -> None:
    """A node of its group was lost, and the two that are left are for that or for half of the new one."""
    service = on(8, 8, 8)
    service.unplaced = f"chat-{key(V3)}-1"

    status = service.pass_over(wanting(BLUE_GREEN, {**NEXT, **SMALL, "replicas": 2}), times=1)

    assert (
        "needs 16 x H100 in nodes of 8 and 8 x H100 in nodes of 8 for the revision that serves"
        in conditions(status)["RolledOut"]["message"]
    )


# With replicas: 0


@pytest.mark.parametrize("rollout", [BLUE_GREEN, CANARY, REPLACE, AUTO])
def test_nobody_to_be_served_needs_no_room(rollout: Manifest) -> None:
    service = on(8, 8)
    nobody = wanting(rollout, NEXT, replicas=0)

    status = service.pass_over(nobody, times=12)

    assert conditions(status)["Ready"]["reason"] == "ScaledToZero"
    assert conditions(status)["RolledOut"]["reason"] != "InsufficientAccelerators"
    assert not any(service.replicas.values())
    assert not beginning.is_due(nobody, service.observed(), service.stored, target_key(nobody.spec))


def test_a_rollout_that_waits_stops_waiting_when_nobody_is_to_be_served() -> None:
    service = on(8, 8)
    service.pass_over(wanting(CANARY, NEXT))

    status = service.pass_over(wanting(CANARY, NEXT, replicas=0), times=4)

    assert conditions(status)["RolledOut"]["reason"] == "ScaledToZero"
    assert service.replicas == {key(V3): 0}


def test_beside_a_revision_without_pods_only_the_new_one_needs_room() -> None:
    service = on(8, 8)
    service.pass_over(deepseek(**{**V3, "replicas": 0}, generation=2))

    service.until(wanting(CANARY, NEXT), "Succeeded", passes=6)
    service.pass_over(wanting(CANARY, NEXT))

    assert service.replicas == {key(NEXT): 1}


def test_what_comes_back_beside_the_new_one_needs_room_with_it() -> None:
    """`replicas: 0` together with another model: with replicas again both revisions have pods."""
    service = on(8, 8)
    service.pass_over(wanting(CANARY, NEXT, replicas=0), times=4)

    status = service.pass_over(wanting(CANARY, NEXT), times=1)

    assert "needs 16 x H100 in nodes of 8" in conditions(status)["RolledOut"]["message"]
    service.pass_over(wanting(CANARY, NEXT))
    assert service.replicas == {key(V3): 1}
    assert conditions(service.stored)["Ready"]["status"] == "True"
