"""Whole passes over a replica on several nodes, on an API server that knows LeaderWorkerSets or does not."""

import pytest

from deepseek_operator.reconcile import Key, reconcile
from deepseek_operator.report import Outcome
from tests.unit.fake_api import Call, FakeApi
from tests.unit.samples import IMAGES, NOW, Manifest, conditions
from tests.unit.test_execute_setbacks import refusing
from tests.unit.test_reconcile import KEY, OBJECT, put_object

V3: Manifest = {
    "model": "DeepSeek-V3",
    "source": "pvc://v3",
    "accelerator": {"product": "NVIDIA-H100-80GB-HBM3", "count": 16},
    "warmup": {"enabled": False},
}
SETS = "/apis/leaderworkerset.x-k8s.io/v1/namespaces/team/leaderworkersets"


async def one_pass(api: FakeApi) -> Outcome:
    api.calls.clear()
    return await reconcile(api.kube(), Key(*KEY), images=IMAGES, now=NOW)


def start_groups(api: FakeApi) -> None:
    for path, item in list(api.objects.items()):
        if item.get("kind") == "LeaderWorkerSet":
            number, generation = item["spec"]["replicas"], item["metadata"]["generation"]
            counted = {"replicas": number, "readyReplicas": number}
            api.put(path, {**item, "status": {"observedGeneration": generation, **counted}})


async def settle(api: FakeApi) -> None:
    for _ in range(8):
        outcome = await one_pass(api)
        if (
            not outcome.writes
            and conditions(api.objects[OBJECT]["status"])["RolledOut"]["status"] == "True"
        ):
            return
        start_groups(api)
    raise AssertionError("the passes do not come to rest")


async def test_it_is_made_and_then_left_alone() -> None:
    api = FakeApi()
    put_object(api, **V3)

    await settle(api)

    [made] = api.of_kind("LeaderWorkerSet").values()
    assert made["spec"]["leaderWorkerTemplate"]["size"] == 2
    assert not api.of_kind("Deployment")
    await one_pass(api)
    assert api.writes() == []
    # Five of every object without a gateway, and one more.
    assert sum(SETS in call.path for call in api.calls) == 1


async def test_it_goes_when_nothing_wants_it() -> None:
    api = FakeApi()
    put_object(api, **V3)
    await settle(api)
    put_object(api, generation=2, **{**V3, "accelerator": {"product": "NVIDIA-H200"}})

    for _ in range(4):
        await one_pass(api)
        api.start_pods()

    assert not api.of_kind("LeaderWorkerSet")
    assert len(api.of_kind("Deployment")) == 1


async def test_a_cluster_without_the_kind_is_told_and_nothing_fails() -> None:
    def fault(call: Call) -> str | None:
        return "404" if call.path.startswith("/apis/leaderworkerset") else None

    api = FakeApi(fault=fault)
    put_object(api, **V3)

    await one_pass(api)
    await one_pass(api)
    outcome = await one_pass(api)

    stalled = conditions(api.objects[OBJECT]["status"])["Stalled"]
    assert (stalled["status"], stalled["reason"]) == ("True", "LeaderWorkerSetMissing")
    assert not any(call.writes and call.path.startswith(SETS) for call in api.calls)
    assert outcome.writes == 0
    assert api.writes() == []


async def test_a_stranger_of_its_name_is_left_alone() -> None:
    api = FakeApi()
    put_object(api, **V3)
    await one_pass(api)
    [revision] = api.of_kind("ControllerRevision")
    api.put(
        f"{SETS}/{revision}",
        {"kind": "LeaderWorkerSet", "metadata": {"name": revision}, "spec": {}},
    )

    await one_pass(api)

    assert conditions(api.objects[OBJECT]["status"])["Stalled"]["reason"] == "NameTaken"
    assert api.objects[f"{SETS}/{revision}"]["spec"] == {}


NEXT: Manifest = {**V3, "batching": {"maxConcurrentSequences": 8}}


@pytest.mark.parametrize("kind", ["controllerrevisions", "services"])
async def test_no_group_comes_of_a_revision_that_lacks_its_shape_or_its_service(kind: str) -> None:
    api = FakeApi()
    put_object(api, **V3)
    await settle(api)
    put_object(api, **NEXT, generation=2)
    api.fault = refusing("POST", f"/{kind}")

    await one_pass(api)
    await one_pass(api)

    assert len(api.of_kind("LeaderWorkerSet")) == 1


async def test_groups_stay_while_users_may_still_be_sent_to_them() -> None:
    """The clients' Service cannot be turned to the next revision: its pods are all that users have."""
    api = FakeApi()
    put_object(api, **V3)
    await settle(api)
    [old] = api.of_kind("LeaderWorkerSet")
    put_object(api, **NEXT, generation=2)
    api.fault = refusing("PATCH", "/services/chat")

    for _ in range(8):
        await one_pass(api)
        start_groups(api)

    assert old in api.of_kind("LeaderWorkerSet")
    api.fault = lambda _call: None
    await settle(api)
    assert old not in api.of_kind("LeaderWorkerSet")
