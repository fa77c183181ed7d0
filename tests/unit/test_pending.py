"""Pods that find no node: what accelerators they need and what there is, beside what the scheduler says."""

from dataclasses import replace

import pytest

from deepseek_operator.capacity.room import Cluster
from deepseek_operator.diagnosis import diagnose
from deepseek_operator.observed import Observed
from deepseek_operator.pending import wants_accelerators
from tests.unit.capacity import machines
from tests.unit.capacity.machines import H200, ON_H200
from tests.unit.samples import Manifest

SCHEDULER = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."


def waiting(name: str = "new-1", *, revision: str = "new", gpus: int = 8) -> Manifest:
    """An engine pod that the scheduler finds no node for."""
    pod = machines.engine(
        name, of="chat", revision=revision, on=None, gpus=gpus, nodeSelector=ON_H200
    )
    said = {"type": "PodScheduled", "status": "False", "message": SCHEDULER}
    return {**pod, "status": {"phase": "Pending", "conditions": [said]}}


def said(
    *pods: Manifest,
    cluster: Cluster | None,
    beside: str | None = None,
    routes: int = 0,
    groups: tuple[Manifest, ...] = (),
) -> str:
    observed = Observed(pods=pods, cluster=cluster, routes=({},) * routes, groups=groups)
    found = diagnose(observed, "new", beside=beside)
    assert found is not None
    assert found.reason == "Unschedulable"
    return found.message


FULL = (
    machines.node("a", labels=H200),
    machines.engine("old-1", of="chat", revision="old", on="a"),
)


def test_what_is_needed_and_free_stands_before_what_the_scheduler_says() -> None:
    found = said(waiting(), cluster=machines.cluster(*FULL))

    assert found == f"pod new-1: needs 8 x H200 in nodes of 8; 0 free (scheduler: {SCHEDULER})"


def test_all_pods_of_the_revision_that_wait_are_counted() -> None:
    found = said(waiting(), waiting("new-2"), cluster=machines.cluster(*FULL))

    assert found.startswith("pod new-1: needs 16 x H200 in nodes of 8; ")


def test_without_having_looked_only_the_scheduler_speaks() -> None:
    assert said(waiting(), cluster=None) == f"pod new-1: {SCHEDULER}"


def test_a_pod_without_accelerators_needs_none() -> None:
    assert said(waiting(gpus=0), cluster=machines.cluster(*FULL)) == f"pod new-1: {SCHEDULER}"


def test_that_there_is_room_is_told_too() -> None:
    found = said(waiting(), cluster=machines.cluster(FULL[0]))

    assert found == (
        "pod new-1: the accelerators that it needs are free, so something else keeps it off "
        f"(scheduler: {SCHEDULER})"
    )


def test_what_cannot_be_read_is_told() -> None:
    found = said(waiting(), cluster=Cluster(unread="nodes may not be listed"))

    assert found == (
        "pod new-1: needs 8 x H200 in nodes of 8; what is free is not known: nodes may not be listed "
        f"(scheduler: {SCHEDULER})"
    )


@pytest.mark.parametrize(
    ("beside", "routes", "is_told"),
    [
        pytest.param("old", 0, True, id="the-one-that-serves-makes-room"),
        pytest.param("other", 0, False, id="another-does-not"),
        pytest.param("new", 0, False, id="it-is-the-one-that-serves"),
        pytest.param(None, 0, False, id="nobody-serves"),
        pytest.param("old", 1, False, id="no-replace-behind-a-route"),
    ],
)
def test_a_strategy_that_would_fit_is_named(
    beside: str | None, routes: int, *, is_told: bool
) -> None:
    found = said(waiting(), cluster=machines.cluster(*FULL), beside=beside, routes=routes)

    assert ("; strategy Replace would fit (scheduler" in found) is is_told


def test_pods_of_another_object_do_not_make_way() -> None:
    theirs = machines.engine("old-1", of="other", revision="old", on="a")
    elsewhere = machines.engine("old-1", of="chat", revision="old", on="a", namespace="b")

    for holder in (theirs, elsewhere):
        cluster = machines.cluster(FULL[0], holder)
        assert "Replace" not in said(waiting(), cluster=cluster, beside="old")


@pytest.mark.parametrize(
    ("pod", "waits"),
    [
        pytest.param(waiting(), True, id="waits"),
        pytest.param(waiting(gpus=0), False, id="for-something-else"),
        pytest.param(machines.engine("e", of="chat", revision="new"), False, id="has-a-node"),
    ],
)
def test_nodes_are_worth_reading_for_pods_that_wait_for_accelerators(
    pod: Manifest, *, waits: bool
) -> None:
    assert wants_accelerators(pod) is waits


def test_who_has_a_node_is_not_counted() -> None:
    running = machines.engine("new-0", of="chat", revision="new", on="a")
    cluster = replace(machines.cluster(FULL[0], running))

    found = said(running, waiting(), cluster=cluster)

    assert found.startswith("pod new-1: needs 8 x H200 in nodes of 8; 0 free")


def group_set(*, replicas: int, size: int = 2) -> Manifest:
    """What makes the pods of the new revision, each replica of which is on so many nodes."""
    return {
        "kind": "LeaderWorkerSet",
        "metadata": {"name": "new", "labels": {"serving.deepseek.dev/revision": "new"}},
        "spec": {"replicas": replicas, "leaderWorkerTemplate": {"size": size}},
    }


@pytest.mark.parametrize(
    ("replicas", "needs"), [pytest.param(1, 16, id="one"), pytest.param(2, 32, id="two")]
)
def test_a_group_needs_the_nodes_of_its_workers_though_these_are_not_there_yet(
    replicas: int, needs: int
) -> None:
    """With an exclusive topology workers are made once their leader has a node."""
    found = said(waiting(), cluster=machines.cluster(*FULL), groups=(group_set(replicas=replicas),))

    assert found.startswith(f"pod new-1: needs {needs} x H200 in nodes of 8; 0 free (scheduler: ")


def test_of_a_group_whose_leader_has_a_node_its_workers_need_theirs() -> None:
    leader = machines.engine("new-0", of="chat", revision="new", on="b")
    worker = waiting("new-0-1")
    worker["metadata"]["labels"] = {
        "serving.deepseek.dev/deployment": "chat",
        "serving.deepseek.dev/worker": "new",
    }

    found = said(
        leader, worker, cluster=machines.cluster(*FULL, leader), groups=(group_set(replicas=1),)
    )

    assert found.startswith("pod new-0-1: needs 8 x H200 in nodes of 8; 0 free (scheduler: ")


def test_one_node_for_the_leader_alone_is_no_room_for_a_group() -> None:
    found = said(waiting(), cluster=machines.cluster(FULL[0]), groups=(group_set(replicas=1),))

    assert found.startswith("pod new-1: needs 16 x H200 in nodes of 8; 8 free (scheduler: ")


def test_a_replace_makes_way_with_its_workers_too() -> None:
    nodes = [machines.node(name, labels=H200) for name in "ab"]
    old = [
        machines.engine("old-0", of="chat", revision="old", on="a"),
        machines.engine("old-0-1", of="chat", revision="old", worker=True, on="b"),
    ]

    found = said(
        waiting(),
        cluster=machines.cluster(*nodes, *old),
        beside="old",
        groups=(group_set(replicas=1),),
    )

    assert "; strategy Replace would fit (scheduler" in found
