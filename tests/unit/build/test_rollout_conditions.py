"""What conditions tell of a run that may still go back: whether it can be judged, and how far the way back is."""

import pytest

from deepseek_operator.build.rollout_conditions import rollout_conditions
from deepseek_operator.observed import Manifest, Observed
from deepseek_operator.rollout.run import ENDED, JUDGED, ON_THE_WAY_BACK, Phase
from deepseek_operator.rollout.switch import Roles

STABLE, CANDIDATE = "aaaaaaaaaa", "bbbbbbbbbb"


def pods_of(key: str, *, ready: int) -> Manifest:
    """The Deployment of a revision with so many pods that are ready."""
    labels = {"serving.deepseek.dev/revision": key}
    return {
        "kind": "Deployment",
        "metadata": {"name": f"chat-{key}", "labels": labels},
        "status": {"readyReplicas": ready},
    }


def told(
    phase: Phase = Phase.ANALYZING, *, reason: str = "Comparing", wanted: int = 2, ready: int = 2
) -> dict[str, tuple[str, str, str]]:
    """Status, reason and message by condition."""
    run: Manifest = {
        "run": "2-bbbbbbbbbb",
        "phase": str(phase),
        "reason": reason,
        "message": "as it stands",
        "stable": STABLE,
        "candidate": CANDIDATE,
    }
    replicas = {CANDIDATE: 1} | ({STABLE: wanted} if wanted else {})
    roles = Roles(target=CANDIDATE, serving=STABLE, replicas=replicas, takes_over=False)
    pods = (pods_of(CANDIDATE, ready=1), pods_of(STABLE, ready=ready))
    found = rollout_conditions(run, roles, Observed(deployments=pods))
    return {str(one.type): (one.status, str(one.reason), one.message) for one in found}


def test_the_way_back_is_short_while_the_revision_before_has_all_its_pods() -> None:
    assert told()["RollbackReady"] == (
        "True",
        "StableAtStrength",
        f"2 of 2 pods of revision {STABLE} are ready",
    )


def test_the_way_back_is_not_short_when_pods_of_it_are_lost() -> None:
    assert told(ready=1)["RollbackReady"] == (
        "False",
        "StableShortOfCapacity",
        f"1 of 2 pods of revision {STABLE} are ready",
    )


def test_where_one_revision_replaces_another_going_back_starts_pods() -> None:
    assert told(Phase.WATCHING, wanted=0, ready=0)["RollbackReady"] == (
        "False",
        "NeedsStart",
        f"revision {STABLE} has no pods: going back starts them",
    )


@pytest.mark.parametrize("reason", ["NoData", "SplitUnverified"])
def test_a_run_that_is_held_for_want_of_figures_cannot_be_judged(reason: str) -> None:
    assert told(Phase.HELD, reason=reason)["DataHealthy"] == ("False", reason, "as it stands")


@pytest.mark.parametrize("phase", sorted(JUDGED))
def test_any_other_hold_has_its_figures(phase: Phase) -> None:
    assert told(phase, reason="Paused")["DataHealthy"][:2] == ("True", "Fresh")


def test_before_a_candidate_has_requests_there_is_nothing_to_judge() -> None:
    assert set(told(Phase.STARTING)) == {"RollbackReady"}


@pytest.mark.parametrize("phase", sorted(ENDED | ON_THE_WAY_BACK))
def test_a_run_that_is_decided_has_neither(phase: Phase) -> None:
    assert told(phase) == {}


def test_without_a_run_there_is_neither() -> None:
    roles = Roles(target=CANDIDATE, serving=CANDIDATE, replicas={CANDIDATE: 1}, takes_over=False)

    idle = {"phase": "Idle", "reason": "RecordUnreadable", "message": "unreadable"}
    assert rollout_conditions(None, roles, Observed()) == []
    assert rollout_conditions(idle, roles, Observed()) == []
