"""What is read of LeaderWorkerSets, and what is made of a cluster that has none."""

import pytest

from deepseek_operator.kube.errors import ApiError
from deepseek_operator.observe import observe
from tests.unit.fake_api import Call, FakeApi
from tests.unit.samples import Manifest, deepseek
from tests.unit.test_reconcile import CHILD_LABELS, put_object

SETS = "/apis/leaderworkerset.x-k8s.io/v1/namespaces/team/leaderworkersets"
REVISIONS = "/apis/apps/v1/namespaces/team/controllerrevisions"
KEY = "0123456789"
KNOWN: Manifest = {"observedGeneration": 1}
SERVING: Manifest = {**KNOWN, "serving": {"revision": KEY, "nodes": 2}}
STANDING: Manifest = {**KNOWN, "fallback": [{"revision": KEY}, {"revision": "b", "nodes": 2}]}


def owned(name: str, *, owner: str = "uid-of-chat") -> Manifest:
    owners = [{"kind": "DeepSeekDeployment", "name": "chat", "uid": owner, "controller": True}]
    labels = {**CHILD_LABELS, "serving.deepseek.dev/revision": KEY}
    return {"name": name, "labels": labels, "ownerReferences": owners}


def put_revision(api: FakeApi, **data: object) -> None:
    revision = {"kind": "ControllerRevision", "metadata": owned("chat"), "revision": 1}
    api.put(f"{REVISIONS}/chat", {**revision, "data": data})


def put_set(
    api: FakeApi, name: str = "chat", *, ready: int = 1, owner: str = "uid-of-chat"
) -> None:
    made = {
        "kind": "LeaderWorkerSet",
        "metadata": owned(name, owner=owner),
        "spec": {"replicas": 1, "leaderWorkerTemplate": {"size": 2}},
        "status": {"observedGeneration": 1, "replicas": 1, "readyReplicas": ready},
    }
    api.put(f"{SETS}/{name}", made)


def asks(api: FakeApi) -> bool:
    return any("/leaderworkersets" in call.path for call in api.calls)


@pytest.mark.parametrize(
    ("data", "stored", "asked"),
    [
        pytest.param({"format": 1}, KNOWN, False, id="one-node"),
        pytest.param({"format": 2, "group": {"nodes": 2}}, KNOWN, True, id="frozen-on-several"),
        pytest.param({"format": 1}, SERVING, True, id="status-tells-of-some"),
        pytest.param({"format": 1}, STANDING, True, id="status-tells-of-some-that-stand-in"),
    ],
)
async def test_they_are_read_where_there_are_to_be_some(
    data: Manifest, stored: Manifest, *, asked: bool
) -> None:
    api = FakeApi()
    put_object(api)
    put_revision(api, **data)
    put_set(api)
    put_set(api, "theirs", owner="another")

    observed = await observe(api.kube(), deepseek(), stored=stored)

    assert asks(api) is asked
    assert observed.knows_groups is (True if asked else None)
    names = [one["metadata"]["name"] for one in observed.groups]
    assert names == (["chat"] if asked else [])


async def test_a_cluster_without_them_is_no_error() -> None:
    def fault(call: Call) -> str | None:
        return "404" if "leaderworkerset.x-k8s.io" in call.path else None

    api = FakeApi(fault=fault)
    put_object(api)

    try:
        observed = await observe(api.kube(), deepseek(), stored=SERVING)
    except ApiError as error:
        raise AssertionError("it is no error of a pass") from error

    assert observed.knows_groups is False
    assert observed.groups == ()


async def test_what_may_not_be_read_is_an_error() -> None:
    api = FakeApi(fault=lambda call: "403" if "leaderworkersets" in call.path else None)
    put_object(api)

    with pytest.raises(ApiError):
        await observe(api.kube(), deepseek(), stored=SERVING)


@pytest.mark.parametrize(("ready", "read"), [(1, False), (0, True)])
async def test_pods_are_read_while_a_group_does_not_serve(ready: int, *, read: bool) -> None:
    api = FakeApi()
    put_object(api)
    put_set(api, ready=ready)
    place = "/api/v1/namespaces/team/pods/chat-0-1"
    labels = {**CHILD_LABELS, "serving.deepseek.dev/worker": KEY}
    api.put(place, {"kind": "Pod", "metadata": {"name": "chat-0-1", "labels": labels}})

    observed = await observe(api.kube(), deepseek(), stored=SERVING)

    assert [pod["metadata"]["name"] for pod in observed.workers_of(KEY)] == (
        ["chat-0-1"] if read else []
    )
    assert observed.pods_of(KEY) == ()


def put_refusal(api: FakeApi, of: str, *, kind: str = "StatefulSet") -> None:
    api.put(
        f"/api/v1/namespaces/team/events/{of}.1",
        {
            "kind": "Event",
            "metadata": {"name": f"{of}.1", "creationTimestamp": "2026-03-01T12:00:00Z"},
            "involvedObject": {"kind": kind, "name": of},
            "reason": "FailedCreate",
            "message": f"refused for {of}",
        },
    )


async def test_why_a_group_lacks_pods_is_read_from_events_of_its_stateful_sets() -> None:
    api = FakeApi()
    put_object(api)
    put_set(api, ready=0)
    for name in ("chat", "chat-0", "chatter", "chat-x-0"):
        put_refusal(api, name)
    put_refusal(api, "chat-1", kind="Pod")

    observed = await observe(api.kube(), deepseek(), stored=SERVING)

    said = observed.complaints["LeaderWorkerSet/chat"]
    assert sorted(item.message for item in said) == ["refused for chat", "refused for chat-0"]
