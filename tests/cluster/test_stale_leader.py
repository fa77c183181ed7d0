"""A leader that stood still while another one led, on a real API server: what it sends is refused for its age."""

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from deepseek_operator.errors import Conflict
from deepseek_operator.kube import client
from deepseek_operator.kube.client import Kube
from deepseek_operator.reconcile import Key
from tests.cluster import routes
from tests.cluster.faults import FaultProxy
from tests.cluster.objects import Cluster, Manifest, deepseek
from tests.cluster.passes import one_pass, settle
from tests.cluster.test_healing import path_of, served
from tests.cluster.test_routes import EDGE, chat, serve


@contextlib.asynccontextmanager
async def standing_still(
    cluster: Cluster, method: str, path: str, meanwhile: Callable[[], Awaitable[object]]
) -> AsyncIterator[Kube]:
    """A client of which one write, an apply where it is a PATCH, reaches the server once all of `meanwhile` is over."""
    came: list[str] = []

    async def hold(request: web.Request) -> None:
        is_apply = method != "PATCH" or request.content_type == "application/apply-patch+yaml"
        if not came and (request.method, request.path) == (method, path) and is_apply:
            came.append(path)
            await meanwhile()

    proxy = await FaultProxy.start(cluster.plane, lambda *_: None)
    proxy.on_request = hold
    api = await client.connect(kubeconfig=str(cluster.plane.kubeconfig), host=proxy.address)
    late = client.Kube(api, timeout_seconds=120)
    try:
        yield late
    finally:
        await late.close()
        await proxy.stop()
    assert came


def gateway(cluster: Cluster, clients: str) -> Manifest:
    """An object whose gateway is told this."""
    return deepseek("chat", cluster.namespace, gateway={"stickyHeader": clients})


async def told(cluster: Cluster) -> str:
    """What the gateway is told."""
    document = await cluster.send("GET", path_of(cluster, "configmaps", "chat-gateway"))
    return str(json.loads(document["data"]["gateway.json"])["stickyHeader"])


@pytest.mark.parametrize("is_deleted", [False, True], ids=["update", "create"])
async def test_an_old_document_is_never_written_over_a_newer_one(
    kube: Kube, cluster: Cluster, *, is_deleted: bool
) -> None:
    path = path_of(cluster, "configmaps", "chat-gateway")
    await served(kube, cluster, gateway={"stickyHeader": "first"})
    if is_deleted:
        await cluster.send("DELETE", path)
    await cluster.apply(gateway(cluster, "second"))

    async def another_leads() -> None:
        await cluster.apply(gateway(cluster, "third"))
        await settle(kube, cluster, "chat")

    method, reached = ("POST", path.rpartition("/")[0]) if is_deleted else ("PATCH", path)
    async with standing_still(cluster, method, reached, another_leads) as late:
        with pytest.raises(Conflict):
            await one_pass(late, Key(cluster.namespace, "chat"))

    assert await told(cluster) == "third"


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_an_old_route_is_neither_written_over_a_newer_one_nor_deletes_it(
    kube: Kube, cluster: Cluster, method: str
) -> None:
    def hosts(name: str) -> Manifest:
        return chat(cluster, gateway={**EDGE, "hostnames": [name]})

    async def another_leads() -> None:
        await cluster.apply(hosts("third.example"))
        await serve(kube, cluster)

    path = f"{routes.ROUTES.format(cluster.namespace)}/chat"
    wanted = hosts("second.example") if method == "PATCH" else deepseek("chat", cluster.namespace)
    async with routes.kinds(cluster):
        await cluster.apply(hosts("first.example"))
        await serve(kube, cluster)
        await cluster.apply(wanted)
        async with standing_still(cluster, method, path, another_leads) as late:
            with pytest.raises(Conflict):
                await passes(late, cluster)

        after = await routes.route(cluster)
        assert after is not None
        assert after["spec"]["hostnames"] == ["third.example"]


async def passes(kube: Kube, cluster: Cluster) -> None:
    """Of one leader, as many as it takes until a route that is not wanted goes."""
    for _ in range(5):
        await one_pass(kube, Key(cluster.namespace, "chat"))
