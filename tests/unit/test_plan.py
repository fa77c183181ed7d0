"""make_plan(): what a pass writes, from an object and what there is."""

import copy
import json
from typing import Any

import pytest

from deepseek_operator.observed import Gateway, Observed
from deepseek_operator.plan import TROUBLE_SECONDS, Plan, make_plan
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import revision_key
from deepseek_operator.wanted import HISTORY_LIMIT
from tests.unit.samples import CPU_SPEC, IMAGES, LATER, NOW, Manifest, conditions, deepseek
from tests.unit.world import World, served

OLD = deepseek(**CPU_SPEC, replicas=2)
NEW = deepseek(**{**CPU_SPEC, "source": "pvc://models/better"}, replicas=3, generation=2)
BAD = deepseek(model="DeepSeek-V4", generation=3)
OF_A_REVISION = ("Deployment", "Service", "PodDisruptionBudget")
OLD_KEY, NEW_KEY = revision_key(OLD.spec), revision_key(NEW.spec)


def applied(plan: Plan) -> list[tuple[str, str]]:
    return [(item["kind"], item["metadata"]["name"]) for item in plan.apply]


def deleted(plan: Plan) -> set[tuple[str, str]]:
    return {(item["kind"], item["metadata"]["name"]) for item in plan.delete}


def client_selector(plan: Plan) -> str:
    service = next(item for item in plan.apply if item["metadata"]["name"] == "chat")
    return str(service["spec"]["selector"]["serving.deepseek.dev/revision"])


def test_the_first_pass_makes_everything() -> None:
    plan = World().plan(OLD)

    assert [
        ("Service", "chat"),
        ("ControllerRevision", f"chat-{OLD_KEY}"),
        ("Service", f"chat-{OLD_KEY}"),
        ("Deployment", f"chat-{OLD_KEY}"),
        ("PodDisruptionBudget", f"chat-{OLD_KEY}"),
    ] == applied(plan)
    assert plan.delete == ()
    assert plan.records is False
    assert plan.requeue_seconds == TROUBLE_SECONDS


def test_the_first_ready_pod_makes_the_revision_serve() -> None:
    world = World()
    world.carry_out(world.plan(OLD))
    world.start_pods(ready=1)

    plan = world.plan(OLD)

    assert plan.records is True
    assert plan.status["serving"]["revision"] == OLD_KEY
    world.carry_out(plan)
    ready = conditions(world.plan(OLD).status)["Ready"]
    assert "1 of 2 replicas of tiny answer" in ready["message"]


def test_a_served_object_needs_nothing() -> None:
    world = served(OLD)
    plan = world.plan(OLD, now=LATER)

    assert world.writes(plan) == []
    assert plan.requeue_seconds is None


def test_the_next_revision_starts_beside_the_one_that_serves() -> None:
    world = served(OLD)

    plan = world.plan(NEW)

    assert client_selector(plan) == OLD_KEY
    assert {f"chat-{OLD_KEY}", f"chat-{NEW_KEY}"} == {
        name for kind, name in applied(plan) if kind == "Deployment"
    }
    assert [item["spec"]["replicas"] for item in plan.apply if item["kind"] == "Deployment"] == [
        2,
        3,
    ]
    assert plan.delete == ()


def test_one_pod_short_of_full_strength_changes_nothing() -> None:
    world = served(OLD)
    world.carry_out(world.plan(NEW))
    world.start_pods(NEW_KEY, ready=2)

    plan = world.plan(NEW)

    assert plan.records is False
    assert client_selector(plan) == OLD_KEY


def test_taking_over_is_recorded_with_what_follows_from_it() -> None:
    world = served(OLD)
    world.carry_out(world.plan(NEW))
    world.start_pods(NEW_KEY)

    plan = world.plan(NEW)

    assert plan.records is True
    assert plan.status["serving"]["revision"] == NEW_KEY
    assert client_selector(plan) == NEW_KEY
    assert {(kind, f"chat-{OLD_KEY}") for kind in OF_A_REVISION} == deleted(plan)


def test_what_follows_is_what_a_pass_would_do_that_reads_the_decision_back() -> None:
    world = served(OLD)
    world.carry_out(world.plan(NEW))
    world.start_pods(NEW_KEY)
    recording = world.plan(NEW)

    world.stored = copy.deepcopy(recording.status)

    following = world.plan(NEW)
    assert following.records is False
    assert (recording.apply, recording.delete) == (following.apply, following.delete)
    assert following.status == recording.status


def test_a_revision_that_is_left_stays_in_the_history() -> None:
    world = served(OLD)
    world.carry_out(world.plan(NEW))
    world.start_pods(NEW_KEY)
    world.carry_out(world.plan(NEW))

    assert world.writes(world.plan(NEW)) == []
    assert f"chat-{OLD_KEY}" in world.observed().revisions[0]["metadata"]["name"]


def test_the_user_may_change_his_mind_while_the_next_revision_starts() -> None:
    world = served(OLD)
    world.carry_out(world.plan(NEW))

    plan = world.plan(OLD)

    assert {(kind, f"chat-{NEW_KEY}") for kind in OF_A_REVISION} == deleted(plan)
    assert plan.requeue_seconds == TROUBLE_SECONDS
    assert client_selector(plan) == OLD_KEY


def test_what_never_served_gives_its_room_before_the_next_takes_any() -> None:
    world = World()
    world.carry_out(world.plan(OLD))

    plan = world.plan(NEW)

    assert ("Deployment", f"chat-{OLD_KEY}") in deleted(plan)
    assert ("Deployment", f"chat-{NEW_KEY}") not in applied(plan)
    assert plan.requeue_seconds == TROUBLE_SECONDS
    world.carry_out(plan)
    assert ("Deployment", f"chat-{NEW_KEY}") in applied(world.plan(NEW))


def test_what_never_served_goes_though_no_gateway_answers() -> None:
    asked = {**CPU_SPEC, "gateway": {}}
    world = World()
    world.carry_out(world.plan(deepseek(**asked)))
    world.gateways = (Gateway("g", is_ready=True, report=None),)
    old = revision_key(deepseek(**asked).spec)

    plan = world.plan(deepseek(**{**asked, "source": "pvc://models/better"}, generation=2))

    assert ("Deployment", f"chat-{old}") in deleted(plan)


def test_a_revision_that_comes_back_has_the_pods_it_had() -> None:
    world = served(OLD)
    frozen = world.find("ControllerRevision", OLD_KEY)["data"]
    world.settle(NEW)
    elsewhere = copy.deepcopy(IMAGES)
    object.__setattr__(elsewhere, "vllm_cpu", "registry.example/newer:1")

    plan = make_plan(OLD, world.observed(), stored=world.stored, images=elsewhere, now=NOW)

    again = next(item for item in plan.apply if item["metadata"]["name"] == f"chat-{OLD_KEY}")
    assert frozen == again["data"]
    deployment = next(
        item
        for item in plan.apply
        if item["kind"] == "Deployment" and item["metadata"]["name"] == f"chat-{OLD_KEY}"
    )
    assert frozen["template"] == deployment["spec"]["template"]


def test_a_new_operators_images_restart_no_pod() -> None:
    world = served(OLD)
    newer = copy.deepcopy(IMAGES)
    object.__setattr__(newer, "vllm_cpu", "registry.example/newer:1")
    object.__setattr__(newer, "toolbox", "registry.example/newer-toolbox:1")

    plan = make_plan(OLD, world.observed(), stored=world.stored, images=newer, now=NOW)

    assert world.writes(plan) == []


def test_a_deleted_controller_revision_is_frozen_again_from_the_running_pods() -> None:
    world = served(OLD)
    del world.children["ControllerRevision", f"chat-{OLD_KEY}"]
    running = world.find("Deployment", OLD_KEY)
    running["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/running:1"

    plan = world.plan(OLD)

    frozen = next(item for item in plan.apply if item["kind"] == "ControllerRevision")
    assert frozen["data"]["image"] == "registry.example/running:1"


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        pytest.param("Service", None, id="clients-service"),
        pytest.param("Service", OLD_KEY, id="headless-service"),
        pytest.param("Deployment", OLD_KEY, id="deployment"),
        pytest.param("ControllerRevision", OLD_KEY, id="controller-revision"),
        pytest.param("PodDisruptionBudget", OLD_KEY, id="budget"),
    ],
)
def test_a_deleted_child_comes_back(kind: str, key: str | None) -> None:
    world = served(OLD)
    child = world.find(kind, key)
    place = (kind, child["metadata"]["name"])
    del world.children[place]

    assert f"apply {kind} {place[1]}" in world.writes(world.plan(OLD))
    world.settle(OLD)
    assert child["metadata"]["name"] == world.children[place]["metadata"]["name"]
    assert {key: value for key, value in child.items() if key in ("spec", "data")} == {
        key: value for key, value in world.children[place].items() if key in ("spec", "data")
    }


def test_a_flag_that_was_taken_once_goes_on_serving() -> None:
    """What runs is frozen: only what is made anew is held against the flags that vLLM has."""
    flagged = deepseek(**CPU_SPEC, replicas=2, engine={"args": ["--swap-space=2"]})
    key = revision_key(flagged.spec)
    world = served(OLD)
    as_if_made = json.dumps([*world.children.items()]).replace(OLD_KEY, key)
    world.children = {(kind, name): child for (kind, name), child in json.loads(as_if_made)}
    world.stored = json.loads(json.dumps(world.stored).replace(OLD_KEY, key))

    before = world.find("Deployment", key)["spec"]["template"]
    plan = world.plan(flagged)

    [made] = [item for item in plan.apply if item["kind"] == "Deployment"]
    assert made["spec"]["template"] == before
    assert plan.status["serving"]["revision"] == key
    found = conditions(plan.status)
    assert (found["Ready"]["status"], found["Stalled"]["status"]) == ("True", "False")
    fresh = conditions(World().plan(flagged).status)["Stalled"]
    assert "spec.engine.args: --swap-space: no such flag" in fresh["message"]


def test_a_spec_that_cannot_be_served_leaves_what_serves_alone() -> None:
    world = served(OLD)

    plan = world.plan(BAD)

    assert [write for write in world.writes(plan) if write != "status"] == []
    found = conditions(plan.status)
    assert found["Ready"]["status"] == "True"
    assert "; the spec is not: spec.model: DeepSeek-V4" in found["Ready"]["message"]
    assert (found["Stalled"]["status"], found["Stalled"]["reason"]) == ("True", "UnknownModel")
    assert found["RolledOut"]["reason"] == "SpecNotServable"
    assert plan.status["serving"]["revision"] == OLD_KEY


def test_a_first_spec_that_cannot_be_served_makes_nothing() -> None:
    plan = World().plan(BAD)

    assert plan.apply == ()
    assert plan.delete == ()
    found = conditions(plan.status)
    assert found["Ready"]["reason"] == "UnknownModel"
    assert found["Reconciling"]["status"] == "False"
    assert "serving" not in plan.status
    assert plan.requeue_seconds is None


def unreadable(world: World, key: str) -> World:
    world.find("ControllerRevision", key)["data"]["format"] = 99
    return world


def test_a_serving_revision_of_a_newer_operator_is_left_as_it_runs() -> None:
    world = unreadable(served(OLD), OLD_KEY)

    plan = world.plan(OLD)

    assert [write for write in world.writes(plan) if write != "status"] == []
    found = conditions(plan.status)
    assert found["Stalled"]["reason"] == "UnreadableRevision"
    assert found["Ready"]["message"].startswith("2 of 2 replicas of tiny answer; the spec is not: ")


def test_pods_that_leave_an_unreadable_revision_are_not_claimed_ready() -> None:
    world = unreadable(served(OLD), OLD_KEY)
    world.start_pods(ready=1)

    plan = world.plan(OLD)

    assert plan.status["serving"]["readyReplicas"] == 1
    assert plan.status["serving"]["replicas"] == 2


def test_users_leave_an_unreadable_revision_once_the_next_is_ready() -> None:
    world = unreadable(served(OLD), OLD_KEY)
    plan = world.plan(NEW)
    assert plan.delete == ()
    assert client_selector(plan) == OLD_KEY

    world.settle(NEW)

    assert world.stored["serving"]["revision"] == NEW_KEY
    assert ("Deployment", f"chat-{OLD_KEY}") not in world.children
    service = world.children["Service", "chat"]
    assert service["spec"]["selector"]["serving.deepseek.dev/revision"] == NEW_KEY


def test_scaling_touches_the_deployment_alone() -> None:
    world = served(OLD)
    more = deepseek(**CPU_SPEC, replicas=5, generation=2)

    assert world.writes(world.plan(more)) == ["apply Deployment chat-" + OLD_KEY, "status"]


def test_users_stay_served_in_words_while_a_larger_count_is_taken_in() -> None:
    world = served(OLD)
    more = deepseek(**CPU_SPEC, replicas=5, generation=2)
    world.carry_out(world.plan(more))

    found = conditions(world.plan(more).status)

    assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("True", "Serving")
    assert found["Reconciling"]["status"] == "True"


def test_an_object_scaled_to_zero_says_so() -> None:
    world = World()
    plan = world.settle(deepseek(**CPU_SPEC, replicas=0))

    found = conditions(plan.status)
    assert found["Ready"]["reason"] == "ScaledToZero"
    assert found["Reconciling"]["status"] == "False"
    assert found["RolledOut"]["status"] == "True"


def test_history_is_kept_to_its_limit_and_numbered_in_order() -> None:
    world = World()
    for number in range(HISTORY_LIMIT + 4):
        spec = {**CPU_SPEC, "source": f"pvc://models/{number}"}
        world.settle(deepseek(**spec, generation=number + 1))

    numbers = sorted(item["revision"] for item in world.observed().revisions)
    assert list(range(4, HISTORY_LIMIT + 5)) == numbers


def test_a_lost_status_is_read_off_the_cluster() -> None:
    world = served(OLD)
    world.stored = {}

    plan = world.plan(NEW)

    assert client_selector(plan) == OLD_KEY
    assert plan.status["serving"]["revision"] == OLD_KEY


@pytest.mark.parametrize(
    ("pod_status", "reason"),
    [
        pytest.param(
            {
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "message": "0/1 nodes: no memory"}
                ]
            },
            "Unschedulable",
            id="unschedulable",
        ),
        pytest.param({}, "CandidateStarting", id="unknown"),
    ],
)
def test_why_the_next_revision_does_not_start_is_told_beside_what_serves(
    pod_status: dict[str, Any], reason: str
) -> None:
    world = served(OLD)
    world.carry_out(world.plan(NEW))
    labels = world.find("Deployment", NEW_KEY)["spec"]["template"]["metadata"]["labels"]
    world.pods = [{"metadata": {"name": "p", "labels": labels}, "status": pod_status}]

    found = conditions(world.plan(NEW).status)

    assert reason == found["RolledOut"]["reason"]
    assert found["Ready"]["status"] == "True"
    assert "; tiny is starting" in found["Ready"]["message"]


def test_a_pod_lost_by_the_serving_revision_is_told_beside_those_left() -> None:
    world = served(OLD)
    world.start_pods(ready=1)
    key_labels = world.find("Deployment", OLD_KEY)["spec"]["template"]["metadata"]["labels"]
    said = {"type": "PodScheduled", "status": "False", "message": "no room"}
    world.pods = [
        {"metadata": {"name": "p", "labels": key_labels}, "status": {"conditions": [said]}}
    ]

    plan = world.plan(OLD)

    assert (
        (conditions(plan.status)["Ready"]["message"])
        == "1 of 2 replicas of tiny answer; pod p: no room"
    )
    assert plan.requeue_seconds == TROUBLE_SECONDS


def test_the_status_tells_where_and_by_which_name_clients_ask() -> None:
    status = World().plan(deepseek(**CPU_SPEC, servedName="best")).status

    assert status["url"] == "http://chat.team.svc/v1"
    assert status["servedName"] == "best"
    assert status["selector"].startswith("serving.deepseek.dev/deployment=chat,")


def test_a_plan_changes_nothing_that_it_was_given() -> None:
    world = served(OLD)
    observed, stored = world.observed(), copy.deepcopy(world.stored)
    untouched: tuple[Observed, Manifest] = copy.deepcopy((observed, stored))

    make_plan(NEW, observed, stored=stored, images=IMAGES, now=NOW)

    assert untouched == (observed, stored)


def test_a_shape_is_resolved_only_for_a_revision_that_was_never_frozen() -> None:
    world = served(OLD)
    frozen = world.find("ControllerRevision", OLD_KEY)
    frozen["data"] = {**frozen["data"], "source": "hf://frozen/here"}

    plan = world.plan(OLD)

    assert plan.status["serving"]["source"] == "hf://frozen/here"
    assert resolve_shape(OLD, OLD.spec, images=IMAGES).source != "hf://frozen/here"
