"""HTTPRoutes on a real API server with the real kinds of Gateway API; a fake controller answers for them."""

import functools

import pytest

from deepseek_operator.build import http_route
from deepseek_operator.kube.client import Kube
from deepseek_operator.reconcile import Key
from tests.cluster import routes
from tests.cluster.objects import JSON_MERGE, Cluster, Manifest, condition, deepseek
from tests.cluster.passes import one_pass, settle
from tests.unit.fake_gateway_controller import FakeGatewayController

EDGE: Manifest = {"provider": "GatewayAPI", "parentRef": {"name": "edge", "namespace": "infra"}}


def chat(cluster: Cluster, **spec: object) -> Manifest:
    return deepseek("chat", cluster.namespace, **{"gateway": EDGE, **spec})


async def serve(kube: Kube, cluster: Cluster) -> int:
    """Pass after pass until the object is served, and its route answered for."""
    controller = FakeGatewayController()
    return await settle(
        kube, cluster, "chat", between=functools.partial(routes.answer, cluster, controller)
    )


async def test_a_cluster_that_learns_of_routes_serves_by_them(cluster: Cluster, kube: Kube) -> None:
    await cluster.apply(chat(cluster))
    key = Key(cluster.namespace, "chat")
    for _ in range(3):
        # Nothing is raised, and nothing is asked for in a loop.
        last = await one_pass(kube, key)
        assert last.requeue_seconds is None or last.requeue_seconds >= 1.0
    stalled = condition(await cluster.get("chat"), "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "GatewayAPIMissing")
    assert "kubectl apply --server-side -f https://" in stalled["message"]

    async with routes.kinds(cluster):
        await serve(kube, cluster)

        status = (await cluster.get("chat"))["status"]
        assert condition({"status": status}, "Stalled")["status"] == "False"
        assert status["route"]["accepted"] is True
        [weight] = http_route.backends(await routes.route(cluster) or {}).values()
        assert weight == 100
    await one_pass(kube, key)
    assert condition(await cluster.get("chat"), "Ready")["status"] == "False"


async def test_a_route_is_kept_as_the_server_keeps_it(cluster: Cluster, kube: Kube) -> None:
    async with routes.kinds(cluster):
        await cluster.apply(chat(cluster))
        await serve(kube, cluster)
        before = await routes.route(cluster)
        assert before is not None
        edited = {"spec": {"rules": [{"backendRefs": [{"name": "theirs", "port": 80}]}]}}
        path = f"{routes.ROUTES.format(cluster.namespace)}/chat"

        await cluster.send("PATCH", path, edited, content=JSON_MERGE)
        assert (await one_pass(kube, Key(cluster.namespace, "chat"))).writes
        await serve(kube, cluster)

        after = await routes.route(cluster)
        assert after is not None
        assert before["spec"] == after["spec"]
        # What the server adds to what is applied is no difference: a pass at rest writes nothing.
        assert (await one_pass(kube, Key(cluster.namespace, "chat"))).writes == 0


@pytest.mark.parametrize("provider", ["Embedded", "None"])
async def test_a_route_goes_when_another_provider_is_asked_for(
    cluster: Cluster, kube: Kube, provider: str
) -> None:
    async with routes.kinds(cluster):
        await cluster.apply(chat(cluster))
        await serve(kube, cluster)

        await cluster.apply(chat(cluster, gateway={"provider": provider}))
        await settle(kube, cluster, "chat")

        assert await routes.route(cluster) is None
        assert "route" not in (await cluster.get("chat"))["status"]


async def test_what_a_controller_refuses_stands_in_ready(cluster: Cluster, kube: Kube) -> None:
    refusing = FakeGatewayController(accepted=("False", "NoMatchingParent"), message="no listener")
    async with routes.kinds(cluster):
        await cluster.apply(chat(cluster))
        await serve(kube, cluster)

        await routes.answer(cluster, refusing)
        await one_pass(kube, Key(cluster.namespace, "chat"))

        ready = condition(await cluster.get("chat"), "Ready")
        assert (ready["status"], ready["reason"]) == ("False", "RouteNotAccepted")
        assert "Accepted is False (NoMatchingParent): no listener" in ready["message"]
