"""How clients get to engines: the Service, the gateway, and when a revision may be let go."""

import json

import pytest

from deepseek_operator.observed import Gateway
from tests.unit.samples import CPU_SPEC, Manifest, conditions, deepseek
from tests.unit.world import World, served

SPEC = {**CPU_SPEC, "replicas": 2, "gateway": {}}
BETTER = {**SPEC, "engine": {"args": ["--max-model-len=4096"]}}


def selector(world: World) -> dict[str, str]:
    [service] = [
        child
        for (kind, name), child in world.children.items()
        if kind == "Service" and name == "chat"
    ]
    found: dict[str, str] = service["spec"]["selector"]
    return found


def gateway_deployment(world: World) -> Manifest:
    return world.children["Deployment", "chat-gateway"]


def revisions(world: World) -> set[str]:
    return {
        child["metadata"]["labels"]["serving.deepseek.dev/revision"]
        for (kind, name), child in world.children.items()
        if kind == "Deployment" and name != "chat-gateway"
    }


def weights(world: World) -> dict[str, int]:
    document = json.loads(world.children["ConfigMap", "chat-gateway"]["data"]["gateway.json"])
    return {route["revision"]: route["weight"] for route in document["routes"]}


def test_clients_go_through_the_gateway_to_the_serving_revision() -> None:
    world = served(deepseek(**SPEC))

    assert selector(world) == {"serving.deepseek.dev/gateway": "chat"}
    assert weights(world) == dict.fromkeys(revisions(world), 100)
    assert world.stored["gateway"] == {
        "replicas": 2,
        "readyReplicas": 2,
        "version": json.loads(world.children["ConfigMap", "chat-gateway"]["data"]["gateway.json"])[
            "version"
        ],
    }


def test_an_object_without_a_gateway_has_none_of_it() -> None:
    world = served(deepseek(**CPU_SPEC))

    assert not [name for _, name in world.children if name == "chat-gateway"]
    assert "serving.deepseek.dev/revision" in selector(world)
    assert "gateway" not in world.stored


def test_users_are_not_served_while_no_gateway_is_there() -> None:
    deployment = deepseek(**SPEC)
    world = served(deployment)
    gateway_deployment(world)["status"]["readyReplicas"] = 0

    ready = conditions(world.plan(deployment).status)["Ready"]

    assert (ready["status"], ready["reason"]) == ("False", "GatewayStarting")
    assert "2 of 2 replicas of tiny answer, but no gateway" in ready["message"]


def test_a_gateway_that_is_not_at_full_strength_is_told_of() -> None:
    deployment = deepseek(**SPEC)
    world = served(deployment)
    gateway_deployment(world)["status"]["readyReplicas"] = 1

    found = conditions(world.plan(deployment).status)

    assert found["Ready"]["status"] == "True"
    assert "1 of 2 gateway replicas are ready" in found["Ready"]["message"]
    assert found["Reconciling"]["reason"] == "GatewayStarting"


def test_engines_that_served_alone_go_on_until_the_gateway_can() -> None:
    world = served(deepseek(**{**SPEC, "gateway": {"provider": "None"}}))
    deployment = deepseek(**SPEC, generation=2)

    world.carry_out(world.plan(deployment))
    before = selector(world)
    world.settle(deployment)

    assert "serving.deepseek.dev/revision" in before
    assert selector(world) == {"serving.deepseek.dev/gateway": "chat"}


def test_a_gateway_that_is_not_wanted_any_more_goes_after_the_service_has_changed() -> None:
    world = served(deepseek(**SPEC))
    without = deepseek(**{**SPEC, "gateway": {"provider": "None"}}, generation=2)

    plan = world.plan(without)
    world.carry_out(plan)

    deleted = [(item["kind"], item["metadata"]["name"]) for item in plan.delete]
    assert ("Deployment", "chat-gateway") in deleted
    assert "serving.deepseek.dev/revision" in selector(world)
    assert not [name for _, name in world.children if name == "chat-gateway"]


def test_the_old_revision_stays_until_every_gateway_has_left_it() -> None:
    old = deepseek(**SPEC)
    world = served(old)
    world.follow()
    [first] = revisions(world)
    new = deepseek(**BETTER, generation=2)
    for _ in range(4):
        world.start_pods()
        world.carry_out(world.plan(new))

    plan = world.plan(new)
    assert weights(world).keys() != {first}
    assert first in revisions(world)
    assert plan.requeue_seconds == 1.0
    world.follow()
    world.settle(new)

    assert first not in revisions(world)


@pytest.mark.parametrize(
    ("gateways", "taken"),
    [
        pytest.param((), True, id="nobody-gets-requests"),
        pytest.param((Gateway("a", is_ready=True, report=None),), False, id="silent"),
        pytest.param((Gateway("a", is_ready=False, report=None),), True, id="not-ready"),
        pytest.param((Gateway("a", is_ready=True, report={"taken": "older"}),), False, id="behind"),
    ],
)
def test_a_gateway_that_may_send_requests_to_it_keeps_a_revision(
    gateways: tuple[Gateway, ...], *, taken: bool
) -> None:
    world = served(deepseek(**SPEC))
    new = deepseek(**BETTER, generation=2)
    world.gateways = (Gateway("a", is_ready=True, report=None),)
    for _ in range(4):
        world.start_pods()
        world.carry_out(world.plan(new))
    assert len(revisions(world)) == 2
    world.gateways = gateways

    plan = world.plan(new)

    kept = [item for item in plan.delete if item["kind"] == "Deployment"] == []
    assert kept is not taken


def test_a_document_names_every_revision_with_pods() -> None:
    world = served(deepseek(**SPEC))
    new = deepseek(**BETTER, generation=2)
    world.carry_out(world.plan(new))

    document = json.loads(world.children["ConfigMap", "chat-gateway"]["data"]["gateway.json"])

    assert set(document["replicas"]) == revisions(world)
    assert len(document["replicas"]) == 2


def ports(world: World) -> list[str]:
    service = world.children["Service", "chat"]
    return [port["name"] for port in service["spec"]["ports"]]


SECURE = {**SPEC, "gateway": {"tls": {"secretName": "chat-tls", "only": True}}}


def test_plain_http_is_closed_when_every_gateway_answers_over_tls() -> None:
    world = served(deepseek(**SPEC))
    secure = deepseek(**SECURE)

    world.carry_out(world.plan(secure))
    assert ports(world) == ["http", "https"]
    # A new pod that waits for a Secret which is not there, beside the two that serve.
    gateway_deployment(world)["status"] |= {"replicas": 3, "updatedReplicas": 1}
    world.carry_out(world.plan(secure))
    assert ports(world) == ["http", "https"]
    gateway_deployment(world)["status"] |= {"replicas": 2, "updatedReplicas": 2}
    world.settle(secure)

    assert ports(world) == ["https"]
    assert world.stored["url"] == "https://chat.team.svc/v1"


def test_plain_http_stays_where_nobody_closes_it() -> None:
    world = served(deepseek(**{**SPEC, "gateway": {"tls": {"secretName": "chat-tls"}}}))

    assert ports(world) == ["http", "https"]
    assert ports(served(deepseek(**SPEC))) == ["http"]


KEYED = {**SPEC, "gateway": {"apiKeys": {"secretName": "chat-keys"}}}


def test_a_gateway_that_waits_for_a_secret_says_which() -> None:
    deployment = deepseek(**KEYED)
    world = served(deployment)
    told = {"held": False, "trouble": ["it is not there or has no entry: make one"]}
    world.gateways = (Gateway("g", is_ready=False, report={"secrets": {"apiKeys": told}}),)
    gateway_deployment(world)["status"]["readyReplicas"] = 0

    found = conditions(world.plan(deployment).status)

    for kind in ("Ready", "Reconciling", "SecretsReady"):
        assert found[kind]["reason"] == "SecretNotFollowed"
        assert "gateway.apiKeys.secretName: Secret chat-keys: it is not" in found[kind]["message"]


def test_an_object_with_secrets_is_looked_at_again() -> None:
    """Nothing that is watched changes with a Secret."""
    deployment = deepseek(**KEYED)

    assert served(deployment).plan(deployment).requeue_seconds == 60
    assert served(deepseek(**SPEC)).plan(deepseek(**SPEC)).requeue_seconds is None
    assert "SecretsReady" not in conditions(served(deepseek(**SPEC)).stored)


def test_gateway_pods_that_are_refused_say_so() -> None:
    deployment = deepseek(**SPEC)
    world = served(deployment)
    gateway_deployment(world)["status"] |= {
        "readyReplicas": 0,
        "conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}],
    }

    ready = conditions(world.plan(deployment).status)["Ready"]

    assert ready["reason"] == "PodsRefused"
    assert ready["message"].endswith("pods are refused: exceeded quota")
