"""The pods of every checked-in pair of model and accelerator are taken by the API server."""

import copy

import pytest

from tests.cluster.objects import Cluster, Manifest
from tests.unit.build import sized


@pytest.mark.parametrize(
    "manifest", [pytest.param(built, id=name) for name, built in sized.deployments()]
)
async def test_the_api_server_takes_it(cluster: Cluster, manifest: Manifest) -> None:
    sent = copy.deepcopy(manifest)
    sent["metadata"]["namespace"] = cluster.namespace
    path = f"/apis/apps/v1/namespaces/{cluster.namespace}/deployments"

    stored = await cluster.send("POST", f"{path}?dryRun=All&fieldValidation=Strict", sent)

    engine, wanted = (item["spec"]["template"]["spec"]["containers"][0] for item in (stored, sent))
    assert engine["args"] == wanted["args"]
    assert engine["resources"]["limits"] == wanted["resources"]["limits"]
