"""Pods beneath what they serve: where each is, and what keeps it."""

import json
from typing import Any

import pytest

from deepseek_operator.cli import pods, show
from deepseek_operator.cli.pods import Pod
from tests.unit.cli.test_main import PATH, carry_out, put
from tests.unit.cli.test_show import NOW
from tests.unit.fake_api import FakeApi
from tests.unit.samples import Manifest
from tests.unit.test_diagnosis import BACK_OFF, UNSCHEDULED, container, ended, pod, waiting

KEY, NEXT = "0123456789", "9876543210"
GATE = {"readinessGates": [{"conditionType": "serving.deepseek.dev/warm"}]}
READY: dict[str, Any] = {"conditions": [{"type": "Ready", "status": "True"}]}
STARTED = container(started=True, state={"running": {"startedAt": "2026-03-01T12:00:00Z"}})


def cold() -> Manifest:
    made = pod(STARTED)
    made["spec"] |= GATE
    return made


def told(*found: Manifest, warm: str = "") -> tuple[Pod, ...]:
    condition = {"type": "Warm", "reason": "WarmingUp", "message": warm}
    return pods.of_object({"status": {"conditions": [condition]}}, found)


@pytest.mark.parametrize(
    ("given", "state", "message"),
    [
        (pod(container(ready=True), **READY), "Ready", ""),
        (pod(conditions=[{**UNSCHEDULED, "message": "0/3 nodes"}]), "Unschedulable", "0/3 nodes"),
        (
            pod(container(state={"running": {"startedAt": "2026-03-01T12:00:00Z"}})),
            "EngineLoading",
            "container engine: loading since 2026-03-01T12:00:00Z",
        ),
        (
            pod(container(state=BACK_OFF, lastState=ended(3), restartCount=4)),
            "EngineFailed",
            "container engine: exit code 3",
        ),
        (cold(), "Cold", "not warmed up yet"),
        (pod(STARTED), "NotAnswering", "container engine: started, but it does not answer"),
        (pod(container("agent", state=waiting("ContainerCreating"))), "Starting", ""),
        (pod(phase="Succeeded"), "Ended", ""),
        (pod(phase="Failed", reason="Evicted", message="disk"), "PodFailed", "disk"),
    ],
)
def test_each_pod_has_a_state_and_its_cause(given: Manifest, state: str, message: str) -> None:
    [found] = told(given)

    assert found.state == state
    assert message in found.message
    assert bool(message) == bool(found.message)
    assert not found.message.startswith("pod ")
    assert found.revision == KEY
    assert found.node == "node-1"


def test_a_pod_that_is_deleted_ends_whatever_else_it_says() -> None:
    given = pod(container(ready=True), **READY)
    given["metadata"]["deletionTimestamp"] = "2026-03-01T12:05:00Z"

    [found] = told(given)

    assert (found.state, found.message) == ("Ending", "to be gone by 2026-03-01T12:05:00Z")


def test_of_the_pod_that_is_warmed_up_its_progress_is_told() -> None:
    other = cold()
    other["metadata"] = {**other["metadata"], "name": "chat-2"}

    first, second = told(cold(), other, warm="pod chat-1: 12 of 73 requests")

    assert (first.state, first.message) == ("WarmingUp", "12 of 73 requests")
    assert (second.state, second.message) == ("Cold", "not warmed up yet")


def test_a_pod_that_helps_others_is_of_their_revision() -> None:
    given = pod(container(ready=True), **READY)
    given["metadata"]["labels"] = {"serving.deepseek.dev/worker": NEXT}

    assert told(given)[0].revision == NEXT


def entry(key: str, **fields: Any) -> Manifest:
    return {"revision": key, "model": "tiny", "readyReplicas": 1, "replicas": 1, **fields}


def test_pods_stand_beneath_what_they_serve() -> None:
    status = {
        "serving": entry(KEY),
        "desired": entry(NEXT, readyReplicas=0),
        "gateway": {"readyReplicas": 1, "replicas": 1},
    }
    made = [
        Pod("chat-b", KEY, "node-1", "Ready", "", 2),
        Pod("chat-a", KEY, "node-2", "Ready", "", 0),
        Pod("chat-c", NEXT, None, "Unschedulable", "no node", 0),
        Pod("chat-gateway-x", None, "node-1", "Ready", "", 0),
        Pod("chat-d", "0000000000", "node-1", "Ending", "to be gone", 0),
    ]
    manifest = {"metadata": {"namespace": "team", "name": "chat"}, "status": status}

    text = show.describe(manifest, now=NOW, pods=made)

    assert text.splitlines()[2:] == [
        "  serving   tiny (0123456789), 1 of 1 ready",
        "            ├─ chat-b  Ready  node-1  2 restarts",
        "            └─ chat-a  Ready  node-2",
        "  desired   tiny (9876543210), 0 of 1 ready",
        "            └─ chat-c  Unschedulable  -  no node",
        "  others    of revisions that are let go",
        "            └─ chat-d  Ending  node-1  to be gone",
        "  gateway   1 of 1 ready",
        "            └─ chat-gateway-x  Ready  node-1",
    ]


def test_pods_of_a_revision_with_two_roles_stand_there_once() -> None:
    status = {"serving": entry(KEY), "desired": entry(KEY)}
    manifest = {"metadata": {"namespace": "team", "name": "chat"}, "status": status}

    text = show.describe(manifest, now=NOW, pods=[Pod("chat-a", KEY, "n", "Ready", "", 0)])

    assert text.count("chat-a") == 1


PODS = "/api/v1/namespaces/team/pods"


def put_pod(api: FakeApi, name: str, **labels: str) -> None:
    given = pod(container(ready=True), name=name, **READY)
    given["metadata"] |= {"labels": {f"serving.deepseek.dev/{k}": v for k, v in labels.items()}}
    api.put(f"{PODS}/{name}", {"kind": "Pod", **given})


async def test_status_shows_engines_and_gateways_of_the_object_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    api = FakeApi()
    put(api, status={"serving": entry(KEY)})
    put_pod(api, "chat-1", deployment="chat", revision=KEY)
    put_pod(api, "chat-gateway-1", gateway="chat")
    put_pod(api, "other-1", deployment="other", revision=KEY)
    put_pod(api, "warmup-1", warmup="chat")

    await carry_out(api, "status", "chat", "-o", "json")

    found = json.loads(capsys.readouterr().out)["pods"]
    assert [(one["name"], one["revision"]) for one in found] == [
        ("chat-1", KEY),
        ("chat-gateway-1", None),
    ]


async def test_whoever_may_not_list_pods_is_told_so_and_sees_the_rest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    api = FakeApi(fault=lambda call: "403" if call.path == PODS else None)
    put(api, status={"serving": entry(KEY)})

    await carry_out(api, "status", "chat")
    text = capsys.readouterr().out
    await carry_out(api, "status", "chat", "-o", "json")

    assert (
        "serving   tiny (0123456789), 1 of 1 ready\n  pods      not shown: you may not list pods\n"
        in text
    )
    assert json.loads(capsys.readouterr().out)["pods"] is None
    assert PATH in api.objects
