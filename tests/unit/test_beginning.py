"""A rollout and its accelerators through whole passes: begun where there is room, told where there is not."""

import pytest

from tests.unit.capacity import machines
from tests.unit.capacity.machines import H200, L40S
from tests.unit.samples import CPU_SPEC, NO_GATEWAY, Manifest, conditions, deepseek
from tests.unit.service_on_nodes import (
    AUTO,
    BLUE_GREEN,
    GPU,
    NEW,
    OLD,
    REPLACE,
    Machines,
    on,
    wanting,
)
from tests.unit.test_canary import CANARY, commanded
from tests.unit.test_fallbacks import key

BESIDE = [pytest.param(BLUE_GREEN, id="blue-green"), pytest.param(CANARY, id="canary")]


@pytest.mark.parametrize("rollout", BESIDE)
def test_a_rollout_that_does_not_fit_beside_what_serves_is_not_begun(rollout: Manifest) -> None:
    service = on(8)

    status = service.pass_over(wanting(rollout))

    said = (
        "large waits for accelerators: needs 8 x H200 in nodes of 8; 0 free; strategy Replace would "
        "fit; where nodes are added for pods that wait, set rollout.waitForAccelerators: false"
    )
    assert service.replicas == {key(OLD): 2}
    found = conditions(status)
    assert (found["RolledOut"]["status"], found["RolledOut"]["reason"]) == (
        "False", "InsufficientAccelerators",
    )  # fmt: skip
    assert found["RolledOut"]["message"] == said
    assert found["Ready"]["status"] == "True"
    assert found["Ready"]["message"].endswith(said)
    assert (found["Reconciling"]["status"], found["Reconciling"]["reason"]) == (
        "True", "InsufficientAccelerators",
    )  # fmt: skip
    assert found["Stalled"]["status"] == "False"
    assert "rollout" not in status


@pytest.mark.parametrize("rollout", BESIDE)
def test_nothing_is_written_while_it_waits(rollout: Manifest) -> None:
    service = on(8)
    service.pass_over(wanting(rollout))
    service.serve(0)

    plan = service.plan(wanting(rollout), now=service.now)

    assert service.writes(plan) == []
    assert plan.requeue_seconds == 30.0


@pytest.mark.parametrize("rollout", BESIDE)
def test_it_begins_once_there_is_room(rollout: Manifest) -> None:
    service = on(8)
    service.pass_over(wanting(rollout))

    service.nodes.append(machines.node("more", labels=H200))
    service.pass_over(wanting(rollout))

    assert service.replicas.get(key(NEW)) == 1


@pytest.mark.parametrize("rollout", BESIDE)
def test_a_rollout_that_fits_begins_at_once(rollout: Manifest) -> None:
    service = on(8, 8)

    status = service.pass_over(wanting(rollout), times=2)

    assert service.replicas.get(key(NEW)) == 1
    assert conditions(status)["RolledOut"]["reason"] != "InsufficientAccelerators"


@pytest.mark.parametrize("rollout", BESIDE)
def test_no_weights_are_fetched_for_what_has_no_room(rollout: Manifest) -> None:
    service = on(8)

    service.pass_over(wanting(rollout, source="hf://org/large"))

    assert service.shared == {}


@pytest.mark.parametrize("rollout", BESIDE)
def test_who_has_begun_is_not_counted_while_weights_are_on_their_way(rollout: Manifest) -> None:
    service = on(8, 8)
    wanted = wanting(rollout, source="hf://org/large")
    service.pass_over(wanted, times=1)
    service.others.append(machines.pod("greedy", on="n1"))

    status = service.pass_over(wanted)

    assert service.shared
    assert conditions(status)["RolledOut"]["reason"].startswith("Weights")


def test_half_of_it_does_not_begin() -> None:
    service = on(8, 8)

    service.pass_over(wanting(BLUE_GREEN, replicas=2))

    assert service.replicas == {key(OLD): 2}


def test_what_has_begun_goes_on_when_others_take_the_room() -> None:
    service = on(8, 8)
    service.pass_over(wanting(BLUE_GREEN), times=1)
    service.others.append(machines.pod("greedy", on="n1"))

    service.pass_over(wanting(BLUE_GREEN))

    assert service.replicas[key(NEW)] == 1


@pytest.mark.parametrize(
    ("rollout", "grows", "begins"),
    [
        pytest.param({"waitForAccelerators": False}, "", True, id="told-not-to-wait"),
        pytest.param({}, "Karpenter", True, id="nodes-come"),
        pytest.param({"waitForAccelerators": True}, "Karpenter", False, id="told-to-wait"),
    ],
)
def test_nodes_that_are_added_for_pods_that_wait_are_waited_for_by_pods(
    rollout: Manifest, grows: str, *, begins: bool
) -> None:
    service = on(8)
    service.grows = grows

    service.pass_over(wanting(rollout))

    assert (key(NEW) in service.replicas) is begins


def test_what_cannot_be_read_keeps_nothing_from_beginning() -> None:
    service = on(8)
    service.unread = "nodes may not be listed"

    service.pass_over(wanting(BLUE_GREEN))

    assert service.replicas[key(NEW)] == 1


@pytest.mark.parametrize("rollout", [BLUE_GREEN, CANARY, AUTO])
def test_pods_that_serve_on_no_node_that_was_seen_show_that_it_cannot_be_counted(
    rollout: Manifest,
) -> None:
    service = on(8)
    service.nodes.clear()

    status = service.pass_over(wanting(rollout))

    assert key(NEW) in service.replicas
    if rollout is AUTO:
        assert status["rollout"]["chosen"] == "what is free is not known"


def test_an_object_without_accelerators_is_not_counted() -> None:
    service = on(8)

    service.pass_over(wanting(BLUE_GREEN, CPU_SPEC, gateway={}))

    assert key(CPU_SPEC) in service.replicas


def test_a_replace_counts_what_it_takes_from_the_old_one() -> None:
    service = on(8)

    service.until(wanting(REPLACE), "Watching")

    assert service.replicas == {key(OLD): 0, key(NEW): 1}


def test_a_replace_that_would_not_fit_stops_nobody() -> None:
    service = on(4, 4)

    status = service.pass_over(wanting(REPLACE))

    assert service.replicas == {key(OLD): 2}
    assert conditions(status)["Ready"]["status"] == "True"
    assert conditions(status)["RolledOut"]["message"].startswith(
        "large waits for accelerators: needs 8 x H200 in nodes of 8; 8 free, at most 4 of them on one "
        f"node, those of revision {key(OLD)} counted; where"
    )


def test_a_replace_counts_once_more_before_anybody_stops() -> None:
    """While its weights were fetched others took what was free."""
    service = on(4, 4, 4, spec={**OLD, "replicas": 1})
    two = wanting(REPLACE, {**NEW, "accelerator": GPU, "replicas": 2}, source="hf://org/large")
    service.until(two, "Preparing")
    service.others.append(machines.pod("greedy", on="n1", gpus=4))
    service.others.append(machines.pod("greedy", on="n2", gpus=4))
    for _ in range(4):
        service.end_jobs()
        service.one_pass(two)

    status = service.stored
    said = (
        "large waits for accelerators: needs 8 x H200 in nodes of 4; 4 free, those of revision "
        f"{key(OLD)} counted"
    )
    assert (status["rollout"]["phase"], status["rollout"]["reason"]) == (
        "Preparing", "WaitingForCapacity",
    )  # fmt: skip
    assert status["rollout"]["message"].startswith(said)
    assert service.replicas[key(OLD)] == 1
    assert conditions(status)["Ready"]["status"] == "True"
    assert service.plan(two, now=service.now).requeue_seconds == 30.0

    service.others.pop()
    service.until(two, "Watching")
    assert service.phases[:2] == ["Preparing", "Closing"]


def test_a_person_says_when_and_then_it_is_counted() -> None:
    service = on(8)
    wanted = wanting({**REPLACE, "autoPromote": False})
    service.until(wanted, "AwaitingApproval")
    service.others.append(machines.pod("greedy", on="n0", gpus=1))
    commanded(wanted, f"approve:{service.stored['rollout']['at']}")

    status = service.pass_over(wanted)

    assert (status["rollout"]["phase"], status["rollout"]["reason"]) == (
        "Preparing", "WaitingForCapacity",
    )  # fmt: skip
    service.others.clear()
    service.until(wanted, "Closing")


def test_a_person_may_have_it_stop_without_counting() -> None:
    service = on(8)
    wanted = wanting({**REPLACE, "autoPromote": False})
    service.until(wanted, "AwaitingApproval")
    service.others.append(machines.pod("greedy", on="n0", gpus=1))
    commanded(wanted, f"promote:{service.stored['rollout']['at']}")

    service.until(wanted, "Closing")


def test_no_other_strategy_is_named_that_would_not_do_either() -> None:
    service = on(4, 4)

    status = service.pass_over(wanting(BLUE_GREEN))

    assert "Replace" not in conditions(status)["RolledOut"]["message"]


def test_with_a_gateway_of_somebody_else_there_is_no_replace() -> None:
    route = {"provider": "GatewayAPI", "parentRef": {"name": "edge"}}
    nodes = [machines.node("n0", labels=H200)]
    plain = {**OLD, "gateway": NO_GATEWAY}
    service = Machines(nodes=nodes).served(plain)

    status = service.pass_over(wanting(BLUE_GREEN, gateway=route))

    assert conditions(status)["RolledOut"]["reason"] == "InsufficientAccelerators"
    assert "Replace" not in conditions(status)["RolledOut"]["message"]


FALLBACK: Manifest = {"model": "spare", "source": "pvc://models/spare", "accelerator": GPU}


@pytest.mark.parametrize(
    ("gpus", "begins"),
    [
        pytest.param((8, 8, 4), True, id="for-both"),
        pytest.param((8, 8), False, id="for-one-of-them"),
        pytest.param((8, 4, 4), False, id="for-the-fallback-alone"),
    ],
)
def test_the_peak_has_the_fallback_in_it(gpus: tuple[int, ...], *, begins: bool) -> None:
    """A fallback that comes with the new revision needs room of its own."""
    service = on(*gpus)

    status = service.pass_over(wanting(BLUE_GREEN, fallback=[FALLBACK]), times=1)

    assert (key(NEW) in service.replicas) is begins
    if gpus == (8, 8):
        assert (
            "and 4 x H200 in nodes of 4 for fallback spare"
            in (conditions(status)["RolledOut"]["message"])
        )


def test_a_fallback_that_has_no_room_whatever_comes_holds_nobody_up() -> None:
    service = on(8, 8)
    elsewhere = {**FALLBACK, "accelerator": {"kind": "GPU", "product": "NVIDIA-L40S", "count": 1}}

    service.pass_over(wanting(BLUE_GREEN, fallback=[elsewhere]))

    assert key(NEW) in service.replicas


def test_pods_of_the_fallback_that_run_are_not_counted_twice() -> None:
    service = on(8, 4, 8, spec={**OLD, "fallback": [FALLBACK]})

    service.pass_over(wanting(BLUE_GREEN, fallback=[FALLBACK]))

    assert key(NEW) in service.replicas


def test_pods_that_the_old_revision_still_misses_need_room_too() -> None:
    """One of its two was lost with a node, and the room that is left is for that or for the new one."""
    service = on(4, 4)
    service.unplaced = f"chat-{key(OLD)}-1"

    status = service.pass_over(wanting(BLUE_GREEN, {**NEW, "accelerator": GPU}), times=1)

    assert conditions(status)["RolledOut"]["message"].startswith(
        "large waits for accelerators: needs 4 x H200 in nodes of 4 and 4 x H200 in nodes of 4 for the "
        "revision that serves; 4 free; strategy Replace would fit;"
    )


def test_a_revision_that_was_refused_for_want_of_room_is_no_failed_one() -> None:
    service = on(8)
    service.pass_over(wanting(CANARY))

    service.nodes.append(machines.node("more", labels=H200))
    service.until(wanting(CANARY), "Watching")

    assert service.stored["serving"]["revision"] == key(NEW)


def test_a_second_try_is_kept_until_there_is_room() -> None:
    service = on(8, 8)
    wanted = wanting(CANARY)
    service.until(wanted, "Starting")
    commanded(wanted, f"abort:{service.stored['rollout']['at']}")
    service.until(wanted, "RolledBack")
    service.pass_over(wanted, times=2)
    service.others.append(machines.pod("greedy", on="n1"))
    commanded(wanted, f"retry:{service.stored['rollout']['at']}")

    waiting = service.pass_over(wanted)

    assert service.replicas == {key(OLD): 2}
    assert conditions(waiting)["RolledOut"]["reason"] == "InsufficientAccelerators"
    service.others.clear()
    service.until(wanted, "Starting")


def test_nobody_counts_while_the_revision_was_rolled_back() -> None:
    service = on(8, 8)
    wanted = wanting(CANARY)
    service.until(wanted, "Starting")
    commanded(wanted, f"abort:{service.stored['rollout']['at']}")
    service.until(wanted, "RolledBack")
    service.others.append(machines.pod("greedy", on="n1"))

    status = service.pass_over(wanted)

    assert conditions(status)["RolledOut"]["reason"] == "RolledBack"


def test_the_room_of_another_product_is_none() -> None:
    service = on(8)
    service.nodes += [machines.node("l", labels=L40S)]

    status = service.pass_over(wanting(BLUE_GREEN))

    assert conditions(status)["RolledOut"]["reason"] == "InsufficientAccelerators"


@pytest.mark.parametrize(
    ("rollout", "begins"),
    [pytest.param(CANARY, False, id="canary"), pytest.param(BLUE_GREEN, True, id="blue-green")],
)
def test_who_sleeps_and_is_compared_with_needs_room_too(rollout: Manifest, *, begins: bool) -> None:
    """Eight accelerators: enough for the new revision, not for the old one's replica beside it."""
    lazy: Manifest = {"autoscaling": {"min": 0, "max": 1}, "replicas": 1}
    service = on(8, spec={**OLD, **lazy})
    service.stored["autoscaling"][0]["replicas"] = 0
    service.pass_over(deepseek(**{**OLD, **lazy}))
    assert service.replicas == {key(OLD): 0}

    service.pass_over(wanting(rollout, **lazy))

    assert (service.replicas.get(key(NEW)) == 1) is begins
    assert not service.replicas.get(key(OLD))
