"""An object on a Gateway of somebody else: what its controller says, and what follows from that."""

import copy
from typing import Any

import pytest

from deepseek_operator.build import http_route
from tests.unit.fake_gateway_controller import CONTROLLER, FakeGatewayController
from tests.unit.samples import CPU_SPEC, Manifest, conditions, deepseek
from tests.unit.world import World

EDGE: Manifest = {"provider": "GatewayAPI", "parentRef": {"name": "edge", "namespace": "infra"}}
SPEC = {**CPU_SPEC, "replicas": 2, "gateway": EDGE}
BETTER = {**SPEC, "engine": {"args": ["--max-model-len=4096"]}}


def route_of(world: World) -> Manifest:
    return world.children["HTTPRoute", "chat"]


def take_up(world: World, controller: FakeGatewayController) -> None:
    route_of(world)["status"] = controller.answer(route_of(world))


def behind(controller: FakeGatewayController, **spec: Any) -> World:
    """A world whose object is served in full, its route answered for."""
    world, deployment = World(), deepseek(**(spec or SPEC))
    world.settle(deployment)
    take_up(world, controller)
    world.settle(deployment)
    return world


def revisions(world: World) -> list[str]:
    return [
        child["metadata"]["labels"]["serving.deepseek.dev/revision"]
        for (kind, _), child in world.children.items()
        if kind == "Deployment"
    ]


def test_everything_goes_by_the_route_to_the_serving_revision() -> None:
    world = behind(FakeGatewayController())

    [key] = revisions(world)
    assert http_route.backends(route_of(world)) == {f"chat-{key}": 100}
    [owner] = route_of(world)["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == ("uid-of-chat", True)
    assert world.stored["route"] == {
        "name": "chat", "gateway": "infra/edge", "accepted": True, "controller": CONTROLLER,
    }  # fmt: skip
    assert "gateway" not in world.stored
    found = conditions(world.stored)
    assert found["Ready"]["status"] == "True"
    assert found["RolledOut"]["status"] == "True"
    assert not [name for _, name in world.children if name == "chat-gateway"]


@pytest.mark.parametrize(
    ("controller", "reason", "words"),
    [
        pytest.param(
            FakeGatewayController(
                accepted=("False", "NotAllowedByListeners"), message="no listener allows it"
            ),
            "RouteNotAccepted",
            f"{CONTROLLER} says of HTTPRoute chat: Accepted is False (NotAllowedByListeners): no "
            "listener allows it",
            id="not-accepted",
        ),
        pytest.param(
            FakeGatewayController(resolved=("False", "BackendNotFound"), message="no Service"),
            "RouteNotAccepted",
            "ResolvedRefs is False (BackendNotFound): no Service",
            id="no-backend",
        ),
        pytest.param(
            FakeGatewayController(is_deaf=True),
            "RoutePending",
            "Gateway infra/edge: no controller has answered for HTTPRoute chat",
            id="nobody-answers",
        ),
    ],
)
def test_what_keeps_users_away_is_said_in_the_controllers_own_words(
    controller: FakeGatewayController, reason: str, words: str
) -> None:
    world = behind(controller)

    ready = conditions(world.stored)["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", reason)
    assert "2 of 2 replicas of tiny answer, but no gateway" in ready["message"]
    assert words in ready["message"]
    assert conditions(world.stored)["RolledOut"]["status"] == "False"
    assert world.stored["route"]["accepted"] is False
    assert world.plan(deepseek(**SPEC)).requeue_seconds == 5.0


def test_a_route_that_is_not_taken_up_yet_serves_as_it_did() -> None:
    world = behind(FakeGatewayController())
    route_of(world)["metadata"]["generation"] += 1

    plan = world.plan(deepseek(**SPEC))

    found = conditions(plan.status)
    assert found["Ready"]["status"] == "True"
    assert found["Reconciling"]["reason"] == "RoutePending"
    assert "has not taken up the route as it is now" in found["Reconciling"]["message"]
    assert plan.requeue_seconds == 5.0
    take_up(world, FakeGatewayController())
    assert world.plan(deepseek(**SPEC)).requeue_seconds == 30.0


@pytest.mark.parametrize(
    ("answered", "is_ours"),
    [
        pytest.param({"name": "edge", "namespace": "infra"}, True, id="without-defaults"),
        pytest.param({"name": "edge"}, False, id="of-another-namespace"),
        pytest.param({"name": "old", "namespace": "infra"}, False, id="of-another-gateway"),
        pytest.param(
            {"name": "edge", "namespace": "infra", "sectionName": "b"}, False, id="of-a-listener"
        ),
    ],
)
def test_only_what_is_said_at_our_gateway_counts(answered: Manifest, *, is_ours: bool) -> None:
    world = behind(FakeGatewayController())
    route_of(world)["status"]["parents"][0]["parentRef"] = answered

    ready = conditions(world.plan(deepseek(**SPEC)).status)["Ready"]

    assert (ready["status"] == "True") is is_ours


@pytest.mark.parametrize(
    "controller",
    [
        pytest.param(FakeGatewayController(is_deaf=True), id="silent"),
        pytest.param(FakeGatewayController(accepted=("False", "Pending")), id="not-accepted"),
        pytest.param(FakeGatewayController(resolved=("False", "RefNotPermitted")), id="half"),
    ],
)
def test_the_old_revision_stays_until_its_gateway_has_left_it(
    controller: FakeGatewayController,
) -> None:
    world = behind(FakeGatewayController())
    [old] = revisions(world)
    new = deepseek(**BETTER, generation=2)
    for _ in range(4):
        world.start_pods()
        world.carry_out(world.plan(new))
        take_up(world, controller)

    plan = world.plan(new)

    assert f"chat-{old}" not in http_route.backends(route_of(world))
    assert old in revisions(world)
    assert plan.requeue_seconds == 1.0
    take_up(world, FakeGatewayController())
    world.settle(new)
    assert old not in revisions(world)


def test_a_cluster_without_routes_is_told_of_with_the_remedy_and_nothing_fails() -> None:
    world, deployment = World(knows_routes=False), deepseek(**SPEC)

    plan = world.settle(deployment)

    found = conditions(world.stored)
    assert (found["Stalled"]["status"], found["Stalled"]["reason"]) == ("True", "GatewayAPIMissing")
    assert "kubectl apply --server-side -f https://" in found["Stalled"]["message"]
    assert found["Ready"]["status"] == "False"
    assert ("HTTPRoute", "chat") not in world.children
    assert plan.requeue_seconds == 5.0
    world.knows_routes = True
    world.settle(deployment)
    take_up(world, FakeGatewayController())
    world.settle(deployment)
    assert conditions(world.stored)["Ready"]["status"] == "True"


@pytest.mark.parametrize("provider", ["Embedded", "None"])
def test_the_route_goes_with_the_provider(provider: str) -> None:
    world = behind(FakeGatewayController())
    other = deepseek(**{**SPEC, "gateway": {"provider": provider}}, generation=2)

    world.carry_out(world.plan(other))

    assert ("HTTPRoute", "chat") not in world.children
    # The next pass has to look whether it is gone.
    assert world.stored.get("route", {}).get("accepted") is False
    world.settle(other)
    assert "route" not in world.stored


def test_no_revision_goes_while_a_route_of_before_may_send_to_it() -> None:
    world = behind(FakeGatewayController())
    [old] = revisions(world)
    leftover = copy.deepcopy(route_of(world))
    other = deepseek(**{**BETTER, "gateway": {"provider": "None"}}, generation=2)
    for _ in range(6):
        world.start_pods()
        world.children["HTTPRoute", "chat"] = copy.deepcopy(leftover)
        world.carry_out(world.plan(other))

    assert old in revisions(world)
    world.settle(other)
    assert old not in revisions(world)


def test_who_served_is_read_off_the_route_when_status_is_lost() -> None:
    world = behind(FakeGatewayController())
    [old] = revisions(world)
    world.stored = {}
    del world.children["Service", "chat"]

    plan = world.plan(deepseek(**BETTER, generation=2))

    assert plan.status["serving"]["revision"] == old


@pytest.mark.parametrize(
    ("gateway", "listener", "addresses", "url"),
    [
        pytest.param({}, {}, [], "", id="nothing-known"),
        pytest.param({}, {}, ["10.0.0.1"], "http://10.0.0.1/v1", id="address"),
        pytest.param({}, {"port": 8080}, ["10.0.0.1"], "http://10.0.0.1:8080/v1", id="port"),
        pytest.param({}, {}, ["fd00::1"], "http://[fd00::1]/v1", id="ipv6"),
        pytest.param(
            {},
            {"protocol": "HTTPS", "port": 443, "hostname": "ai.example.com"},
            ["10.0.0.1"],
            "https://ai.example.com/v1",
            id="the-listeners-name",
        ),
        pytest.param(
            {},
            {"protocol": "HTTPS", "port": 8443, "hostname": "*.example.com"},
            ["lb.example.com"],
            "https://lb.example.com:8443/v1",
            id="any-name",
        ),
        pytest.param(
            {"hostnames": ["*.b.example.com", "a.example.com"]},
            {},
            ["10.0.0.1"],
            "http://a.example.com/v1",
            id="the-objects-name",
        ),
    ],
)
def test_the_url_is_where_the_gateway_is_reached(
    gateway: Manifest, listener: Manifest, addresses: list[str], url: str
) -> None:
    named = {"name": "web", "protocol": "HTTP", "port": 80, **listener}
    world = World(
        parent={
            "spec": {"listeners": [{"name": "tcp", "protocol": "TCP", "port": 5}, named]},
            "status": {"addresses": [{"value": value} for value in addresses]},
        }
    )

    status = world.plan(deepseek(**{**SPEC, "gateway": {**EDGE, **gateway}})).status

    assert status["url"] == url


def test_of_a_gateway_that_may_not_be_read_the_hostname_is_known() -> None:
    named = {**EDGE, "hostnames": ["chat.example.com"]}

    status = World().plan(deepseek(**{**SPEC, "gateway": named})).status

    assert status["url"] == "http://chat.example.com/v1"
