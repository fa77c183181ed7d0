"""Conditions while pods come and go: what users may rely on, and what is still to be done."""

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.rollout.revisions import revision_key
from tests.unit.samples import CPU_SPEC, LATER, Manifest, conditions, deepseek
from tests.unit.world import World, served

OLD = deepseek(**CPU_SPEC, replicas=2)
NEW = deepseek(**{**CPU_SPEC, "source": "pvc://models/better"}, replicas=2, generation=2)


def told(world: World, deployment: DeepSeekDeployment) -> dict[str, tuple[str, str]]:
    """Status and reason of each condition, as the next pass stores them."""
    world.carry_out(world.plan(deployment, now=LATER))
    return {
        kind: (item["status"], item["reason"]) for kind, item in conditions(world.stored).items()
    }


@pytest.mark.parametrize(
    ("ready", "expected"),
    [
        pytest.param(
            2,
            {"Ready": ("True", "Serving"), "Reconciling": ("False", "UpToDate"),
             "RolledOut": ("True", "RolledOut"), "Warm": ("True", "WarmedUp")},
            id="all",
        ),
        pytest.param(
            1,
            {"Ready": ("True", "Serving"), "Reconciling": ("True", "RollingOut"),
             "RolledOut": ("False", "CandidateStarting"), "Warm": ("Unknown", "NotStarted")},
            id="one-lost",
        ),
        pytest.param(
            0,
            {"Ready": ("False", "Starting"), "Reconciling": ("True", "RollingOut"),
             "RolledOut": ("False", "CandidateStarting"), "Warm": ("Unknown", "NotStarted")},
            id="all-lost",
        ),
    ],
)  # fmt: skip
def test_conditions_follow_the_pods_that_are_ready(
    ready: int, expected: dict[str, tuple[str, str]]
) -> None:
    world = served(OLD)
    world.start_pods(ready=ready)

    always = {"Stalled": ("False", "NotStalled"), "WeightsReady": ("True", "WeightsGiven")}
    assert told(world, OLD) == {**expected, **always}
    assert world.stored["serving"]["readyReplicas"] == ready


def test_users_are_not_said_to_be_served_by_the_pods_of_a_revision_they_do_not_reach() -> None:
    world = served(OLD)
    world.carry_out(world.plan(NEW))
    world.start_pods(revision_key(OLD.spec), ready=0)
    world.start_pods(revision_key(NEW.spec), ready=1)

    assert told(world, NEW)["Ready"] == ("False", "Starting")


def test_a_pod_that_is_lost_and_comes_back_leaves_two_transitions_of_ready() -> None:
    world = served(OLD)
    before: Manifest = conditions(world.stored)["Ready"]
    world.start_pods(ready=0)
    told(world, OLD)
    lost = conditions(world.stored)["Ready"]
    world.start_pods()
    told(world, OLD)

    assert before["lastTransitionTime"] != lost["lastTransitionTime"]
    assert conditions(world.stored)["Ready"]["status"] == "True"
    assert conditions(world.stored)["Stalled"]["lastTransitionTime"] == before["lastTransitionTime"]
