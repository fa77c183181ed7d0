"""reconcile(): four verbs over an API server, with everything that can go wrong between them."""

import copy
import random
from typing import Any

import pytest

from deepseek_operator.api import names
from deepseek_operator.errors import Conflict, Waiting
from deepseek_operator.kube.errors import ApiError, UnreachableError
from deepseek_operator.reconcile import Key, reconcile
from deepseek_operator.report import STALLED_SECONDS, Outcome
from deepseek_operator.rollout.revisions import target_key
from tests.unit.fake_api import Call, FakeApi
from tests.unit.samples import CPU_SPEC, IMAGES, NOW, Manifest, conditions, deepseek

KEY = ("team", "chat")
OBJECT = "/apis/serving.deepseek.dev/v1alpha1/namespaces/team/deepseekdeployments/chat"
SERVICES = "/api/v1/namespaces/team/services"
BUDGETS = "/apis/policy/v1/namespaces/team/poddisruptionbudgets"
BETTER = {**CPU_SPEC, "source": "pvc://models/better"}


def budget_name() -> str:
    """Of the revision of CPU_SPEC."""
    return names.revision_child("chat", target_key(deepseek(**CPU_SPEC).spec))


def put_object(api: FakeApi, *, generation: int = 1, **spec: Any) -> Manifest:
    """The user applies an object: a new one, or a new spec of it."""
    deployment = deepseek(generation=generation, **spec)
    manifest = deployment.model_dump(by_alias=True, exclude_unset=True, exclude={"status"})
    manifest |= {"apiVersion": deployment.api_version, "kind": deployment.kind}
    before = api.objects.get(OBJECT, {})
    status = {"status": before["status"]} if "status" in before else {}
    return api.put(OBJECT, {**manifest, **status})


CHILD_LABELS = {
    "app.kubernetes.io/managed-by": "deepseek-operator",
    "serving.deepseek.dev/deployment": "chat",
}
"""Of all children of an object `chat`."""


def put_child(api: FakeApi, collection: str, kind: str, name: str, *, owner: str) -> None:
    """A child of this kind that the operator made for an object `chat`, maybe for another one of that name."""
    owners = [{"kind": "DeepSeekDeployment", "name": "chat", "uid": owner, "controller": True}]
    metadata = {"name": name, "labels": CHILD_LABELS, "ownerReferences": owners}
    api.put(f"{collection}/{name}", {"kind": kind, "metadata": metadata, "spec": {}})


async def one_pass(api: FakeApi) -> Outcome:
    return await reconcile(api.kube(), Key(*KEY), images=IMAGES, now=NOW)


async def settle(api: FakeApi, *, passes: int = 20) -> int:
    """Pass after pass, whatever fails, pods becoming ready in between; returns how many wrote."""
    for wrote in range(passes):
        try:
            outcome = await one_pass(api)
        except (ApiError, UnreachableError, Waiting):
            outcome = None
        if outcome is not None and not outcome.writes:
            return wrote
        api.start_pods()
    raise AssertionError("the passes do not come to rest")


def status_writes(api: FakeApi) -> int:
    return sum(call.path.endswith("/status") for call in api.calls)


def content(api: FakeApi) -> dict[str, Manifest]:
    """What the operator answers for: children and status, without what each write changes."""
    kept = {}
    for path, item in api.objects.items():
        if item["kind"] in ("Event", "Pod"):
            continue
        stripped = copy.deepcopy({key: value for key, value in item.items() if key != "status"})
        for name in ("uid", "resourceVersion", "generation", "managedFields"):
            stripped["metadata"].pop(name, None)
        kept[path] = stripped
    status = copy.deepcopy(api.objects[OBJECT]["status"])
    for condition in status["conditions"]:
        condition.pop("lastTransitionTime")
    return {**kept, "status": status}


async def test_an_object_becomes_children_and_then_serves() -> None:
    api = FakeApi()
    put_object(api)

    assert await settle(api) <= 3
    status = api.objects[OBJECT]["status"]
    assert conditions(status)["Ready"]["message"] == "1 of 1 replicas of tiny answer"
    assert len(api.of_kind("Service")) == 2
    assert len(api.of_kind("Deployment")) == 1
    assert len(api.of_kind("ControllerRevision")) == 1


async def test_a_settled_object_costs_reads_only() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    api.calls.clear()

    outcome = await one_pass(api)

    assert (outcome.result, outcome.writes, outcome.requeue_seconds) == ("unchanged", 0, None)
    assert api.writes() == []
    assert len(api.calls) <= 5


async def test_no_pass_makes_more_than_ten_calls_or_two_status_writes() -> None:
    api = FakeApi()
    put_object(api, **CPU_SPEC, replicas=2)
    for step in range(12):
        if step == 5:
            put_object(api, **BETTER, replicas=2, generation=2)
        api.calls.clear()
        await one_pass(api)
        assert status_writes(api) <= 1
        assert len([call for call in api.calls if not call.path.endswith("/events")]) <= 10
        api.start_pods()

    assert conditions(api.objects[OBJECT]["status"])["RolledOut"]["reason"] == "RolledOut"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="never-there"),
        pytest.param({"deletionTimestamp": "2026-03-01T12:00:00Z"}, id="being-deleted"),
    ],
)
async def test_an_object_that_goes_needs_nothing(change: dict[str, str]) -> None:
    api = FakeApi()
    if change:
        put_object(api)["metadata"].update(change)

    outcome = await one_pass(api)

    assert (outcome.result, outcome.writes) == ("gone", 0)
    assert len(api.calls) == 1


async def test_taking_over_is_stored_before_anything_follows_from_it() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    put_object(api, **BETTER, generation=2)
    await one_pass(api)
    api.start_pods()
    api.calls.clear()

    outcome = await one_pass(api)

    assert outcome.result == "recorded"
    writes = [write for write in api.writes() if not write.endswith("/events")]
    assert [f"PATCH {OBJECT}/status", f"PATCH {SERVICES}/chat"] == writes[:2]
    assert any(write.startswith("DELETE /apis/apps/v1") for write in writes[2:])


async def test_a_pass_that_dies_after_its_decision_leaves_the_rest_to_the_next() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    put_object(api, **BETTER, generation=2)
    await one_pass(api)
    api.start_pods()
    api.fault = lambda call: "500" if call.path == f"{SERVICES}/chat" else None

    with pytest.raises(ApiError):
        await one_pass(api)

    api.fault = lambda _call: None
    await settle(api)
    assert conditions(api.objects[OBJECT]["status"])["RolledOut"]["status"] == "True"
    assert len(api.of_kind("Deployment")) == 1


async def test_a_refusal_after_a_decision_is_told_by_the_next_pass() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    put_object(api, **BETTER, generation=2)
    await one_pass(api)
    api.start_pods()
    api.fault = lambda call: "422" if call.path == f"{SERVICES}/chat" else None

    outcome = await one_pass(api)

    assert (outcome.result, outcome.requeue_seconds) == ("recorded", 0.0)
    await one_pass(api)
    stalled = conditions(api.objects[OBJECT]["status"])["Stalled"]
    assert (stalled["status"], stalled["reason"]) == ("True", "RefusedByServer")


async def test_users_always_have_pods_behind_their_service() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)

    def routed_pods() -> int:
        selector = api.of_kind("Service")["chat"]["spec"]["selector"]
        key = selector["serving.deepseek.dev/revision"]
        deployment = api.of_kind("Deployment").get(f"chat-{key}", {})
        return int(deployment.get("status", {}).get("readyReplicas", 0))

    api.fault = lambda _call: "500" if routed_pods() == 0 else None
    put_object(api, **BETTER, generation=2)
    await settle(api)

    assert routed_pods() == 1
    selector = api.of_kind("Service")["chat"]["spec"]["selector"]
    assert [f"chat-{selector['serving.deepseek.dev/revision']}"] == list(api.of_kind("Deployment"))


async def test_somebody_elses_object_of_that_name_is_left_alone_and_named() -> None:
    api = FakeApi()
    foreign = {"kind": "Service", "metadata": {"name": "chat"}, "spec": {"selector": {"a": "b"}}}
    before = copy.deepcopy(api.put(f"{SERVICES}/chat", foreign))
    put_object(api)

    outcome = await one_pass(api)

    assert before == api.objects[f"{SERVICES}/chat"]
    stalled = conditions(api.objects[OBJECT]["status"])["Stalled"]
    assert (stalled["status"], stalled["reason"]) == ("True", "NameTaken")
    assert "Service team/chat exists and does not belong to this object" in stalled["message"]
    assert outcome.requeue_seconds == STALLED_SECONDS
    assert conditions(api.objects[OBJECT]["status"])["Reconciling"]["status"] == "False"


async def test_a_name_that_becomes_free_is_taken() -> None:
    api = FakeApi()
    api.put(f"{SERVICES}/chat", {"kind": "Service", "metadata": {"name": "chat"}})
    put_object(api)
    await one_pass(api)
    del api.objects[f"{SERVICES}/chat"]

    await settle(api)

    assert conditions(api.objects[OBJECT]["status"])["Stalled"]["status"] == "False"
    assert conditions(api.objects[OBJECT]["status"])["Ready"]["status"] == "True"


async def test_a_child_that_only_its_label_hides_is_found_by_its_name() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    labels = api.objects[f"{SERVICES}/chat"]["metadata"]["labels"]
    del labels["app.kubernetes.io/managed-by"]

    await settle(api)

    assert (
        api.objects[f"{SERVICES}/chat"]["metadata"]["labels"]["app.kubernetes.io/managed-by"]
        == "deepseek-operator"
    )


async def test_a_hand_edited_child_is_repaired() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    before = content(api)
    for item in api.of_kind("Deployment").values():
        item["spec"]["template"]["spec"]["containers"][0]["image"] = "evil:1"
        item["spec"]["template"]["spec"]["automountServiceAccountToken"] = True
    api.objects[f"{SERVICES}/chat"]["spec"]["selector"]["app"] = "other"

    await settle(api)

    assert before == content(api)


async def test_a_field_that_is_no_longer_wanted_leaves_the_child() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    service = api.objects[f"{SERVICES}/chat"]
    # As an older operator created it: with a field that this one does not set.
    service["metadata"]["annotations"]["serving.deepseek.dev/applied"] = "older"
    service["spec"]["sessionAffinity"] = "ClientIP"
    created = service["metadata"]["managedFields"][0]
    assert created["operation"] == "Update"
    created["applied"]["spec"]["sessionAffinity"] = "ClientIP"

    await settle(api)

    assert "sessionAffinity" not in api.objects[f"{SERVICES}/chat"]["spec"]


async def test_a_pass_that_records_who_serves_does_not_say_that_nothing_stalls() -> None:
    """A name is taken, and in between the pods have become ready."""
    api = FakeApi()
    name = budget_name()
    api.put(f"{BUDGETS}/{name}", {"kind": "PodDisruptionBudget", "metadata": {"name": name}})
    put_object(api, **CPU_SPEC, replicas=2)
    told: list[str] = []
    for _ in range(4):
        await reconcile(api.kube(), Key(*KEY), images=IMAGES, now=NOW)
        told.append(conditions(api.objects[OBJECT]["status"])["Stalled"]["reason"])
        api.start_pods()
    assert told == ["NameTaken"] * 4
    assert api.objects[OBJECT]["status"]["serving"]["readyReplicas"] == 2

    put_object(api, **CPU_SPEC, replicas=2, engine={"args": ["--seed=2"]}, generation=2)
    del api.objects[f"{BUDGETS}/{name}"]
    await settle(api)

    assert conditions(api.objects[OBJECT]["status"])["Stalled"]["status"] == "False"


async def test_a_child_that_the_server_refuses_stalls_with_the_servers_words() -> None:
    api = FakeApi()
    put_object(api)
    api.fault = lambda call: "422" if call.method == "POST" and "deployments" in call.path else None

    outcome = await one_pass(api)

    stalled = conditions(api.objects[OBJECT]["status"])["Stalled"]
    assert stalled["reason"] == "RefusedByServer"
    assert stalled["message"].endswith("is refused: injected")
    assert stalled["message"].startswith("Deployment chat-")
    assert outcome.requeue_seconds == STALLED_SECONDS


async def test_a_status_that_somebody_else_wrote_first_drops_the_pass() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    put_object(api, **CPU_SPEC, replicas=2, generation=2)

    def edited_meanwhile(call: Call) -> None:
        if call.path.endswith("/status"):
            put_object(api, **CPU_SPEC, replicas=3, generation=3)

    api.fault = edited_meanwhile
    with pytest.raises(Conflict):
        await one_pass(api)

    assert api.objects[OBJECT]["status"]["observedGeneration"] == 1


async def test_an_object_made_anew_meanwhile_keeps_its_status_to_itself() -> None:
    api = FakeApi()
    put_object(api)

    def made_anew(call: Call) -> None:
        if call.path.endswith("/status"):
            put_object(api)["metadata"]["uid"] = "another"

    api.fault = made_anew
    with pytest.raises(Conflict):
        await one_pass(api)

    assert "status" not in api.objects[OBJECT]


async def test_a_child_deleted_meanwhile_drops_the_pass_and_comes_back() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    api.objects[f"{SERVICES}/chat"]["spec"]["selector"] = {}

    def deleted_meanwhile(call: Call) -> None:
        if call.method == "PATCH" and call.path.endswith("/services/chat"):
            api.objects.pop(f"{SERVICES}/chat", None)

    api.fault = deleted_meanwhile
    with pytest.raises(Conflict):
        await one_pass(api)

    api.fault = lambda _call: None
    await settle(api)
    assert f"{SERVICES}/chat" in api.objects


async def test_a_child_replaced_by_somebody_elses_is_not_overwritten() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    api.objects[f"{SERVICES}/chat"]["spec"]["selector"] = {}
    foreign = {"kind": "Service", "metadata": {"name": "chat", "uid": "foreign"}, "spec": {}}

    def replaced_meanwhile(call: Call) -> None:
        if call.method == "PATCH" and call.path.endswith("/services/chat"):
            api.put(f"{SERVICES}/chat", copy.deepcopy(foreign))

    api.fault = replaced_meanwhile
    with pytest.raises(Conflict):
        await one_pass(api)

    assert api.objects[f"{SERVICES}/chat"]["spec"] == {}


async def test_what_has_the_name_of_a_leftover_by_now_is_not_deleted() -> None:
    api = FakeApi()
    put_object(api, **CPU_SPEC, replicas=2)
    await settle(api)
    name = budget_name()
    path = f"{BUDGETS}/{name}"

    def replaced_meanwhile(call: Call) -> None:
        if call.method == "DELETE":
            api.put(path, {"kind": "PodDisruptionBudget", "metadata": {"name": name}})

    api.fault = replaced_meanwhile
    put_object(api, **CPU_SPEC, replicas=1, generation=2)
    await one_pass(api)

    assert path in api.objects


async def test_a_foreign_object_that_comes_and_goes_is_a_conflict() -> None:
    api = FakeApi()
    put_object(api)

    def exists_for_a_moment(call: Call) -> str | None:
        if call.method == "POST" and call.path.endswith("/services"):
            api.put(f"{SERVICES}/chat", {"kind": "Service", "metadata": {"name": "chat"}})
        if call.method == "GET" and call.path.endswith("/services/chat"):
            del api.objects[f"{SERVICES}/chat"]
        return None

    api.fault = exists_for_a_moment
    with pytest.raises(Conflict, match="came and went"):
        await one_pass(api)


async def test_an_object_stored_under_older_rules_says_which_field() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    children = {path for path in api.objects if path != OBJECT}
    api.objects[OBJECT]["spec"]["replicas"] = "many"
    before = copy.deepcopy(api.objects[OBJECT]["status"]["serving"])

    outcome = await one_pass(api)

    assert (outcome.result, outcome.writes, outcome.requeue_seconds) == ("stalled", 1, None)
    status = api.objects[OBJECT]["status"]
    assert conditions(status)["Stalled"]["message"].startswith("spec.replicas: ")
    assert conditions(status)["Ready"]["status"] == "True"
    assert before == status["serving"]
    assert children <= set(api.objects)


async def test_an_object_whose_status_was_wiped_still_serves_who_it_served() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    served = copy.deepcopy(api.objects[f"{SERVICES}/chat"]["spec"])
    put_object(api, **BETTER, generation=2)
    await one_pass(api)
    del api.objects[OBJECT]["status"]

    await one_pass(api)

    assert served == api.objects[f"{SERVICES}/chat"]["spec"]


async def _expected(*, replicas: int = 2) -> dict[str, Manifest]:
    api = FakeApi()
    put_object(api, **CPU_SPEC, replicas=replicas)
    await settle(api)
    put_object(api, **BETTER, replicas=replicas, generation=2)
    await settle(api)
    return content(api)


@pytest.mark.parametrize("fault", ["before", "after", "409", "429", "500"])
async def test_a_fault_at_any_one_call_changes_nothing_in_the_end(fault: str) -> None:
    """First install and the next revision, with a fault at each call in turn."""
    expected = await _expected()
    number, hit = 0, True
    while hit:
        hit = False

        def at_this_call(call: Call, number: int = number) -> str | None:
            nonlocal hit
            if call.number == number:
                hit = True
                return fault
            return None

        api = FakeApi(fault=at_this_call)
        put_object(api, **CPU_SPEC, replicas=2)
        await settle(api)
        put_object(api, **BETTER, replicas=2, generation=2)
        await settle(api)
        assert expected == content(api), f"{fault} at call {number}"
        number += 1

    assert number > 30


@pytest.mark.parametrize("seed", range(4))
async def test_one_call_in_five_failing_only_takes_longer(seed: int) -> None:
    expected = await _expected()
    dice = random.Random(seed)  # the same faults each time
    faults = ("before", "after", "409", "429", "500")
    api = FakeApi(fault=lambda _call: dice.choice(faults) if dice.random() < 0.2 else None)
    put_object(api, **CPU_SPEC, replicas=2)
    await settle(api, passes=200)
    put_object(api, **BETTER, replicas=2, generation=2)
    await settle(api, passes=200)

    assert expected == content(api)


async def test_lists_of_many_pages_are_read_whole() -> None:
    api = FakeApi(page_size=1)
    put_object(api)
    await settle(api)

    assert conditions(api.objects[OBJECT]["status"])["RolledOut"]["status"] == "True"


def test_a_key_reads_as_people_write_it() -> None:
    assert str(Key(*KEY)) == "team/chat"
