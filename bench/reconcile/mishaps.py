"""What happens to an object behind an operator's back."""

from collections.abc import Awaitable, Callable

from bench.reconcile import objects
from bench.reconcile.cluster import Cluster
from bench.reconcile.connection import MERGE, Manifest
from deepseek_operator.kube import resources
from deepseek_operator.kube.resources import Resource

Mishap = Callable[[Cluster, Manifest], Awaitable[None]]


async def create(cluster: Cluster, manifest: Manifest) -> None:
    """A user creates the object, which was not there before."""
    await cluster.create(manifest)


async def edit(cluster: Cluster, manifest: Manifest) -> None:
    """A user asks for another revision."""
    await _patch(
        cluster, resources.DEEPSEEK_DEPLOYMENT, manifest, {"engine": {"args": ["--seed=1"]}}
    )


async def delete_deployment(cluster: Cluster, manifest: Manifest) -> None:
    """Somebody deletes the engine pods' Deployment."""
    await _delete(cluster, resources.DEPLOYMENT, await _deployment_of(cluster, manifest))


async def delete_service(cluster: Cluster, manifest: Manifest) -> None:
    """Somebody deletes the Service that users reach the object by."""
    await _delete(cluster, resources.SERVICE, manifest)


async def scale_by_hand(cluster: Cluster, manifest: Manifest) -> None:
    """Somebody takes the Deployment's pods away."""
    child = await _deployment_of(cluster, manifest)
    await _patch(cluster, resources.DEPLOYMENT, child, {"replicas": 0})


async def create_anew(cluster: Cluster, manifest: Manifest) -> None:
    """A user deletes the object and creates it again at once."""
    await _delete(cluster, resources.DEEPSEEK_DEPLOYMENT, manifest)
    name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
    await cluster.create(objects.deepseek(name, namespace))


async def _deployment_of(cluster: Cluster, manifest: Manifest) -> Manifest:
    metadata = manifest["metadata"]
    found = await cluster.children(metadata["namespace"], metadata["name"])
    return next(child for child in found if child["kind"] == "Deployment")


async def _patch(cluster: Cluster, resource: Resource, manifest: Manifest, spec: Manifest) -> None:
    path = resource.path(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
    await cluster.api.send("PATCH", path, {"spec": spec}, content=MERGE)


async def _delete(cluster: Cluster, resource: Resource, manifest: Manifest) -> None:
    path = resource.path(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
    await cluster.api.send("DELETE", path)
