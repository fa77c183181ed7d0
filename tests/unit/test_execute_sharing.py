"""What several objects use together, written by each of them while the others do too."""

import copy
from typing import Any

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.errors import Conflict, Stalled, Waiting
from deepseek_operator.execute import execute
from deepseek_operator.kube.errors import ApiError
from deepseek_operator.observe import observe
from deepseek_operator.observed import Observed
from deepseek_operator.plan import Plan, make_plan
from deepseek_operator.reconcile import Key, reconcile
from tests.unit import world
from tests.unit.fake_api import Call, FakeApi
from tests.unit.samples import CPU_SPEC, IMAGES, LATER, NOW, Manifest, conditions, deepseek

NAMESPACE = "/api/v1/namespaces/team"
OBJECTS = "/apis/serving.deepseek.dev/v1alpha1/namespaces/team/deepseekdeployments"
CLAIMS, PODS = f"{NAMESPACE}/persistentvolumeclaims", f"{NAMESPACE}/pods"

FETCHED: Manifest = {"model": "DeepSeek-R1-Distill-Qwen-7B"}
KEPT: Manifest = {**FETCHED, "cache": {"retain": True}}
THREE = ("a", "b", "c")


def put(api: FakeApi, name: str, *, generation: int = 1, **spec: Any) -> None:
    """The user applies an object."""
    deployment = deepseek(name, generation=generation, **(spec or FETCHED))
    manifest = deployment.model_dump(by_alias=True, exclude_unset=True, exclude={"status"})
    manifest |= {"apiVersion": deployment.api_version, "kind": deployment.kind}
    before = api.objects.get(f"{OBJECTS}/{name}", {})
    status = {"status": before["status"]} if "status" in before else {}
    api.put(f"{OBJECTS}/{name}", {**manifest, **status})


async def one_pass(api: FakeApi, name: str) -> None:
    """What it makes is of one time, and later than what was made before."""
    try:
        await reconcile(api.kube(), Key("team", name), images=IMAGES, now=LATER)
    finally:
        for item in api.objects.values():
            item["metadata"].setdefault("creationTimestamp", f"2026-03-01T{api.version:08}Z")


def end_jobs(api: FakeApi) -> None:
    """Every Job that is under way succeeds."""
    for path, job in list(api.objects.items()):
        if job["kind"] == "Job" and not job.get("status"):
            name = job["metadata"]["name"]
            api.put(path, {**job, "status": {"conditions": [world.ended(complete=True)]}})
            pod = world.fetcher(job, name, result={"bytes": 7})
            api.put(f"{PODS}/{name}-pod", {"kind": "Pod", **pod})


async def settle(api: FakeApi, *names: str) -> None:
    """Passes of each in turn, whatever fails, until none of them writes any more."""
    for _ in range(20):
        end_jobs(api)
        api.start_pods()
        before = len(api.writes())
        for name in names:
            try:
                await one_pass(api, name)
            except (ApiError, Waiting):
                continue
        if len(api.writes()) == before:
            return
    raise AssertionError("the passes do not come to rest")


async def served(*names: str, **spec: Any) -> FakeApi:
    """Objects that are served from one volume."""
    api = FakeApi()
    for name in names:
        put(api, name, **spec)
    await settle(api, *names)
    api.calls.clear()
    return api


def claim_of(api: FakeApi) -> Manifest:
    [claim] = api.of_kind("PersistentVolumeClaim").values()
    return claim


def owners_of(manifest: Manifest) -> list[str]:
    return [owner["uid"] for owner in manifest["metadata"]["ownerReferences"]]


def uids(*names: str) -> list[str]:
    return [f"uid-of-{name}" for name in names]


def plan_of(deployment: DeepSeekDeployment, observed: Observed) -> Plan:
    return make_plan(deployment, observed, stored={}, images=IMAGES, now=NOW)


def only(**given: Any) -> Plan:
    """A plan of nothing but this."""
    return Plan(apply=(), delete=(), status={}, records=False, requeue_seconds=None, **given)


async def test_objects_of_one_source_end_with_one_claim_one_job_and_all_as_owners() -> None:
    api = FakeApi()
    for name in THREE:
        put(api, name)

    for name in THREE:
        await one_pass(api, name)

    [job] = api.of_kind("Job").values()
    assert owners_of(claim_of(api)) == uids(*THREE)
    assert owners_of(job) == uids(*THREE)
    await settle(api, *THREE)
    assert len(api.of_kind("Deployment")) == 3


async def test_objects_that_all_begin_before_there_is_anything_share_what_the_first_makes() -> None:
    api = FakeApi()

    for name in THREE:
        deployment = deepseek(name, **FETCHED)
        await execute(api.kube(), deployment, Observed(), plan_of(deployment, Observed()))

    [job] = api.of_kind("Job").values()
    assert owners_of(claim_of(api)) == uids(*THREE)
    assert owners_of(job) == uids(*THREE)


async def test_objects_that_share_and_are_served_write_nothing() -> None:
    api = await served(*THREE)

    for name in THREE:
        await one_pass(api, name)

    assert api.writes() == []


async def test_who_comes_later_starts_at_once_from_what_is_there() -> None:
    api = await served("a")
    put(api, "b")

    await one_pass(api, "b")

    assert owners_of(claim_of(api)) == uids("a", "b")
    assert len(api.of_kind("Deployment")) == 2
    assert not [write for write in api.writes() if write.startswith("POST /apis/batch")]


async def test_a_foreign_claim_of_that_name_is_left_alone_and_named() -> None:
    api = FakeApi()
    deployment = deepseek("a", **FETCHED)
    claim = plan_of(deployment, Observed()).share[0]
    name = claim["metadata"]["name"]
    metadata = {"name": name, "creationTimestamp": "2026-03-01T11:00:00Z"}
    spec = {"resources": {"requests": {"storage": "1Gi"}}}
    foreign = {"kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
    before = copy.deepcopy(api.put(f"{CLAIMS}/{name}", foreign))
    put(api, "a")

    await one_pass(api, "a")

    stalled = conditions(api.objects[f"{OBJECTS}/a"]["status"])["Stalled"]
    assert (stalled["status"], stalled["reason"]) == ("True", "NameTaken")
    assert f"PersistentVolumeClaim team/{name} exists" in stalled["message"]
    assert before == api.objects[f"{CLAIMS}/{name}"]
    assert api.of_kind("Job") == {}


async def test_a_join_that_meets_another_version_is_a_conflict() -> None:
    api = await served("a")
    other = deepseek("b", **FETCHED)
    observed = await observe(api.kube(), other, stored={})
    api.put(f"{CLAIMS}/{claim_of(api)['metadata']['name']}", claim_of(api))

    with pytest.raises(Conflict, match="PersistentVolumeClaim weights-"):
        await execute(api.kube(), other, observed, plan_of(other, observed))

    assert owners_of(claim_of(api)) == uids("a")


async def test_a_join_of_what_is_gone_by_now_is_a_conflict() -> None:
    api = await served("a")
    other = deepseek("b", **FETCHED)
    observed = await observe(api.kube(), other, stored={})
    del api.objects[f"{CLAIMS}/{claim_of(api)['metadata']['name']}"]

    with pytest.raises(Conflict, match="PersistentVolumeClaim weights-"):
        await execute(api.kube(), other, observed, plan_of(other, observed))


async def test_a_claim_that_came_and_went_is_a_conflict() -> None:
    """The create met it, and the read after it did not."""
    deployment = deepseek("a", **FETCHED)
    claim = plan_of(deployment, Observed()).share[0]
    api = await served("b")

    def gone_after_the_create(call: Call) -> str | None:
        return "404" if call.method == "GET" and "/weights-" in call.path else None

    api.fault = gone_after_the_create

    with pytest.raises(Conflict, match="came and went"):
        await execute(api.kube(), deployment, Observed(), only(share=(claim,)))


async def test_a_refused_volume_is_for_a_person_to_see_to() -> None:
    """A class whose volumes cannot grow, a quota."""
    api = await served("a")
    api.fault = lambda call: "403" if call.method == "PATCH" and "/weights-" in call.path else None
    larger = deepseek("a", **FETCHED, cache={"size": "9Ti"})
    observed = await observe(api.kube(), larger, stored={})

    with pytest.raises(Stalled, match=r"PersistentVolumeClaim weights-.* is refused: injected"):
        await execute(api.kube(), larger, observed, plan_of(larger, observed))


async def test_who_leaves_leaves_the_volume_to_the_others() -> None:
    api = await served("a", "b")
    put(api, "a", generation=2, **CPU_SPEC)

    await settle(api, "a")

    assert owners_of(claim_of(api)) == uids("b")
    api.calls.clear()
    await one_pass(api, "b")
    assert api.writes() == []


async def test_the_last_one_that_leaves_deletes_the_volume() -> None:
    api = await served("a", "b")
    for name in ("a", "b"):
        put(api, name, generation=2, **CPU_SPEC)

    await settle(api, "a", "b")

    assert api.of_kind("PersistentVolumeClaim") == {}


async def test_a_fetch_that_nobody_waits_for_any_more_is_ended() -> None:
    api = FakeApi()
    put(api, "a")
    await one_pass(api, "a")
    put(api, "a", generation=2, **CPU_SPEC)

    await one_pass(api, "a")

    assert api.of_kind("Job") == {}
    assert api.of_kind("PersistentVolumeClaim") == {}


async def test_who_joins_while_the_last_one_leaves_keeps_the_volume() -> None:
    api = await served("a")
    read = copy.deepcopy(claim_of(api))
    put(api, "b")
    await one_pass(api, "b")

    with pytest.raises(Conflict, match="PersistentVolumeClaim weights-"):
        await execute(
            api.kube(), deepseek("a", **FETCHED), Observed(claims=(read,)), only(leave=(read,))
        )

    assert owners_of(claim_of(api)) == uids("a", "b")


async def test_two_that_leave_at_once_do_not_undo_each_other() -> None:
    api = await served(*THREE)
    read = copy.deepcopy(claim_of(api))
    await execute(api.kube(), deepseek("a", **FETCHED), Observed(), only(leave=(read,)))

    with pytest.raises(Conflict):
        await execute(api.kube(), deepseek("b", **FETCHED), Observed(), only(leave=(read,)))

    assert owners_of(claim_of(api)) == uids("b", "c")


async def test_what_is_kept_stays_when_nobody_uses_it() -> None:
    api = await served("a", **KEPT)
    put(api, "a", generation=2, **CPU_SPEC)

    await settle(api, "a")

    assert owners_of(claim_of(api)) == []


async def test_a_fetch_into_what_is_kept_ends_with_the_last_that_waits_for_it() -> None:
    api = FakeApi()
    put(api, "a", **KEPT)
    await one_pass(api, "a")
    put(api, "a", generation=2, **CPU_SPEC)

    await one_pass(api, "a")

    assert api.of_kind("Job") == {}
    assert len(api.of_kind("PersistentVolumeClaim")) == 1


async def test_what_one_wants_kept_stays_when_all_have_left() -> None:
    api = await served("a", "b")
    put(api, "a", generation=2, **KEPT)
    await settle(api, "a", "b")
    assert owners_of(claim_of(api)) == []
    for name in ("a", "b"):
        put(api, name, generation=3, **CPU_SPEC)

    await settle(api, "a", "b")

    assert len(api.of_kind("PersistentVolumeClaim")) == 1


async def test_a_volume_is_left_even_if_the_first_try_met_another_version() -> None:
    """By then the pods are gone, and the status does not tell of the volume any more."""
    api = await served("a")
    put(api, "a", generation=2, **CPU_SPEC)
    refused: list[Call] = []

    def once(call: Call) -> str | None:
        if call.method == "DELETE" and "/weights-" in call.path and not refused:
            refused.append(call)
            return "409"
        return None

    api.fault = once

    await settle(api, "a")

    assert refused
    assert api.of_kind("PersistentVolumeClaim") == {}


async def test_who_comes_back_to_a_source_has_it_fetched_anew() -> None:
    """The volume is gone by then, and the Job that filled it is still there for people to read."""
    api = await served("a")
    put(api, "a", generation=2, model="DeepSeek-R1-Distill-Llama-8B")
    await settle(api, "a")
    [job] = [job for job in api.of_kind("Job") if "qwen" in job]
    put(api, "a", generation=3, **FETCHED)

    for _ in range(4):
        await one_pass(api, "a")

    claim = api.of_kind("PersistentVolumeClaim")[job]
    assert "serving.deepseek.dev/complete" not in claim["metadata"]["annotations"]
    assert not api.of_kind("Job")[job].get("status")
    await settle(api, "a")
    status = api.objects[f"{OBJECTS}/a"]["status"]
    assert status["serving"]["model"] == "DeepSeek-R1-Distill-Qwen-7B"
