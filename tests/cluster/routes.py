"""Gateway API on the control plane of a test: its kinds, and whoever answers for routes."""

import contextlib
from collections.abc import AsyncIterator

from dev import gateway_api
from tests.cluster.definitions import known
from tests.cluster.objects import JSON_MERGE, Cluster, Manifest, Refused
from tests.unit.fake_gateway_controller import FakeGatewayController

ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes"


@contextlib.asynccontextmanager
async def kinds(cluster: Cluster) -> AsyncIterator[None]:
    """While it lasts the cluster knows Gateway API: the real definitions, standard channel."""
    served = ROUTES.format(cluster.namespace)
    async with known(cluster, gateway_api.definitions(), served=served, what="Gateway API"):
        yield


async def route(cluster: Cluster, name: str = "chat") -> Manifest | None:
    """An HTTPRoute of the test's namespace; None where there is none, or no such kind."""
    with contextlib.suppress(Refused):
        return await cluster.send("GET", f"{ROUTES.format(cluster.namespace)}/{name}")
    return None


async def answer(cluster: Cluster, controller: FakeGatewayController) -> None:
    """The fake controller looks at the object's route once."""
    present = await route(cluster)
    if present is not None and (status := controller.answer(present)) != present.get("status"):
        path = f"{ROUTES.format(cluster.namespace)}/chat/status"
        await cluster.send("PATCH", path, {"status": status}, content=JSON_MERGE)
