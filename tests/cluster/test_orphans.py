"""Children that others change the metadata of: whoever labels them, and the garbage collector."""

from typing import Any

import pytest

from deepseek_operator.kube.client import Kube
from tests.cluster.objects import JSON_MERGE, Cluster, Manifest, Refused, deepseek, wait_until
from tests.cluster.passes import settle

REVISIONS = "/apis/apps/v1/namespaces/{}/controllerrevisions"
NAME_LABEL = "app.kubernetes.io/name"


async def served(kube: Kube, cluster: Cluster) -> dict[tuple[str, str], Manifest]:
    """An object `chat` that users are served by, with whatever JSON and YAML quote differently."""
    odd = {"name": "ODD", "value": '<a> & "b": é 1e3 😀\\'}
    manifest = deepseek("chat", cluster.namespace, replicas=2, pod={"env": [odd]})
    await cluster.send("POST", cluster.path(), manifest)
    await settle(kube, cluster, "chat")
    return await cluster.children("chat")


@pytest.mark.parametrize(
    ("body", "content"),
    [
        pytest.param(
            [{"op": "remove", "path": "/metadata/labels/app.kubernetes.io~1name"}],
            "application/json-patch+json",
            id="json patch",
        ),
        pytest.param(
            {"metadata": {"labels": {NAME_LABEL: "mine"}}},
            JSON_MERGE,
            id="merge patch",
        ),
        pytest.param(
            {"metadata": {"labels": {NAME_LABEL: "mine"}}},
            "application/strategic-merge-patch+json",
            id="strategic merge patch",
        ),
    ],
)
async def test_the_labels_of_a_revision_can_be_changed_and_are_repaired(
    kube: Kube, cluster: Cluster, body: Any, content: str
) -> None:
    children = await served(kube, cluster)
    [name] = [name for plural, name in children if plural == "controllerrevisions"]
    path = f"{REVISIONS.format(cluster.namespace)}/{name}"

    await cluster.send("PATCH", path, body, content=content)
    await settle(kube, cluster, "chat")

    before, after = children["controllerrevisions", name], await cluster.send("GET", path)
    assert before["metadata"]["labels"] == after["metadata"]["labels"]
    assert before["metadata"]["uid"] == after["metadata"]["uid"]
    assert before["data"] == after["data"]


async def test_children_left_as_orphans_are_taken_back_and_no_pod_restarts(
    kube: Kube, cluster: Cluster
) -> None:
    before = await served(kube, cluster)
    pods = {item["metadata"]["uid"] for item in await cluster.list("api/v1", "pods")}
    body = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Orphan"}

    await cluster.send("DELETE", cluster.path("chat"), body)
    await wait_until(lambda: _is_gone(cluster), what="the object is gone, its children orphans")

    orphans = await cluster.children("chat")
    assert before.keys() == orphans.keys()
    assert not [item for item in orphans.values() if "ownerReferences" in item["metadata"]]

    after = await served(kube, cluster)
    assert {item["metadata"]["uid"] for item in before.values()} == {
        item["metadata"]["uid"] for item in after.values()
    }
    assert all(item["metadata"]["ownerReferences"] for item in after.values())
    assert pods == {item["metadata"]["uid"] for item in await cluster.list("api/v1", "pods")}


async def _is_gone(cluster: Cluster) -> bool:
    try:
        await cluster.get("chat")
    except Refused as error:
        return error.code == 404
    return False
