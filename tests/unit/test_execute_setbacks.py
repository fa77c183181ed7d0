"""What a pass still writes when something of its plan is refused, and what it does not for that reason."""

import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import http_route
from deepseek_operator.canary import PASS_SECONDS
from deepseek_operator.errors import Stalled
from deepseek_operator.execute import execute
from deepseek_operator.kube import resources
from deepseek_operator.kube.errors import ApiError
from deepseek_operator.observe import observe
from deepseek_operator.observed import Observed
from tests.unit.fake_api import Call, FakeApi, Fault
from tests.unit.samples import CPU_SPEC, Manifest, conditions, deepseek
from tests.unit.test_execute_warmup import (
    GATE_OF_ONE,
    ONE,
    gate_of,
    plan,
    put_pod,
    put_run,
    started,
)
from tests.unit.test_execute_warmup import one_pass as later_pass
from tests.unit.test_reconcile import BETTER, OBJECT, SERVICES, one_pass, put_object, settle
from tests.unit.test_routes_in_rollouts import CANARY as STEPS
from tests.unit.test_routes_in_rollouts import OLD, Edge
from tests.unit.test_routes_in_rollouts import started as started_on_edge
from tests.unit.test_warming import OBJECT as DEPLOYMENT
from tests.unit.test_warming import answers, ended

CANARY: Manifest = {**OLD, "rollout": STEPS}
PODS = "/api/v1/namespaces/team/pods"


def refusing(method: str, words: str, code: str = "403") -> Fault:
    """A server that has no such call: by method and a part of the path."""

    def fault(call: Call) -> str | None:
        return code if call.method == method and words in call.path else None

    return fault


async def served() -> FakeApi:
    """An object that serves, without a gateway."""
    api = FakeApi()
    put_object(api)
    await settle(api)
    return api


async def test_a_gate_opens_while_the_next_revision_is_refused() -> None:
    """The pods that serve are none of its business: a quota keeps one revision from coming."""
    api = await started()
    await later_pass(api)
    put_run(api, ended(ONE, logProbabilities=answers()))
    put_object(api, **BETTER, generation=2)
    api.fault = refusing("POST", "/deployments")

    await later_pass(api)
    await later_pass(api)

    gate = gate_of(api)
    assert gate is not None
    assert gate["status"] == "True"
    assert conditions(api.objects[OBJECT]["status"])["Stalled"]["reason"] == "RefusedByServer"


async def test_a_warm_up_begins_while_the_next_revision_is_refused() -> None:
    api = await started()
    put_object(api, **BETTER, generation=2)
    api.fault = refusing("POST", "/deployments")

    await later_pass(api)
    await later_pass(api)

    assert len(api.of_kind("Job")) == 1


async def test_the_first_refusal_is_the_one_that_is_told() -> None:
    api = FakeApi(fault=refusing("POST", "/namespaces/team/"))
    put_object(api)

    await one_pass(api)

    stalled = conditions(api.objects[OBJECT]["status"])["Stalled"]
    assert stalled["message"] == "Service chat is refused: injected"


@pytest.mark.parametrize("kind", ["controllerrevisions", "services"])
async def test_no_pod_comes_of_a_revision_that_lacks_its_shape_or_its_service(kind: str) -> None:
    api = await served()
    put_object(api, **BETTER, generation=2)
    api.fault = refusing("POST", f"/{kind}")

    await one_pass(api)
    await one_pass(api)

    assert len(api.of_kind("Deployment")) == 1
    api.fault = lambda _call: None
    await settle(api)
    assert conditions(api.objects[OBJECT]["status"])["RolledOut"]["status"] == "True"


async def test_no_gateway_runs_with_the_rights_of_somebody_elses_account() -> None:
    """Its pods carry the token of whatever ServiceAccount has the name."""
    api = FakeApi()
    account = "/api/v1/namespaces/team/serviceaccounts/chat-gateway"
    api.put(
        account,
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "chat-gateway", "namespace": "team"},
        },
    )
    put_object(api, **CPU_SPEC, gateway={"provider": "Embedded"})

    for _ in range(6):
        await one_pass(api)

    assert "chat-gateway" not in api.of_kind("Deployment")
    assert conditions(api.objects[OBJECT]["status"])["Stalled"]["reason"] == "NameTaken"
    del api.objects[account]
    for _ in range(6):
        await one_pass(api)
    assert "chat-gateway" in api.of_kind("Deployment")


async def test_no_pod_is_added_to_a_revision_whose_service_cannot_come_back() -> None:
    api = await served()
    [name] = api.of_kind("Deployment")
    del api.objects[f"{SERVICES}/{name}"]
    put_object(api, **CPU_SPEC, replicas=3, generation=2)
    api.fault = refusing("POST", "/services")

    await one_pass(api)
    assert api.of_kind("Deployment")[name]["spec"]["replicas"] == 1

    api.fault = lambda _call: None
    await settle(api)
    assert api.of_kind("Deployment")[name]["spec"]["replicas"] == 3


async def test_pods_are_taken_away_whatever_their_revision_lacks() -> None:
    api = FakeApi()
    put_object(api, **CPU_SPEC, replicas=3)
    await settle(api)
    [name] = api.of_kind("Deployment")
    del api.objects[f"{SERVICES}/{name}"]
    put_object(api, **CPU_SPEC, replicas=1, generation=2)
    api.fault = refusing("POST", "/services")

    await one_pass(api)

    assert api.of_kind("Deployment")[name]["spec"]["replicas"] == 1


async def test_no_pod_comes_where_clients_would_have_no_address() -> None:
    api = FakeApi()
    foreign = {"kind": "Service", "metadata": {"name": "chat"}, "spec": {}}
    api.put(f"{SERVICES}/chat", foreign)
    put_object(api)

    await one_pass(api)

    assert api.of_kind("Deployment") == {}


async def test_the_old_revision_stays_while_clients_cannot_be_led_away_from_it() -> None:
    api = await served()
    [old] = api.of_kind("Deployment")
    put_object(api, **BETTER, generation=2)
    await one_pass(api)
    api.start_pods()
    api.fault = refusing("PATCH", f"{SERVICES}/chat")

    for _ in range(3):
        await one_pass(api)

    assert old in api.of_kind("Deployment")
    assert old in api.of_kind("Service")
    api.fault = lambda _call: None
    await settle(api)
    assert old not in api.of_kind("Deployment")


async def test_addresses_are_withdrawn_though_the_way_in_is_refused() -> None:
    """A revision that nobody may be sent to any more: its Service goes, its pods stay."""
    api = await served()
    observed = await observed_by(api)
    [revision] = [item for item in observed.services if item["metadata"]["name"] != "chat"]
    [clients] = [item for item in observed.services if item["metadata"]["name"] == "chat"]
    api.fault = refusing("PATCH", f"{SERVICES}/chat")
    changed = {**clients, "spec": {**clients["spec"], "selector": {"a": "b"}}}

    with pytest.raises(Stalled, match="Service chat is refused"):
        await carry_out(api, observed, apply=(changed,), delete=(revision,))

    assert list(api.of_kind("Service")) == ["chat"]


async def test_a_gate_stays_shut_on_an_answer_that_is_not_kept() -> None:
    api = await started()
    await later_pass(api)
    put_run(api, ended(ONE, logProbabilities=answers()))
    api.fault = refusing("PATCH", "/controllerrevisions/")

    await later_pass(api)

    assert gate_of(api) is None
    api.fault = lambda _call: None
    await later_pass(api)
    assert (gate_of(api) or {})["status"] == "True"


async def test_a_gate_closes_whatever_is_kept() -> None:
    api = await started()
    observed = await observed_by(api)
    [revision] = observed.revisions
    shut = copy.deepcopy(GATE_OF_ONE)
    shut["status"]["conditions"][0]["status"] = "False"
    api.fault = refusing("PATCH", "/controllerrevisions/")
    changed = {**revision, "data": {}}

    with pytest.raises(Stalled, match="ControllerRevision"):
        await carry_out(api, replace(observed, pods=(ONE,)), apply=(changed,), gates=(shut,))

    assert (gate_of(api) or {})["status"] == "False"


async def test_a_gate_that_is_refused_keeps_no_other_shut() -> None:
    api = FakeApi(fault=refusing("PATCH", f"{PODS}/one/"))
    for name in ("one", "two"):
        pod = copy.deepcopy(ONE)
        pod["metadata"] |= {"name": name, "uid": f"uid-of-{name}"}
        put_pod(api, pod)
    second = copy.deepcopy(GATE_OF_ONE)
    second["metadata"] |= {"name": "two", "uid": "uid-of-two"}

    with pytest.raises(Stalled, match="Pod one is refused"):
        await carry_out(api, Observed(), gates=(GATE_OF_ONE, second))

    assert (gate_of(api, "two") or {})["status"] == "True"


async def test_a_delete_that_is_refused_is_told_and_keeps_no_gate_shut() -> None:
    api = await started()
    observed = await observed_by(api)
    [budget] = [item for item in observed.services if item["metadata"]["name"] == "chat"]
    api.fault = refusing("DELETE", SERVICES)

    with pytest.raises(Stalled, match="Service chat is refused"):
        await carry_out(api, observed, delete=(budget,), gates=(GATE_OF_ONE,))

    assert (gate_of(api) or {})["status"] == "True"


@pytest.mark.parametrize("code", ["403", "500"])
async def test_users_are_taken_back_though_the_candidates_pods_cannot_be_changed(code: str) -> None:
    edge = Edge()
    for _ in range(6):
        edge.one_pass(deepseek(**OLD))
    new, old, candidate = started_on_edge(edge)
    edge.bad[candidate] = 0.8
    back = edge.plan(new, now=edge.now)
    while back.status["rollout"]["phase"] != "RollingBack":
        edge.carry_out(back)
        edge.now += timedelta(seconds=5)
        edge.serve(250)
        edge.tell()
        back = edge.plan(new, now=edge.now)
    edge.children["Deployment", f"chat-{candidate}"]["spec"]["replicas"] = 9
    api = FakeApi(fault=refusing("PATCH", f"/deployments/chat-{candidate}", code))
    for place, child in edge.children.items():
        edge.children[place] = api.put(path_of(child), child)
    assert weights(api) == {f"chat-{candidate}": 20, f"chat-{old}": 80}

    with pytest.raises((Stalled, ApiError)):
        await execute(api.kube(), new, edge.observed(), back)

    assert weights(api) == {f"chat-{old}": 100}


async def test_a_run_is_looked_at_as_often_as_ever_beside_what_is_refused() -> None:
    api = FakeApi()
    put_object(api, **CANARY)
    await settle(api)
    put_object(api, **{**CANARY, **BETTER}, generation=2)
    api.fault = refusing("POST", "/deployments")

    await one_pass(api)
    await one_pass(api)
    outcome = await one_pass(api)

    assert conditions(api.objects[OBJECT]["status"])["Stalled"]["reason"] == "RefusedByServer"
    assert outcome.requeue_seconds == PASS_SECONDS


async def carry_out(api: FakeApi, observed: Observed, **parts: Any) -> int:
    """A plan of these parts, with what was observed."""
    return await execute(api.kube(), DEPLOYMENT, observed, plan(**parts))


async def observed_by(api: FakeApi) -> Observed:
    """What a pass reads."""
    deployment = DeepSeekDeployment.model_validate({**api.objects[OBJECT], "status": {}})
    return await observe(api.kube(), deployment, stored=api.objects[OBJECT]["status"])


def path_of(manifest: Manifest) -> str:
    metadata = manifest["metadata"]
    return resources.resource_of(manifest).path(metadata["namespace"], metadata["name"])


def weights(api: FakeApi) -> dict[str, int]:
    """What the route says."""
    return http_route.backends(api.of_kind("HTTPRoute")["chat"])
