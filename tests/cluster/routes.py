"""Gateway API on the control plane of a test: its kinds, and whoever answers for routes."""

import contextlib
from collections.abc import AsyncIterator

import yaml

from dev import gateway_api
from tests.cluster.objects import CRD, Cluster, Manifest, Refused, wait_until
from tests.unit.fake_gateway_controller import FakeGatewayController

ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes"
JSON_MERGE = "application/merge-patch+json"


@contextlib.asynccontextmanager
async def kinds(cluster: Cluster) -> AsyncIterator[None]:
    """While it lasts the cluster knows Gateway API: the real definitions, standard channel."""
    definitions = [yaml.safe_load(path.read_text()) for path in gateway_api.definitions()]
    paths = [f"{CRD}/{one['metadata']['name']}" for one in definitions]
    for one in definitions:
        await cluster.send("POST", CRD, one)
    try:
        await wait_until(
            lambda: _are_served(cluster, paths), what="Gateway API is served", seconds=60
        )
        yield
    finally:
        for path in paths:
            await cluster.send("DELETE", path)
        await wait_until(lambda: _are_gone(cluster, paths), what="Gateway API is gone", seconds=120)


async def _are_served(cluster: Cluster, paths: list[str]) -> bool:
    for path in paths:
        found = await cluster.send("GET", path)
        conditions = found.get("status", {}).get("conditions") or []
        if not any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
            return False
    # Established, and yet the paths may be answered 404 for a moment.
    with contextlib.suppress(Refused):
        await cluster.send("GET", ROUTES.format(cluster.namespace))
        return True
    return False


async def _are_gone(cluster: Cluster, paths: list[str]) -> bool:
    for path in paths:
        with contextlib.suppress(Refused):
            await cluster.send("GET", path)
            return False
    with contextlib.suppress(Refused):
        await cluster.send("GET", ROUTES.format(cluster.namespace))
        return False
    return True


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
