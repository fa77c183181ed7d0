"""HTTPRoutes on a real Envoy Gateway: what it says of them, and what a real Envoy makes of them."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from deepseek_operator.api import names
from deepseek_operator.kube.client import Kube
from deepseek_operator.reconcile import Key
from dev import tools
from dev.cluster.layout import free_ports
from tests.cluster import envoy_gateway, routes
from tests.cluster.envoy_gateway import CONTROLLER, Edge
from tests.cluster.objects import JSON_MERGE, Cluster, Manifest, condition, deepseek, wait_until
from tests.cluster.passes import one_pass, settle
from tests.gateway.fake_engine import FakeEngine

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3600)]

CANARY: Manifest = {
    "strategy": "Canary",
    "steps": [{"weight": 20}, {"weight": 50}],
    # kwok's engines tell nothing to learn from.
    "analysis": {"relative": "Never"},
}


@pytest.fixture(scope="session")
def program() -> None:
    """Built where it is not there yet: that takes a while, and nothing else needs it."""
    tools.install(["envoy-gateway"])


@pytest.fixture
async def edge(cluster: Cluster, tmp_path: Path, program: None) -> AsyncIterator[Edge]:
    """A Gateway that a real controller has accepted."""
    del program
    [port] = free_ports(1)
    async with (
        routes.kinds(cluster),
        envoy_gateway.running(cluster, tmp_path, port=port) as running,
    ):
        yield running


def chat(edge: Edge, **spec: object) -> Manifest:
    parent = {"name": "edge", "namespace": edge.namespace}
    gateway = {"provider": "GatewayAPI", "parentRef": parent}
    return deepseek(
        "chat", edge.cluster.namespace, gateway=gateway, replicas=2, rollout=CANARY, **spec
    )


async def until(kube: Kube, edge: Edge, phase: str) -> Manifest:
    """Pass after pass until the run is there; its part of the status."""
    found: Manifest = {}

    async def is_there() -> bool:
        nonlocal found
        await one_pass(kube, Key(edge.cluster.namespace, "chat"))
        found = (await edge.cluster.get("chat"))["status"].get("rollout", {})
        return bool(found.get("phase") == phase)

    await wait_until(is_there, what=f"the run is {phase}: {found}", seconds=120)
    return found


async def test_weights_are_what_a_real_proxy_has(cluster: Cluster, kube: Kube, edge: Edge) -> None:
    await cluster.apply(chat(edge))
    await settle(kube, cluster, "chat")
    status = (await cluster.get("chat"))["status"]
    assert status["route"]["controller"] == CONTROLLER
    old = status["serving"]["revision"]
    await wait_until(lambda: _splits(edge, {f"chat-{old}": 100}), what="all goes to the first")
    for route in await edge.routes():
        # No answer is cut for its length.
        assert route["route"]["timeout"] == "0s"

    await cluster.apply(chat(edge, engine={"args": ["--max-model-len=4096"]}))
    run = await until(kube, edge, "Analyzing")

    new = run["candidate"]
    both = {f"chat-{new}": 20, f"chat-{old}": 80}
    await wait_until(lambda: _splits(edge, both), what="one in five goes to the second")
    await _command(cluster, f"abort:{run['at']}")
    await until(kube, edge, "Draining")
    await wait_until(lambda: _splits(edge, {f"chat-{old}": 100}), what="all goes to the first")


async def test_requests_are_split_by_a_real_proxy_and_none_goes_to_who_is_left_out(
    cluster: Cluster, kube: Kube, edge: Edge
) -> None:
    await cluster.apply(chat(edge))
    await settle(kube, cluster, "chat")
    old = (await cluster.get("chat"))["status"]["serving"]["revision"]
    await cluster.apply(chat(edge, engine={"args": ["--max-model-len=4096"]}))
    run = await until(kube, edge, "Analyzing")
    host = envoy_gateway.routable()
    async with FakeEngine("one", host=host) as one, FakeEngine("two", host=host) as two:
        engines = {f"chat-{old}": one, f"chat-{run['candidate']}": two}
        await _reached(edge, engines)
        split = await edge.ask(2_000)
        shares = len(one.seen), len(two.seen)

        await _command(cluster, f"abort:{run['at']}")
        await until(kube, edge, "Draining")
        await wait_until(lambda: _splits(edge, {f"chat-{old}": 100}), what="all goes to the first")
        await envoy_gateway.play(cluster, engines)
        await wait_until(lambda: _all_answered(edge), what="the first is reached again")
        two.seen.clear()
        alone = await edge.ask(500)

    assert (split, sum(shares)) == ({200: 2_000}, 2_000)
    # Four standard deviations of a fair draw.
    assert abs(shares[1] - 400) <= 72
    assert alone == {200: 500}
    assert two.seen == []


async def _reached(edge: Edge, engines: Mapping[str, FakeEngine]) -> None:
    """By requests, each of them; what was seen until then is forgotten."""
    await envoy_gateway.play(edge.cluster, engines)

    async def are_reached() -> bool:
        return await _all_answered(edge) and all(one.seen for one in engines.values())

    await wait_until(are_reached, what="requests reach both engines", seconds=60)
    for one in engines.values():
        one.seen.clear()


async def _all_answered(edge: Edge) -> bool:
    return await edge.ask(40) == {200: 40}


async def test_a_route_that_it_refuses_is_told_of_in_its_words(
    cluster: Cluster, kube: Kube, edge: Edge
) -> None:
    await cluster.apply(chat(edge))
    await settle(kube, cluster, "chat")
    path = f"{envoy_gateway.GROUP}/namespaces/{edge.namespace}/gateways/edge"
    own = [
        {
            "op": "replace",
            "path": "/spec/listeners/0/allowedRoutes/namespaces/from",
            "value": "Same",
        }
    ]

    await cluster.send("PATCH", path, own, content="application/json-patch+json")

    async def is_refused() -> bool:
        await one_pass(kube, Key(cluster.namespace, "chat"))
        return condition(await cluster.get("chat"), "Ready").get("reason") == "RouteNotAccepted"

    await wait_until(is_refused, what="Ready says that the route is refused", seconds=60)
    message = condition(await cluster.get("chat"), "Ready")["message"]
    assert (
        f"{CONTROLLER} says of HTTPRoute chat: Accepted is False (NotAllowedByListeners)" in message
    )


async def _splits(edge: Edge, expected: dict[str, int]) -> bool:
    return await edge.split() == expected


async def _command(cluster: Cluster, command: str) -> None:
    body = {"metadata": {"annotations": {names.COMMAND_ANNOTATION: command}}}
    await cluster.send("PATCH", cluster.path("chat"), body, content=JSON_MERGE)
