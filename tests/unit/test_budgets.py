"""PodDisruptionBudgets in passes: one for each revision that has more than one replica."""

import pytest

from tests.unit.samples import CPU_SPEC, deepseek
from tests.unit.test_plan import NEW, NEW_KEY, OLD, OLD_KEY, applied, client_selector, deleted
from tests.unit.world import World, served


@pytest.mark.parametrize("replicas", [0, 1])
def test_a_budget_leaves_with_the_second_replica(replicas: int) -> None:
    world = served(OLD)
    fewer = deepseek(**CPU_SPEC, replicas=replicas, generation=2)

    plan = world.plan(fewer)

    assert {("PodDisruptionBudget", f"chat-{OLD_KEY}")} == deleted(plan)
    assert client_selector(plan) == OLD_KEY


def test_a_budget_leaves_before_anything_serves_too() -> None:
    world = World()
    world.carry_out(world.plan(OLD))

    plan = world.plan(deepseek(**CPU_SPEC, replicas=1, generation=2))

    assert {("PodDisruptionBudget", f"chat-{OLD_KEY}")} == deleted(plan)


def test_what_serves_keeps_its_budget_while_a_smaller_revision_starts() -> None:
    world = served(OLD)
    single = deepseek(**{**CPU_SPEC, "source": "pvc://models/better"}, generation=2)

    assert ("PodDisruptionBudget", f"chat-{OLD_KEY}") in applied(world.plan(single))
    world.settle(single)
    assert not [name for kind, name in world.children if kind == "PodDisruptionBudget"]


def test_pods_that_do_not_start_keep_none_that_serves_from_leaving() -> None:
    """A budget for each: a drain of the stable pods does not wait for a candidate that never gets ready."""
    world = served(OLD)

    plan = world.plan(NEW)

    budgets = [item for item in plan.apply if item["kind"] == "PodDisruptionBudget"]
    assert {item["metadata"]["name"] for item in budgets} == {f"chat-{OLD_KEY}", f"chat-{NEW_KEY}"}
    for item in budgets:
        key = item["metadata"]["name"].removeprefix("chat-")
        selected = item["spec"]["selector"]["matchLabels"]
        assert selected["serving.deepseek.dev/revision"] == key
        assert item["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_the_one_budget_of_an_older_operator_goes_as_those_of_revisions_come() -> None:
    world = served(OLD)
    budget = world.children.pop(("PodDisruptionBudget", f"chat-{OLD_KEY}"))
    labels = {
        key: value for key, value in budget["metadata"]["labels"].items() if "revision" not in key
    }
    world.children["PodDisruptionBudget", "chat"] = {
        **budget, "metadata": {**budget["metadata"], "name": "chat", "labels": labels},
    }  # fmt: skip

    world.settle(OLD)

    assert [name for kind, name in world.children if kind == "PodDisruptionBudget"] == [
        f"chat-{OLD_KEY}"
    ]
