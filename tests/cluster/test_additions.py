"""What others add to the pods of children, on a real API server: it merges, and fills in defaults."""

import json

import pytest

from deepseek_operator.kube.client import Kube
from deepseek_operator.reconcile import Key
from tests.cluster.objects import Cluster, Manifest
from tests.cluster.passes import one_pass, settle
from tests.cluster.test_healing import path_of, served

STRATEGIC = "application/strategic-merge-patch+json"

SIDECAR = {"name": "sidecar", "image": "registry.example/sidecar:1"}
OWN_VOLUME = {"name": "own", "emptyDir": {}}
OWN_MOUNT = {"name": "own", "mountPath": "/own"}


@pytest.mark.parametrize("of", ["engine", "gateway"])
@pytest.mark.parametrize(
    "pods",
    [
        pytest.param({"containers": [SIDECAR]}, id="container"),
        pytest.param({"initContainers": [SIDECAR]}, id="init-container"),
        pytest.param(
            {"containers": [{"name": "CONTAINER", "env": [{"name": "X", "value": "1"}]}]},
            id="variable",
        ),
        pytest.param(
            {
                "volumes": [OWN_VOLUME],
                "containers": [
                    {"name": "CONTAINER", "volumeMounts": [OWN_MOUNT]},
                    {**SIDECAR, "volumeMounts": [OWN_MOUNT]},
                ],
            },
            id="volume",
        ),
    ],
)
async def test_what_is_added_to_pods_by_hand_is_taken_away(
    kube: Kube, cluster: Cluster, of: str, pods: Manifest
) -> None:
    """The server merges what an apply lists into what is there: an addition is nothing that it would remove."""
    await served(kube, cluster, replicas=2, gateway={})
    path, before = await deployment_of(cluster, of)
    template = before["spec"]["template"]["spec"]
    text = json.dumps(pods).replace("CONTAINER", template["containers"][0]["name"])
    patch = {"spec": {"template": {"spec": json.loads(text)}}}

    changed = await cluster.send("PATCH", path, patch, content=STRATEGIC)
    assert changed["spec"]["template"]["spec"] != template
    await settle(kube, cluster, "chat")
    repaired = await cluster.send("GET", path)
    await one_pass(kube, Key(cluster.namespace, "chat"))

    assert before["spec"] == repaired["spec"]
    # Pods that roll may change status meanwhile; the child itself is left alone.
    after = await cluster.send("GET", path)
    assert repaired["metadata"]["generation"] == after["metadata"]["generation"]


async def deployment_of(cluster: Cluster, of: str) -> tuple[str, Manifest]:
    [name] = [
        name
        for kind, name in await cluster.children("chat")
        if kind == "deployments" and name.endswith("-gateway") is (of == "gateway")
    ]
    path = path_of(cluster, "deployments", name)
    return path, await cluster.send("GET", path)


async def test_what_is_added_again_and_again_is_left_in_the_end(
    kube: Kube, cluster: Cluster
) -> None:
    """As a controller does it that insists: pods would restart without end."""
    await served(kube, cluster)
    path, _ = await deployment_of(cluster, "engine")
    patch = {"spec": {"template": {"spec": {"containers": [SIDECAR]}}}}

    generations = []
    for _ in range(6):
        await cluster.send("PATCH", path, patch, content=STRATEGIC)
        await settle(kube, cluster, "chat")
        generations.append((await cluster.send("GET", path))["metadata"]["generation"])

    assert generations[-1] == generations[-2]
    assert (await one_pass(kube, Key(cluster.namespace, "chat"))).writes == 0
