"""What is read off the observed children."""

import pytest

from deepseek_operator.observed import (
    Observed,
    has_served,
    is_at_strength,
    ready_replicas,
    restarts_by_revision,
    revision_of,
    template_of,
)
from tests.unit.samples import Manifest, deepseek
from tests.unit.world import served

LABEL = "serving.deepseek.dev/revision"


def deployment(ready: int | None, *, seen: int = 2) -> Manifest:
    counted = {} if ready is None else {"readyReplicas": ready}
    return {"metadata": {"generation": 2}, "status": {"observedGeneration": seen, **counted}}


@pytest.mark.parametrize(
    ("observed", "ready", "strong"),
    [
        pytest.param(None, 0, False, id="none"),
        pytest.param({"metadata": {"generation": 1}}, 0, False, id="just-made"),
        pytest.param(deployment(None), 0, False, id="none-ready"),
        pytest.param(deployment(1), 1, False, id="one"),
        pytest.param(deployment(2), 2, True, id="all"),
        pytest.param(deployment(3), 3, True, id="more"),
        pytest.param(deployment(2, seen=1), 2, False, id="counted-before-the-change"),
    ],
)
def test_pods_count_as_counted_and_strength_only_as_of_now(
    observed: Manifest | None, ready: int, *, strong: bool
) -> None:
    assert ready == ready_replicas(observed)
    assert strong is is_at_strength(observed, 2)


def test_children_are_found_by_their_revision() -> None:
    observed = served(deepseek()).observed()
    key = revision_of(observed.deployments[0])

    assert key is not None
    assert observed.engine_set(key) is observed.deployments[0]
    assert observed.revision(key) is observed.revisions[0]
    assert observed.engine_set("other") is None
    assert len(observed.children) == 4


@pytest.mark.parametrize(
    ("service", "revision"),
    [
        pytest.param({"spec": {"selector": {LABEL: "k"}}}, "k", id="selects"),
        pytest.param({"spec": {"selector": None}}, None, id="null-selector"),
        pytest.param({"spec": {}}, None, id="no-selector"),
        pytest.param({}, None, id="no-spec"),
    ],
)
def test_the_clients_service_tells_who_serves(service: Manifest, revision: str | None) -> None:
    observed = Observed(services=({"metadata": {"name": "chat"}, **service},))

    assert revision == observed.client_service_revision("chat")
    assert observed.client_service_revision("other") is None


@pytest.mark.parametrize(
    ("ready", "kind", "reason", "served_once"),
    [
        pytest.param(1, None, None, True, id="ready-now"),
        pytest.param(0, "Progressing", "NewReplicaSetAvailable", True, id="all-were-once"),
        pytest.param(0, "Progressing", "ReplicaSetUpdated", False, id="on-its-way"),
        pytest.param(0, "Available", "NewReplicaSetAvailable", False, id="another-condition"),
        pytest.param(None, None, None, False, id="no-status"),
    ],
)
def test_whether_pods_have_served_outlives_them(
    ready: int | None, kind: str | None, reason: str | None, *, served_once: bool
) -> None:
    found = deployment(ready)
    found["status"]["conditions"] = [{"type": kind, "status": "True", "reason": reason}]

    assert has_served(found) is served_once
    assert not has_served(None)


def group_set(**status: object) -> Manifest:
    template: Manifest = {"metadata": {"labels": {}}}
    parts = {"leaderTemplate": template, "workerTemplate": {}, "size": 2}
    return {
        "kind": "LeaderWorkerSet",
        "metadata": {"generation": 2, "labels": {LABEL: "k"}},
        "spec": {"replicas": 3, "leaderWorkerTemplate": parts},
        **({"status": status} if status else {}),
    }


@pytest.mark.parametrize(
    ("found", "strong"),
    [
        pytest.param(group_set(), False, id="just-made"),
        pytest.param(group_set(readyReplicas=2, observedGeneration=2), True, id="counted-now"),
        pytest.param(group_set(readyReplicas=2, observedGeneration=1), False, id="counted-before"),
        pytest.param(group_set(readyReplicas=2), True, id="of-an-older-controller"),
        pytest.param(group_set(readyReplicas=1), False, id="too-few"),
    ],
)
def test_groups_are_counted_as_their_controller_tells(found: Manifest, *, strong: bool) -> None:
    assert is_at_strength(found, 2) is strong


@pytest.mark.parametrize(
    ("conditions", "served_once"),
    [
        pytest.param([{"type": "Available", "status": "False"}], True, id="all-were-once"),
        pytest.param([{"type": "Progressing", "status": "True"}], False, id="on-their-way"),
        pytest.param(
            [{"type": "Progressing", "reason": "NewReplicaSetAvailable"}], False, id="anothers-word"
        ),
    ],
)
def test_whether_groups_have_served_outlives_them(
    conditions: list[Manifest], *, served_once: bool
) -> None:
    assert has_served(group_set(conditions=conditions)) is served_once


def test_a_revision_has_one_set_of_pods_of_either_kind() -> None:
    found = group_set()
    observed = Observed(groups=(found,))

    assert observed.engine_set("k") is found
    assert observed.engines == observed.children == (found,)
    assert template_of(found) is found["spec"]["leaderWorkerTemplate"]["leaderTemplate"]
    assert template_of({"spec": {"template": {"a": 1}}}) == {"a": 1}


def test_pods_that_take_requests_and_pods_that_take_none_are_told_apart() -> None:
    def pod(label: str, **more: str) -> Manifest:
        return {"metadata": {"name": "p", "labels": {label: "k"}, "creationTimestamp": "", **more}}

    worker = pod("serving.deepseek.dev/worker")
    going = pod("serving.deepseek.dev/worker", deletionTimestamp="now")
    leader = pod(LABEL)
    observed = Observed(pods=(worker, going, leader))

    assert observed.pods_of("k") == (leader,)
    assert observed.workers_of("k") == (worker,)
    assert observed.workers_of("other") == ()


def test_restarts_are_those_of_all_pods_but_of_such_as_leave() -> None:
    """Also of those beyond the first that are asked for their figures."""

    def pod(number: int, **metadata: str) -> Manifest:
        labels = {LABEL: "new" if number else "old"}
        statuses = [{"name": "engine", "restartCount": number}, {"restartCount": 1}]
        return {
            "metadata": {"name": f"pod-{number}", "labels": labels, **metadata},
            "status": {"containerStatuses": statuses},
        }

    pods = [pod(number) for number in range(30)]
    leaving = pod(99, deletionTimestamp="2026-03-01T12:00:00Z")

    assert restarts_by_revision([*pods, leaving, {"metadata": {"name": "nobodys"}}]) == {
        "old": {"pod-0": 1},
        "new": {f"pod-{number}": number + 1 for number in range(1, 30)},
    }
