"""Reading the cluster's accelerators: nodes, the pods that hold accelerators, and devices where drivers publish them.

Only what the pure rooms need of each object is kept, page by page: a cluster has more pods than an operator has memory.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from deepseek_operator.capacity import devices, holders, nodes
from deepseek_operator.capacity.holders import Holder
from deepseek_operator.capacity.nodes import Node
from deepseek_operator.capacity.room import Cluster
from deepseek_operator.kube import resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.kube.errors import ApiError, NotFoundError, RefusedError
from deepseek_operator.kube.resources import Resource
from deepseek_operator.observed import Manifest

FEW_NODES = 32
"""With at most so many accelerator nodes their pods are asked for by node, which the API server has an index of; with more all
pods of the cluster are read."""

_RUNNING = ("status.phase!=Succeeded", "status.phase!=Failed")

_AUTOSCALER = ("kube-system", "cluster-autoscaler-status")
"""The ConfigMap that the cluster autoscaler keeps (kubernetes/autoscaler, clusterstate/utils/status.go)."""


async def read_cluster(kube: Kube, *, with_pods: bool) -> Cluster:
    """The nodes with accelerators, and who holds them; where they may not be read, why nothing is known."""
    try:
        cluster, published = await _nodes(kube)
        if with_pods:
            cluster = replace(cluster, holders=await _holders(kube, cluster.nodes))
    except RefusedError as error:
        if error.code != 403:
            raise
        return Cluster(
            unread="the operator may not list nodes and pods of the whole cluster (it works in named namespaces)"
        )
    cluster = await _with_devices(kube, cluster, published)
    if with_pods and not cluster.grows:
        cluster = replace(cluster, grows=await _autoscaler(kube))
    return cluster


async def _nodes(kube: Kube) -> tuple[Cluster, list[Manifest]]:
    published = await _all_of(kube, resources.RESOURCE_SLICE, f"spec.driver={devices.DRIVER}")
    with_devices = devices.nodes_of(published)
    found: list[Node] = []
    grows = ""
    async for page in kube.pages(resources.NODE, None):
        for manifest in page:
            name = manifest["metadata"]["name"]
            node = nodes.node_of(manifest, has_devices=name in with_devices)
            if node is not None:
                found.append(node)
            if nodes.is_made_on_demand(manifest):
                grows = "Karpenter"
    return Cluster(nodes=tuple(found), grows=grows), published


async def _holders(kube: Kube, among: Sequence[Node]) -> tuple[Holder, ...]:
    if len(among) <= FEW_NODES:
        terms = [(f"spec.nodeName={node.name}", *_RUNNING) for node in among]
    else:
        terms = [("spec.nodeName!=", *_RUNNING)]
    found = await asyncio.gather(*(_holders_of(kube, each) for each in terms))
    return tuple(holder for part in found for holder in part)


async def _holders_of(kube: Kube, terms: Sequence[str]) -> list[Holder]:
    kept = []
    async for page in kube.pages(resources.POD, None, fields=terms):
        kept += [holder for pod in page if (holder := holders.holder_of(pod)) is not None]
    return kept


async def _with_devices(kube: Kube, cluster: Cluster, published: list[Manifest]) -> Cluster:
    """With devices that no plugin offers as a resource too."""
    names = devices.nodes_of(published)
    if not any(node.name in names and not node.accelerators for node in cluster.nodes):
        return cluster
    claims, classes = await asyncio.gather(
        _all_of(kube, resources.RESOURCE_CLAIM), _all_of(kube, resources.DEVICE_CLASS)
    )
    return devices.with_devices(cluster, devices.devices_of(published, claims, classes))


async def _all_of(kube: Kube, resource: Resource, *terms: str) -> list[Manifest]:
    """All of a kind; none where the cluster does not serve it, or the operator's permissions are older than this."""
    pages: AsyncIterator[list[Manifest]] = kube.pages(resource, None, fields=terms)
    try:
        return [item async for page in pages for item in page]
    except (NotFoundError, RefusedError) as error:
        if error.code not in (403, 404):
            raise
        return []


async def _autoscaler(kube: Kube) -> str:
    try:
        found = await kube.get(resources.CONFIG_MAP, *_AUTOSCALER)
    except ApiError:
        return ""
    return "" if found is None else "the cluster autoscaler"
