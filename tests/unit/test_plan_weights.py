"""make_plan() of objects whose weights are fetched: what waits for them, and what does not."""

import copy
import dataclasses
import json

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import weights as builders
from deepseek_operator.fetching import RETRY
from deepseek_operator.plan import TROUBLE_SECONDS, Plan, make_plan
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import revision_key
from tests.unit.samples import CPU_SPEC, IMAGES, LATER, NOW, Manifest, conditions, deepseek
from tests.unit.world import World, fetcher, served

OLD = deepseek(model="DeepSeek-R1-Distill-Qwen-7B")
NEW = deepseek(model="DeepSeek-R1-Distill-Llama-8B", generation=2)
TUNED = deepseek(
    model="DeepSeek-R1-Distill-Qwen-7B", engine={"args": ["--enforce-eager"]}, generation=2
)
OWN = deepseek(**CPU_SPEC, generation=2)
REFUSED = {"reason": "Unauthorized", "message": "no token"}
CAUSE = "weights of hf://deepseek-ai/DeepSeek-R1-Distill-Llama-8B: no token"


def claim_of(deployment: DeepSeekDeployment) -> str:
    return str(builders.claim_of(resolve_shape(deployment, deployment.spec, images=IMAGES)))


OLD_KEY, NEW_KEY, TUNED_KEY = (revision_key(each.spec) for each in (OLD, NEW, TUNED))
OLD_CLAIM, NEW_CLAIM = claim_of(OLD), claim_of(NEW)


def places(manifests: tuple[Manifest, ...]) -> list[tuple[str, str]]:
    return [(item["kind"], item["metadata"]["name"]) for item in manifests]


def started(plan: Plan) -> set[str]:
    """The revisions that are to have pods."""
    return {name.rpartition("-")[2] for kind, name in places(plan.apply) if kind == "Deployment"}


def told(plan: Plan) -> dict[str, tuple[str, str]]:
    return {
        kind: (item["status"], item["reason"]) for kind, item in conditions(plan.status).items()
    }


def serving_while_the_next_fails() -> World:
    world = served(OLD)
    world.carry_out(world.plan(NEW))
    world.end_jobs(result=REFUSED, code=2)
    world.carry_out(world.plan(NEW))
    return world


def plan_with_progress(world: World, deployment: DeepSeekDeployment, line: Manifest) -> Plan:
    """The plan while a pod of the object's fetch runs and tells this."""
    claim = claim_of(deployment)
    pod = fetcher(world.shared["Job", claim], claim, result={})
    pod["metadata"] |= {"name": "running", "creationTimestamp": "2026-03-01T12:30:00Z"}
    pod["status"] = {"phase": "Running"}
    observed = dataclasses.replace(
        world.observed(), fetchers=(pod,), progress={"running": json.dumps(line)}
    )
    stored = copy.deepcopy(world.stored)
    return make_plan(deployment, observed, stored=stored, images=IMAGES, now=LATER)


def test_no_pod_is_made_before_its_weights_are_there() -> None:
    world = World()

    plan = world.plan(OLD)

    assert started(plan) == set()
    assert places(plan.share) == [("PersistentVolumeClaim", OLD_CLAIM), ("Job", OLD_CLAIM)]
    assert ("ControllerRevision", f"chat-{OLD_KEY}") in places(plan.apply)
    assert plan.requeue_seconds == TROUBLE_SECONDS
    world.carry_out(plan)
    world.end_jobs(result=REFUSED, code=2)
    assert started(world.plan(OLD)) == set()


def test_pods_are_made_in_the_pass_that_finds_their_weights_there() -> None:
    world = World()
    world.carry_out(world.plan(OLD))
    world.end_jobs()

    plan = world.plan(OLD)

    assert started(plan) == {OLD_KEY}
    assert told(plan)["WeightsReady"] == ("True", "WeightsComplete")
    assert OLD_CLAIM in conditions(plan.status)["WeightsReady"]["message"]


def test_what_serves_goes_on_while_the_weights_of_the_next_are_fetched() -> None:
    world = served(OLD)

    plan = world.plan(NEW)

    assert started(plan) == {OLD_KEY}
    assert told(plan)["Ready"] == ("True", "Serving")
    assert told(plan)["WeightsReady"] == ("False", "WeightsWaiting")
    assert told(plan)["RolledOut"] == ("False", "WeightsWaiting")
    assert plan.leave == ()


def test_how_far_a_fetch_is_stands_in_the_conditions_and_in_numbers() -> None:
    world = World()
    world.carry_out(world.plan(OLD))

    plan = plan_with_progress(world, OLD, {"bytesDone": 61, "bytesTotal": 100})

    assert told(plan)["Ready"] == ("False", "WeightsFetching")
    assert conditions(plan.status)["Ready"]["message"] == "weights: 61 % of 100 B"
    [entry] = plan.status["weights"]
    assert entry.items() >= {("claim", OLD_CLAIM), ("phase", "Fetching"), ("bytesDone", 61)}


@pytest.mark.parametrize(
    ("lost", "deleted"),
    [
        pytest.param(("PersistentVolumeClaim",), [("Job", OLD_CLAIM)], id="claim"),
        pytest.param(("PersistentVolumeClaim", "Job"), [], id="claim-and-job"),
    ],
)
def test_pods_that_serve_stay_when_their_claim_is_lost(
    lost: tuple[str, ...], deleted: list[tuple[str, str]]
) -> None:
    world = served(OLD)
    world.shared = {place: item for place, item in world.shared.items() if place[0] not in lost}

    plan = world.plan(OLD)

    assert started(plan) == {OLD_KEY}
    assert deleted == places(plan.delete)
    assert told(plan)["Ready"] == ("True", "Serving")
    assert told(plan)["WeightsReady"] == ("False", "WeightsWaiting")
    assert ("PersistentVolumeClaim", OLD_CLAIM) in places(plan.share)


def test_a_deployment_that_is_lost_with_its_claim_waits_for_the_weights_again() -> None:
    world = served(OLD)
    world.shared = {}
    del world.children["Deployment", f"chat-{OLD_KEY}"]

    assert started(world.plan(OLD)) == set()
    world.settle(OLD)
    assert ("Deployment", f"chat-{OLD_KEY}") in world.children


def test_the_claim_of_the_old_revision_is_left_with_the_swap_and_not_before() -> None:
    world = served(OLD)
    world.carry_out(world.plan(NEW))
    world.end_jobs()
    plan = world.plan(NEW)
    assert plan.leave == ()
    world.carry_out(plan)
    world.start_pods(NEW_KEY)

    plan = world.plan(NEW)

    assert plan.records is True
    assert ("Deployment", f"chat-{OLD_KEY}") in places(plan.delete)
    assert places(plan.leave) == [("Job", OLD_CLAIM), ("PersistentVolumeClaim", OLD_CLAIM)]


def test_a_move_to_a_volume_of_the_users_own_leaves_the_claim() -> None:
    world = served(OLD)
    assert world.plan(OWN).leave == ()

    world.settle(OWN)

    assert world.shared == {}
    assert "weights" not in world.stored
    assert told(world.plan(OWN))["WeightsReady"] == ("True", "WeightsGiven")


def test_a_fetch_is_left_when_the_user_changes_his_mind() -> None:
    world = served(OLD)
    world.carry_out(world.plan(NEW))

    plan = world.plan(OLD)

    assert places(plan.leave) == [("Job", NEW_CLAIM), ("PersistentVolumeClaim", NEW_CLAIM)]


def test_what_others_use_is_not_this_objects_to_leave() -> None:
    world = served(OLD)
    for (_, name), item in served(NEW).shared.items():
        item["metadata"]["ownerReferences"][0]["uid"] = "uid-of-another"
        world.shared[item["kind"], name] = item

    assert world.plan(OLD).leave == ()


def test_nothing_is_left_while_a_revision_cannot_be_read() -> None:
    """Its pods may use any of them."""
    world = served(OLD)
    world.find("ControllerRevision", OLD_KEY)["data"]["format"] = 99

    assert world.plan(OLD).leave == ()
    assert world.plan(NEW).leave == ()
    world.settle(NEW)
    assert ("PersistentVolumeClaim", OLD_CLAIM) not in world.shared


def test_two_revisions_of_one_source_share_one_claim() -> None:
    world = served(OLD)

    plan = world.plan(TUNED)

    assert started(plan) == {OLD_KEY, TUNED_KEY}
    assert places(plan.share) == [("PersistentVolumeClaim", OLD_CLAIM)]
    assert len(plan.status["weights"]) == 1
    world.settle(TUNED)
    assert world.stored["serving"]["revision"] == TUNED_KEY
    assert ("PersistentVolumeClaim", OLD_CLAIM) in world.shared
    assert len(world.fetchers) == 1


def test_a_failed_fetch_is_stalled_with_its_cause_while_what_serves_goes_on() -> None:
    plan = serving_while_the_next_fails().plan(NEW)

    found = conditions(plan.status)
    assert (found["Stalled"]["reason"], found["Stalled"]["message"]) == ("Unauthorized", CAUSE)
    assert told(plan)["WeightsReady"] == ("False", "Unauthorized")
    assert told(plan)["RolledOut"] == ("False", "SpecNotServable")
    assert told(plan)["Ready"] == ("True", "Serving")
    assert found["Ready"]["message"].endswith(f"; the spec is not: {CAUSE}")
    assert started(plan) == {OLD_KEY}
    assert plan.status["serving"]["revision"] == OLD_KEY
    assert plan.requeue_seconds == TROUBLE_SECONDS


def test_a_first_fetch_that_fails_is_why_nobody_is_served() -> None:
    world = World()
    world.carry_out(world.plan(NEW))
    world.end_jobs(result=REFUSED, code=2)

    plan = world.plan(NEW)

    assert told(plan)["Ready"] == ("False", "Unauthorized")
    assert told(plan)["Reconciling"] == ("False", "Unauthorized")


def test_it_stays_stalled_until_the_next_attempt_gets_further() -> None:
    world = serving_while_the_next_fails()
    again = world.plan(NEW, now=NOW + RETRY)
    assert places(again.delete) == [("Job", NEW_CLAIM)]
    world.carry_out(again)
    world.fetchers = []

    waiting = world.plan(NEW, now=LATER)
    world.carry_out(waiting)
    listing = plan_with_progress(world, NEW, {"phase": "listing", "bytesTotal": 0})

    for plan in (again, waiting, listing):
        assert told(plan)["Stalled"] == ("True", "Unauthorized")
        assert conditions(plan.status)["Stalled"]["message"] == CAUSE
    flowing = plan_with_progress(world, NEW, {"bytesDone": 0, "bytesTotal": 100})
    assert told(flowing)["Stalled"] == ("False", "NotStalled")
    assert told(flowing)["Ready"] == ("True", "Serving")


def test_a_later_failure_is_told_instead_of_the_earlier_one() -> None:
    world = serving_while_the_next_fails()
    world.carry_out(world.plan(NEW, now=NOW + RETRY))
    world.fetchers = []
    world.carry_out(world.plan(NEW, now=NOW + RETRY))
    full = {"reason": "VolumeFull", "message": "no room"}
    world.end_jobs(result=full, code=2)

    assert told(world.plan(NEW, now=LATER))["Stalled"] == ("True", "VolumeFull")


def test_weights_that_come_at_last_end_the_stall() -> None:
    world = serving_while_the_next_fails()
    world.carry_out(world.plan(NEW, now=NOW + RETRY))

    plan = world.settle(NEW, now=LATER)

    assert told(plan)["Stalled"] == ("False", "NotStalled")
    assert plan.status["serving"]["revision"] == NEW_KEY


def test_what_stalled_for_another_cause_does_not_outlive_it() -> None:
    world = World()
    world.carry_out(world.plan(deepseek(model="DeepSeek-V4")))
    assert told(world.plan(deepseek(model="DeepSeek-V4")))["Stalled"][0] == "True"

    assert told(world.plan(NEW))["Stalled"] == ("False", "NotStalled")


def test_trouble_on_the_way_is_told_and_is_no_stall() -> None:
    world = World()
    world.carry_out(world.plan(OLD))
    job = world.shared["Job", OLD_CLAIM]
    pod = fetcher(job, OLD_CLAIM, result={})
    said = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}
    world.fetchers = [{**pod, "status": {"conditions": [said]}}]

    plan = world.plan(OLD)

    assert told(plan)["Ready"] == ("False", "Unschedulable")
    assert "0/1 nodes" in conditions(plan.status)["Ready"]["message"]
    assert told(plan)["Stalled"] == ("False", "NotStalled")


def test_a_served_object_with_fetched_weights_needs_nothing() -> None:
    world = served(OLD)

    assert world.writes(world.plan(OLD, now=LATER)) == []


def test_another_spec_is_not_stalled_by_what_stalled_the_last() -> None:
    world = serving_while_the_next_fails()
    assert conditions(world.stored)["Stalled"]["status"] == "True"

    plan = world.plan(deepseek(model="DeepSeek-V3", generation=3))

    assert told(plan)["Stalled"] == ("False", "NotStalled")


def test_weights_that_what_serves_has_lost_are_looked_after() -> None:
    world = served(OLD)
    world.shared = {}

    plan = world.plan(OLD)

    assert ("PersistentVolumeClaim", OLD_CLAIM) in places(plan.share)
    assert plan.requeue_seconds == TROUBLE_SECONDS


def test_a_failed_job_of_two_revisions_is_deleted_once() -> None:
    world = served(OLD)
    world.carry_out(world.plan(TUNED))
    world.shared = {}
    world.carry_out(world.plan(TUNED))
    world.end_jobs(code=1)

    plan = world.plan(TUNED, now=LATER)

    assert places(plan.delete).count(("Job", OLD_CLAIM)) == 1


def test_what_is_being_deleted_is_not_left_again() -> None:
    world = served(OLD)
    world.carry_out(world.plan(NEW))
    world.end_jobs()
    world.carry_out(world.plan(NEW))
    world.start_pods()
    plan = world.plan(NEW)
    assert ("PersistentVolumeClaim", OLD_CLAIM) in places(plan.leave)

    claim = world.shared["PersistentVolumeClaim", OLD_CLAIM]
    claim["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z"

    assert ("PersistentVolumeClaim", OLD_CLAIM) not in places(world.plan(NEW).leave)
