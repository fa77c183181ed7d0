"""Which nodes pods may run on, as the scheduler decides it."""

from typing import Any

import pytest

from deepseek_operator.capacity.nodes import Node, node_of
from deepseek_operator.capacity.placing import keeps_off, placement_of
from tests.unit.capacity import machines
from tests.unit.capacity.test_nodes import GKE
from tests.unit.samples import Manifest


def read(manifest: Manifest) -> Node:
    found = node_of(manifest)
    assert found is not None
    return found


DEDICATED = {"key": "dedicated", "value": "ml", "effect": "NoSchedule"}
GPU_TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "is_tolerated"),
    [
        pytest.param({"key": "dedicated", "value": "ml"}, True, id="equal"),
        pytest.param({"key": "dedicated", "operator": "Equal", "value": "ml"}, True, id="said"),
        pytest.param({"key": "dedicated", "value": "web"}, False, id="another-value"),
        pytest.param({"key": "dedicated"}, False, id="no-value"),
        pytest.param({"key": "dedicated", "operator": "Exists"}, True, id="whatever-value"),
        pytest.param({"operator": "Exists"}, True, id="everything"),
        pytest.param({"key": "other", "operator": "Exists"}, False, id="another-key"),
        pytest.param(
            {"key": "dedicated", "value": "ml", "effect": "NoSchedule"}, True, id="effect"
        ),
        pytest.param(
            {"key": "dedicated", "value": "ml", "effect": "NoExecute"}, False, id="another-effect"
        ),
    ],
)
def test_a_taint_keeps_off_who_does_not_tolerate_it(
    toleration: Manifest, *, is_tolerated: bool
) -> None:
    node = read(machines.node(taints=[DEDICATED]))

    found = keeps_off(node, placement_of({"tolerations": [toleration]}))

    assert found == (None if is_tolerated else "with taint dedicated=ml:NoSchedule")


def test_every_taint_has_to_be_tolerated() -> None:
    node = read(machines.node(taints=[DEDICATED, GPU_TAINT]))
    tolerated = placement_of({"tolerations": [{"key": "dedicated", "operator": "Exists"}]})

    assert keeps_off(node, tolerated) == "with taint nvidia.com/gpu=present:NoSchedule"


def test_gke_lets_pods_that_ask_for_gpus_through_its_own_taint() -> None:
    elsewhere = read(machines.node(taints=[GPU_TAINT]))
    on_gke = read(machines.node(labels=GKE, taints=[GPU_TAINT]))
    other = read(machines.node(labels=GKE, taints=[DEDICATED]))

    assert keeps_off(on_gke, placement_of({})) is None
    assert keeps_off(elsewhere, placement_of({})) is not None
    assert keeps_off(other, placement_of({})) is not None


def test_a_selector_asks_for_every_label() -> None:
    node = read(machines.node(labels={"zone": "a", "disk": "fast"}))

    assert keeps_off(node, placement_of({"nodeSelector": {"zone": "a"}})) is None
    assert (
        keeps_off(node, placement_of({"nodeSelector": {"zone": "a", "disk": "slow"}}))
        == "without label disk=slow"
    )


def required(*terms: Manifest) -> Manifest:
    chosen = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {"affinity": {"nodeAffinity": chosen}}


def asks(operator: str, *values: str, key: str = "zone") -> Manifest:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("terms", "is_chosen"),
    [
        pytest.param([asks("In", "a", "b")], True, id="in"),
        pytest.param([asks("In", "b")], False, id="not-in-it"),
        pytest.param([asks("In", "b"), asks("In", "a")], True, id="one-of-the-terms"),
        pytest.param([asks("NotIn", "b")], True, id="another"),
        pytest.param([asks("NotIn", "a")], False, id="this-one"),
        pytest.param([asks("NotIn", "a", key="none")], True, id="not-in-without-the-label"),
        pytest.param([asks("Exists")], True, id="exists"),
        pytest.param([asks("Exists", key="none")], False, id="exists-not"),
        pytest.param([asks("DoesNotExist", key="none")], True, id="is-not-there"),
        pytest.param([asks("DoesNotExist")], False, id="is-there"),
        pytest.param([asks("Gt", "5", key="rank")], True, id="greater"),
        pytest.param([asks("Gt", "6", key="rank")], False, id="not-greater"),
        pytest.param([asks("Lt", "7", key="rank")], True, id="less"),
        pytest.param([asks("Lt", "6", key="rank")], False, id="not-less"),
        pytest.param([asks("Gt", "5")], False, id="no-number"),
        pytest.param([asks("Gt", "5", key="none")], False, id="nothing-to-compare"),
        pytest.param([{}], False, id="an-empty-term-chooses-nothing"),
        pytest.param(
            [{"matchExpressions": [*asks("In", "a")["matchExpressions"],
                                   *asks("In", "b", key="disk")["matchExpressions"]]}],
            False, id="all-of-a-term",
        ),
        pytest.param([{"matchFields": [
            {"key": "metadata.name", "operator": "In", "values": ["n"]}]}], True, id="by-name"),
        pytest.param([{"matchFields": [
            {"key": "metadata.name", "operator": "In", "values": ["m"]}]}], False, id="other-name"),
    ],
)  # fmt: skip
def test_required_affinity_chooses_nodes_by_its_terms(
    terms: list[Manifest], *, is_chosen: bool
) -> None:
    node = read(machines.node(labels={"zone": "a", "rank": "6", "disk": "fast"}))

    found = keeps_off(node, placement_of(required(*terms)))

    assert found == (None if is_chosen else "that pod.affinity does not choose")


def test_what_is_preferred_keeps_nobody_off() -> None:
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1}]}

    placement = placement_of({"affinity": {"nodeAffinity": preferred}})

    assert keeps_off(read(machines.node()), placement) is None


@pytest.mark.parametrize(
    ("fields", "why", "taint"),
    [
        pytest.param({"cordoned": True}, "cordoned", "unschedulable", id="cordoned"),
        pytest.param({"ready": "False"}, "not ready", "not-ready", id="not-ready"),
    ],
)
def test_a_closed_node_takes_only_who_says_so(fields: Any, why: str, taint: str) -> None:
    node = read(machines.node(**fields))
    others = [{"key": "dedicated", "operator": "Exists"}]
    this_one = [{"key": f"node.kubernetes.io/{taint}", "operator": "Exists"}]
    every_one = [{"operator": "Exists"}]

    assert keeps_off(node, placement_of({})) == why
    assert keeps_off(node, placement_of({"tolerations": others})) == why
    assert keeps_off(node, placement_of({"tolerations": this_one})) is None
    assert keeps_off(node, placement_of({"tolerations": every_one})) is None
