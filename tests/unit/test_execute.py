"""What a pass writes, where another write would do as well until something goes wrong."""

import contextlib
import copy
from dataclasses import dataclass
from typing import Any

import pytest

from deepseek_operator.errors import Conflict
from deepseek_operator.kube.errors import ApiError
from tests.unit.fake_api import Call, FakeApi
from tests.unit.samples import Manifest, conditions
from tests.unit.test_reconcile import (
    BETTER,
    OBJECT,
    SERVICES,
    budget_name,
    one_pass,
    put_object,
    settle,
)


async def test_a_new_child_is_created_and_never_applied() -> None:
    """An apply would make it too, and would take over a foreign object that has its name."""
    api = FakeApi()
    put_object(api)

    with contextlib.suppress(Conflict):
        await one_pass(api)

    children = [write for write in api.writes() if not write.startswith(f"PATCH {OBJECT}")]
    assert [write.partition(" ")[0] for write in children] == ["POST"] * 4


async def test_a_repair_means_the_very_object_that_was_read() -> None:
    """Also where nothing but its uid tells it from the one that has the name by now."""
    api = FakeApi()
    put_object(api)
    await settle(api)
    name = budget_name()
    service = f"{SERVICES}/{name}"
    api.objects[service]["spec"]["selector"] = {}
    await settle(api)  # the first repair turns the fields of the create, by a version of its own
    api.objects[service]["spec"]["selector"] = {}
    foreign: Manifest = {"kind": "Service", "metadata": {"name": name, "uid": "x"}, "spec": {}}

    def replaced_meanwhile(call: Call) -> None:
        if call.method == "PATCH" and call.path == service:
            assert isinstance(call.body, dict), "an apply"
            api.put(service, copy.deepcopy(foreign))

    api.fault = replaced_meanwhile
    with contextlib.suppress(Conflict):
        await one_pass(api)

    assert api.objects[service]["metadata"]["uid"] == "x"
    assert api.objects[service]["spec"] == {}


@pytest.mark.parametrize("fault", ["403", "409", "500"])
async def test_an_event_that_is_not_taken_fails_no_pass(fault: str) -> None:
    api = FakeApi(fault=lambda call: fault if call.path.endswith("/events") else None)
    put_object(api)
    error = None

    try:
        await one_pass(api)
    except ApiError as raised:
        error = raised

    assert error is None
    assert any(call.path.endswith("/events") for call in api.calls)


def no_deployments(call: Call) -> str | None:
    return "422" if call.method == "POST" and call.path.endswith("/deployments") else None


async def test_a_refused_child_is_why_nobody_is_served() -> None:
    api = FakeApi(fault=no_deployments)
    put_object(api)

    await one_pass(api)

    ready = conditions(api.objects[OBJECT]["status"])["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "RefusedByServer")
    assert ready["message"].startswith("Deployment chat-")
    assert ready["message"].endswith(" is refused: injected")


async def test_a_refused_child_of_the_next_revision_is_told_beside_what_serves() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    api.fault = no_deployments
    put_object(api, **BETTER, generation=2)

    await settle(api)

    found = conditions(api.objects[OBJECT]["status"])
    assert found["Ready"]["status"] == "True"
    assert (
        "1 of 1 replicas of tiny answer; the spec is not: Deployment" in found["Ready"]["message"]
    )
    assert (found["RolledOut"]["status"], found["RolledOut"]["reason"]) == (
        "False", "SpecNotServable",
    )  # fmt: skip
    assert "is refused: injected" in found["RolledOut"]["message"]
    assert found["Stalled"]["reason"] == "RefusedByServer"


DEPLOYMENTS = "/apis/apps/v1/namespaces/team/deployments"
SIDECAR = {"name": "sidecar", "image": "s"}


def engine_set(api: FakeApi) -> tuple[str, Manifest]:
    [found] = [
        (path, item)
        for path, item in api.objects.items()
        if item.get("kind") == "Deployment" and not path.endswith("-gateway")
    ]
    return found


def add_sidecar(manifest: Manifest) -> None:
    containers = manifest["spec"]["template"]["spec"]["containers"]
    if SIDECAR not in containers:
        containers.append(SIDECAR)


async def test_what_somebody_added_to_pods_is_taken_away() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    path, engines = engine_set(api)
    before = copy.deepcopy(engines["spec"])
    changed = copy.deepcopy(engines)
    changed["spec"]["paused"] = True
    add_sidecar(changed)
    changed["spec"]["template"]["spec"]["containers"][0]["env"].insert(0, {"name": "X"})
    api.put(path, changed)

    await settle(api)

    assert before == engine_set(api)[1]["spec"]


async def test_an_addition_is_taken_away_from_the_version_that_was_read() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    path, engines = engine_set(api)
    changed = copy.deepcopy(engines)
    add_sidecar(changed)
    api.put(path, changed)

    def moved_meanwhile(call: Call) -> None:
        if call.method == "PATCH" and call.path == path and isinstance(call.body, list):
            now = copy.deepcopy(api.objects[path])
            now["spec"]["template"]["spec"]["containers"].insert(0, {"name": "another"})
            api.fault = lambda _call: None
            api.put(path, now)

    api.fault = moved_meanwhile
    with contextlib.suppress(Conflict):
        await one_pass(api)

    names = [one["name"] for one in api.objects[path]["spec"]["template"]["spec"]["containers"]]
    assert names == ["another", "engine", "sidecar"]


@dataclass
class Injecting(FakeApi):
    """An API server with a webhook that adds a container to each Deployment that is written."""

    def put(self, path: str, manifest: Manifest) -> Manifest:
        added: Any = copy.deepcopy(manifest)
        if added.get("kind") == "Deployment":
            add_sidecar(added)
            present = self.objects.get(path)
            if present is not None and _unversioned(present) == _unversioned(added):
                return present
        return super().put(path, added)


def _unversioned(manifest: Manifest) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": ""}}


async def test_what_a_webhook_adds_anew_each_time_is_left_and_nothing_is_written_for_it() -> None:
    api = Injecting()
    put_object(api)

    await settle(api)
    api.calls.clear()
    outcome = await one_pass(api)

    assert SIDECAR in engine_set(api)[1]["spec"]["template"]["spec"]["containers"]
    assert (outcome.writes, api.writes()) == (0, [])


async def test_pods_do_not_restart_for_ever_over_what_a_controller_adds() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    generations = []
    for _ in range(10):
        path, engines = engine_set(api)
        changed = copy.deepcopy(engines)
        add_sidecar(changed)
        api.put(path, changed)
        await settle(api)
        generations.append(engine_set(api)[1]["metadata"]["generation"])

    assert generations[-1] == generations[-5]
    assert SIDECAR in engine_set(api)[1]["spec"]["template"]["spec"]["containers"]
