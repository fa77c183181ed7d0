"""A real control plane for the tests below: etcd, API server, controllers; kwok plays the kubelets."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import yaml

from deepseek_operator.api import crd
from deepseek_operator.kube import client
from dev.cluster.claims import bound_claim
from dev.cluster.control_plane import ControlPlane
from tests.cluster.objects import CRD, NAMESPACE, Cluster, wait_until


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    with ControlPlane.temporary() as plane:
        asyncio.run(_install_crd(plane))
        yield plane


async def _install_crd(plane: ControlPlane) -> None:
    cluster = await Cluster.connect(plane)
    try:
        await cluster.send("POST", CRD, yaml.safe_load(crd.render()))
        path = f"{CRD}/deepseekdeployments.serving.deepseek.dev"

        async def established() -> bool:
            found = await cluster.send("GET", path)
            conditions = found.get("status", {}).get("conditions") or []
            return any(
                item["type"] == "Established" and item["status"] == "True" for item in conditions
            )

        await wait_until(established, what="the CRD is established")
    finally:
        await cluster.close()


@pytest.fixture
async def cluster(control_plane: ControlPlane) -> AsyncIterator[Cluster]:
    """The administrator's connection, with a namespace of the test's own."""
    namespace = f"t-{uuid.uuid4().hex[:8]}"
    connected = await Cluster.connect(control_plane, namespace=namespace)
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    await connected.send("POST", NAMESPACE, body)
    for path, manifest in bound_claim("models", namespace).items():
        await connected.send("POST", path, manifest)
    yield connected
    await connected.send("DELETE", f"{NAMESPACE}/{namespace}")
    await connected.close()


@pytest.fixture
async def kube(cluster: Cluster) -> AsyncIterator[client.Kube]:
    """The operator's own client, as the administrator."""
    api = await client.connect(kubeconfig=str(cluster.plane.kubeconfig))
    connected = client.Kube(api, timeout_seconds=10)
    yield connected
    await connected.close()
