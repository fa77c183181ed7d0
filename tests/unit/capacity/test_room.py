"""Whether there is room for pods beside those that hold accelerators."""

from typing import Any

import pytest

from deepseek_operator.capacity.room import Cluster, Fit, fit, free
from tests.unit.capacity.machines import H200, L40S, ON_H200, cluster, engine, node, pod, want

TWO = (node("a", labels=H200), node("b", labels=H200), node("l", labels=L40S, gpus=4))


def test_free_is_what_is_allocatable_and_nobody_holds() -> None:
    found = cluster(*TWO, pod("p", on="a", gpus=3), pod("q", on="a", gpus=4), pod("r", on="gone"))

    assert free(found) == {"a": 1, "b": 8, "l": 4}


def test_pods_that_end_hold_what_they_have_until_they_are_gone() -> None:
    ending = pod("p", on="a", gpus=8)
    ending["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z"

    assert free(cluster(*TWO, ending))["a"] == 0


def test_a_node_that_lost_accelerators_owes_nobody() -> None:
    assert free(cluster(node("a", gpus=2), pod("p", on="a", gpus=8))) == {"a": 0}


@pytest.mark.parametrize(
    ("pods", "answer"),
    [
        pytest.param(1, Fit.YES, id="one"),
        pytest.param(2, Fit.YES, id="two"),
        pytest.param(3, Fit.NO, id="the-third-would-be-on-another-product"),
        pytest.param(0, Fit.YES, id="none"),
    ],
)
def test_pods_fit_on_the_nodes_that_they_may_run_on(pods: int, answer: Fit) -> None:
    assert fit(cluster(*TWO), [want(pods, 8, nodeSelector=ON_H200)]) is answer


def test_who_makes_way_leaves_room() -> None:
    found = cluster(*TWO, *(engine(f"e{on}", of="chat", revision="old", on=on) for on in "ab"))
    wanted = [want(2, 8, nodeSelector=ON_H200)]

    assert fit(found, wanted) is Fit.NO
    assert fit(found, wanted, without=found.holders) is Fit.YES
    assert fit(found, wanted, without=found.holders[:1]) is Fit.NO


def test_what_cannot_be_read_is_not_known() -> None:
    blind = Cluster(unread="not allowed")

    assert fit(blind, [want(1, 8)]) is Fit.UNKNOWN
    assert fit(blind, [want(1, 0)]) is Fit.YES


@pytest.mark.parametrize(
    ("ours", "theirs", "answer"),
    [
        pytest.param({}, {"priority": -10}, Fit.UNKNOWN, id="lower-than-the-default"),
        pytest.param({}, {"priority": 0}, Fit.NO, id="equal"),
        pytest.param({}, {"priority": 5}, Fit.NO, id="higher"),
        pytest.param(
            {"priorityClassName": "serving"}, {"priority": 5}, Fit.UNKNOWN, id="a-class-unseen"
        ),
        pytest.param(
            {"priorityClassName": "serving"},
            {"priority": 5, "priorityClassName": "serving"},
            Fit.NO,
            id="of-the-same-class",
        ),
        pytest.param(
            {"priorityClassName": "serving", "preemptionPolicy": "Never"},
            {"priority": -10},
            Fit.NO,
            id="never-preempts",
        ),
    ],
)
def test_pods_of_lower_priority_may_have_to_go(
    ours: dict[str, str], theirs: dict[str, Any], answer: Fit
) -> None:
    found = cluster(node("a"), pod("p", on="a", **theirs))

    assert fit(found, [want(1, 8, **ours)]) is answer


def test_no_priority_helps_where_there_is_too_little_of_it() -> None:
    found = cluster(node("a"), pod("p", on="a", priority=-10))

    assert fit(found, [want(2, 8, priorityClassName="serving")]) is Fit.NO


def test_the_number_of_a_class_is_what_other_pods_of_it_show() -> None:
    seen = pod("q", on="b", gpus=1, priority=100, priorityClassName="serving")
    found = cluster(node("a"), node("b", gpus=1), pod("p", on="a", priority=50), seen)
    higher = cluster(node("a"), node("b", gpus=1), pod("p", on="a", priority=100), seen)

    assert fit(found, [want(1, 8, priorityClassName="serving")]) is Fit.UNKNOWN
    assert fit(higher, [want(1, 8, priorityClassName="serving")]) is Fit.NO


def test_devices_that_claims_have_are_not_free() -> None:
    found = cluster(node("a"), held={"a": 3})

    assert free(found) == {"a": 5}
    assert fit(found, [want(1, 8)]) is Fit.NO
