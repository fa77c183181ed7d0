"""The children of every checked-in pair of model, accelerator and engine are taken by the API server."""

import copy

import pytest

from tests.cluster import leader_worker_sets
from tests.cluster.objects import Cluster, Manifest
from tests.unit.build import sized
from tests.unit.build.sized import PAIRS, Pair

PLACES = {
    "ControllerRevision": "/apis/apps/v1/namespaces/{}/controllerrevisions",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "LeaderWorkerSet": f"{leader_worker_sets.GROUP}/namespaces/{{}}/leaderworkersets",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "Service": "/api/v1/namespaces/{}/services",
}

ALONE = [pair for pair in PAIRS if not sized.has_group(pair)]
GROUPS = [pair for pair in PAIRS if sized.has_group(pair)]


async def takes(cluster: Cluster, pair: Pair) -> None:
    """Each child of a pair is created, but for being kept, as it was sent."""
    for child in sized.children(pair):
        sent: Manifest = copy.deepcopy(child)
        sent["metadata"]["namespace"] = cluster.namespace
        path = PLACES[child["kind"]].format(cluster.namespace)

        stored = await cluster.send("POST", f"{path}?dryRun=All&fieldValidation=Strict", sent)

        assert stored["kind"] == child["kind"]
        for engine, wanted in zip(engines(stored), engines(sent), strict=True):
            assert engine["args"] == wanted["args"]
            assert engine["resources"]["limits"] == wanted["resources"]["limits"]


def engines(manifest: Manifest) -> list[Manifest]:
    """The engine's container of each kind of pods that are made of it."""
    spec = manifest.get("spec", {})
    group = spec.get("leaderWorkerTemplate", {})
    templates = [spec.get("template"), group.get("leaderTemplate"), group.get("workerTemplate")]
    containers = (one for found in templates if found for one in found["spec"]["containers"])
    return [one for one in containers if one["name"] == "engine"]


@pytest.mark.parametrize("pair", [pytest.param(pair, id=str(pair)) for pair in ALONE])
async def test_the_api_server_takes_every_child(cluster: Cluster, pair: Pair) -> None:
    await takes(cluster, pair)


async def test_it_takes_those_of_replicas_on_several_nodes(cluster: Cluster) -> None:
    async with leader_worker_sets.kinds(cluster):
        for pair in GROUPS:
            await takes(cluster, pair)
