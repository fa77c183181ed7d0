"""The cluster of a run: a control plane, a user an operator, and nodes that kwok plays."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import yaml

from bench.reconcile.connection import Connection, Manifest, Refused, connected
from deepseek_operator.api import crd, names
from deepseek_operator.kube import resources
from dev.cluster import kubeconfig, pki
from dev.cluster.claims import bound_claim
from dev.cluster.control_plane import ControlPlane
from dev.cluster.fake_nodes import FakeNode
from dev.cluster.pki import Certificate

DRIVER = "bench-driver"
NODES = tuple(FakeNode(f"cpu-{number}") for number in range(12))
"""Room for 3,000 pods, none of which asks for an accelerator."""

CREATED_AT_A_TIME = 8

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_GROUP = "system:masters"
"""Of every user: what is measured is what operators call, not what they may call."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A control plane and the driver's connection to it."""

    plane: ControlPlane
    api: Connection

    def kubeconfig_of(self, user: str, *, server: str | None = None) -> Path:
        """A kubeconfig for a user of its own, so that the audit log tells who called."""
        place = self.plane.layout
        pki.issue_all(place.pki, (Certificate(user, user, _GROUP),))
        text = kubeconfig.render(
            server=server or self.plane.endpoints.server, cluster=user, user=user, pki=place.pki
        )
        file = place.root / f"{user}.kubeconfig"
        kubeconfig.write(file, text)
        return file

    async def until_served(self) -> None:
        """Wait until the API server serves the objects' kind.

        Established is not enough: for a moment more it answers 404, then 429.
        """
        while True:
            try:
                await self.api.send("GET", resources.DEEPSEEK_DEPLOYMENT.path("default"))
            except (Refused, aiohttp.ClientError):
                await asyncio.sleep(0.1)
            else:
                return

    async def add_namespace(self, name: str) -> None:
        """A namespace in which pods can be created."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await self.api.send("POST", "/api/v1/namespaces", body)
        accounts = f"/api/v1/namespaces/{name}/serviceaccounts"
        while not (await self.api.send("GET", accounts))["items"]:  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.05)
        for path, manifest in bound_claim("models", name).items():
            await self.api.send("POST", path, manifest)

    async def create(self, manifest: Manifest) -> Manifest:
        """Create an object."""
        path = resources.DEEPSEEK_DEPLOYMENT.path(manifest["metadata"]["namespace"])
        return await self.api.send("POST", path, manifest)

    async def create_all(self, manifests: Iterable[Manifest]) -> None:
        """Create objects, several at a time."""
        at_a_time = asyncio.Semaphore(CREATED_AT_A_TIME)

        async def create(manifest: Manifest) -> None:
            async with at_a_time:
                await self.create(manifest)

        await asyncio.gather(*map(create, manifests))

    async def children(self, namespace: str, owner: str = "") -> list[Manifest]:
        """What operators created in a namespace, of one object or of all."""
        query = f"?labelSelector={names.DEPLOYMENT_LABEL}={owner}" if owner else ""
        found: list[Manifest] = []
        for resource in resources.CHILDREN:
            page = await self.api.send("GET", resource.path(namespace) + query)
            # Items of a list come without their type.
            kind = {"apiVersion": resource.api_version, "kind": resource.kind}
            found += [{**kind, **item} for item in page["items"]]
        return found


@asynccontextmanager
async def running_cluster() -> AsyncIterator[Cluster]:
    """A new cluster with the CRD, which leaves nothing behind."""
    plane = ControlPlane.temporary()
    try:
        plane.start(NODES)
        pki.issue_all(plane.layout.pki, (Certificate(DRIVER, DRIVER, _GROUP),))
        async with connected(plane.endpoints.server, plane.layout.pki, DRIVER) as api:
            cluster = Cluster(plane, api)
            await api.send("POST", _CRDS, yaml.safe_load(crd.render()))
            await cluster.until_served()
            yield cluster
    finally:
        plane.stop()
