"""Replicas on several nodes with the real controller of LeaderWorkerSet, on nodes that kwok plays."""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from deepseek_operator.api import names
from deepseek_operator.errors import Conflict
from deepseek_operator.kube.client import Kube
from deepseek_operator.reconcile import Key
from dev import tools
from dev.cluster.control_plane import ControlPlane
from dev.cluster.fake_nodes import H20, FakeNode
from tests.cluster import leader_worker_sets
from tests.cluster.objects import JSON_MERGE, Cluster, Manifest, condition, deepseek, wait_until
from tests.cluster.passes import one_pass, settle

pytestmark = pytest.mark.timeout(3600)

NODES = tuple(FakeNode(f"h20-{letter}", H20, 8) for letter in "abcd")
"""Of a product that no other test has nodes of: these groups meet nobody else's pods."""
V3: Manifest = {
    "model": "DeepSeek-V3",
    "accelerator": {"product": "NVIDIA-H20", "count": 16},
}
ALONE: Manifest = {"model": "DeepSeek-V3", "accelerator": {"product": "NVIDIA-H20"}}
STRATEGIC = "application/strategic-merge-patch+json"


@pytest.fixture(scope="session")
def program() -> None:
    """Built where it is not there yet, which takes minutes: `make test` has done it before."""
    tools.install(["lws"])


@pytest.fixture(scope="session")
def nodes(control_plane: ControlPlane) -> None:
    control_plane.add_nodes(NODES)


@pytest.fixture
async def sets(
    cluster: Cluster, tmp_path: Path, program: None, nodes: None
) -> AsyncIterator[Cluster]:
    """A cluster with LeaderWorkerSet, and the namespace's pods gone before the controller is."""
    del program, nodes
    async with (
        leader_worker_sets.kinds(cluster),
        leader_worker_sets.controller(cluster, tmp_path),
    ):
        yield cluster
        for item in (await cluster.send("GET", cluster.path()))["items"]:
            await cluster.send("DELETE", cluster.path(item["metadata"]["name"]))
        await wait_until(lambda: _has_no_pods(cluster), what="every pod is gone", seconds=120)


async def _has_no_pods(cluster: Cluster) -> bool:
    return not await pods(cluster)


def chat(cluster: Cluster, **spec: object) -> Manifest:
    return deepseek("chat", cluster.namespace, **{**V3, **spec})


async def pods(cluster: Cluster) -> dict[str, Manifest]:
    """The object's engine pods by name."""
    found = await cluster.list("api/v1", "pods", f"{names.DEPLOYMENT_LABEL}=chat")
    return {pod["metadata"]["name"]: pod for pod in found}


def placed(found: dict[str, Manifest]) -> list[str]:
    """Names of those that have a node."""
    return sorted(name for name, pod in found.items() if pod["spec"].get("nodeName"))


async def until(
    kube: Kube, cluster: Cluster, what: str, holds: Callable[[dict[str, Manifest]], bool]
) -> dict[str, Manifest]:
    """Pass after pass until the pods are so; these."""
    found: dict[str, Manifest] = {}

    async def is_so() -> bool:
        nonlocal found
        # The controller writes as well: the next pass is of what is there then.
        with contextlib.suppress(Conflict):
            await one_pass(kube, Key(cluster.namespace, "chat"))
        found = await pods(cluster)
        return holds(found)

    await wait_until(is_so, what=what, seconds=120)
    return found


async def test_a_group_serves_and_is_left_alone(sets: Cluster, kube: Kube) -> None:
    await sets.apply(chat(sets))

    await settle(kube, sets, "chat", seconds=180)

    [made] = await leader_worker_sets.sets(sets)
    name = made["metadata"]["name"]
    found = await pods(sets)
    assert sorted(found) == [f"{name}-0", f"{name}-0-1"]
    assert len({pod["spec"]["nodeName"] for pod in found.values()}) == 2
    status = (await sets.get("chat"))["status"]
    assert (status["serving"]["nodes"], status["serving"]["readyReplicas"]) == (2, 1)
    # What the webhooks and the definition add is not ours: nothing is to be written.
    assert (await one_pass(kube, Key(sets.namespace, "chat"))).writes == 0


@pytest.mark.campaign
async def test_a_group_of_the_other_engine_serves_and_is_left_alone(
    sets: Cluster, kube: Kube
) -> None:
    await sets.apply(chat(sets, engine={"name": "tensorrt-llm"}))

    await settle(kube, sets, "chat", seconds=180)

    leader, worker = [pod for _, pod in sorted((await pods(sets)).items())]
    programs = [pod["spec"]["containers"][0]["command"][2] for pod in (leader, worker)]
    assert programs == ["deepseek_serving.ranks.lead", "deepseek_serving.ranks.follow"]
    assert (await sets.get("chat"))["status"]["serving"]["nodes"] == 2
    assert (await one_pass(kube, Key(sets.namespace, "chat"))).writes == 0


@pytest.mark.campaign
async def test_pods_are_told_of_each_other_and_only_the_leader_is_asked(
    sets: Cluster, kube: Kube
) -> None:
    await sets.apply(chat(sets))
    await settle(kube, sets, "chat", seconds=180)

    [leader, worker] = [pod for _, pod in sorted((await pods(sets)).items())]
    name = leader["metadata"]["name"]
    for index, pod in enumerate((leader, worker)):
        containers = (*pod["spec"]["initContainers"], *pod["spec"]["containers"])
        for container in containers:
            given = {one["name"]: one.get("value") for one in container["env"]}
            assert given["LWS_LEADER_ADDRESS"] == f"{name}.{name}.{sets.namespace}"
            assert (given["LWS_GROUP_SIZE"], given["LWS_WORKER_INDEX"]) == ("2", str(index))
    [service] = [
        one
        for one in await sets.list("api/v1", "services")
        if one["metadata"]["name"] == leader["spec"]["subdomain"]
    ]
    assert service["spec"]["publishNotReadyAddresses"] is True

    async def is_alone() -> bool:
        revision = leader["metadata"]["labels"][names.REVISION_LABEL]
        slices = await sets.list(
            "apis/discovery.k8s.io/v1",
            "endpointslices",
            f"kubernetes.io/service-name=chat-{revision}",
        )
        asked = [one["targetRef"]["name"] for part in slices for one in part.get("endpoints") or ()]
        return asked == [name]

    await wait_until(is_alone, what="the Service leads to the leader alone")


@pytest.mark.campaign
@pytest.mark.parametrize("which", ["-0", "-0-1"], ids=["leader", "worker"])
async def test_what_ends_in_a_group_ends_all_of_it(sets: Cluster, kube: Kube, which: str) -> None:
    await sets.apply(chat(sets))
    await settle(kube, sets, "chat", seconds=180)
    before = await pods(sets)
    [made] = await leader_worker_sets.sets(sets)
    name = f"{made['metadata']['name']}{which}"
    statuses = before[name]["status"]["containerStatuses"]
    path = f"/api/v1/namespaces/{sets.namespace}/pods/{name}/status"

    restarted = {"containerStatuses": [{**statuses[0], "restartCount": 1}]}
    await sets.send("PATCH", path, {"status": restarted}, content=STRATEGIC)

    def is_new(found: dict[str, Manifest]) -> bool:
        uids = {pod["metadata"]["uid"] for pod in found.values()}
        return len(uids) == 2 and not uids & {pod["metadata"]["uid"] for pod in before.values()}

    await until(kube, sets, "both pods are new", is_new)
    await settle(kube, sets, "chat", seconds=180)


@pytest.mark.campaign
async def test_groups_come_one_after_another_and_none_is_left_in_halves(
    sets: Cluster, kube: Kube
) -> None:
    """Four nodes have room for two groups of two; three leaders at once would leave room for no worker but one."""
    await sets.apply(chat(sets, replicas=3))

    found = await until(kube, sets, "two groups are whole", lambda found: len(placed(found)) == 4)
    [made] = await leader_worker_sets.sets(sets)
    name = made["metadata"]["name"]

    assert placed(found) == [f"{name}-0", f"{name}-0-1", f"{name}-1", f"{name}-1-1"]
    found = await until(
        kube, sets, "the third waits", lambda found: len(found) == 6 and len(placed(found)) == 4
    )
    status = (await sets.get("chat"))["status"]
    assert condition({"status": status}, "Ready")["status"] == "True"
    assert condition({"status": status}, "RolledOut")["status"] == "False"
    said = condition({"status": status}, "Reconciling")
    assert said["reason"] == "Unschedulable"
    assert "nvidia.com/gpu" in said["message"]


@pytest.mark.campaign
async def test_models_of_other_node_counts_follow_each_other(sets: Cluster, kube: Kube) -> None:
    await sets.apply(deepseek("chat", sets.namespace, **ALONE))
    await settle(kube, sets, "chat", seconds=180)
    assert len(await pods(sets)) == 1

    await sets.apply(chat(sets))
    await settle(kube, sets, "chat", seconds=180)
    await until(kube, sets, "only the group is left", lambda found: len(found) == 2)
    assert not await sets.list("apis/apps/v1", "deployments")

    await sets.apply(deepseek("chat", sets.namespace, **ALONE))
    await settle(kube, sets, "chat", seconds=180)
    await until(kube, sets, "only one pod is left", lambda found: len(found) == 1)
    assert not await leader_worker_sets.sets(sets)


@pytest.mark.campaign
async def test_groups_begin_beside_others_only_where_there_are_whole_nodes_for_all_of_them(
    sets: Cluster, kube: Kube
) -> None:
    """Two of the four nodes are taken: for one group more there is room, and not for two."""
    await sets.apply(chat(sets))
    await settle(kube, sets, "chat", seconds=180)
    before = await pods(sets)
    another = {"engine": {"args": ["--seed=1"]}}

    await sets.apply(chat(sets, replicas=2, **another))
    await settle(kube, sets, "chat", seconds=180)
    held = condition(await sets.get("chat"), "RolledOut")
    assert held["reason"] == "InsufficientAccelerators"
    assert "needs 32 x H20 in nodes of 8; 16 free" in held["message"]
    assert set(await pods(sets)) == set(before)

    await sets.apply(chat(sets, **another))
    await settle(kube, sets, "chat", seconds=180)
    await until(kube, sets, "the new group alone is left", lambda found: len(found) == 2)
    assert not set(await pods(sets)) & set(before)


@pytest.mark.campaign
async def test_scaled_to_zero_it_holds_no_node(sets: Cluster, kube: Kube) -> None:
    await sets.apply(chat(sets))
    await settle(kube, sets, "chat", seconds=180)

    await sets.apply(chat(sets, replicas=0))

    await until(kube, sets, "no pod is left", lambda found: not found)
    assert condition(await sets.get("chat"), "Ready")["reason"] == "ScaledToZero"


@pytest.mark.campaign
async def test_an_edited_set_is_as_it_was(sets: Cluster, kube: Kube) -> None:
    await sets.apply(chat(sets))
    await settle(kube, sets, "chat", seconds=180)
    [made] = await leader_worker_sets.sets(sets)
    path = leader_worker_sets.sets_path(sets, made["metadata"]["name"])
    edited = {"spec": {"leaderWorkerTemplate": {"restartPolicy": "None"}}}

    await sets.send("PATCH", path, edited, content=JSON_MERGE)
    await settle(kube, sets, "chat", seconds=180)

    assert (await sets.send("GET", path))["spec"] == made["spec"]


@pytest.mark.campaign
async def test_a_cluster_that_learns_of_groups_goes_on(
    cluster: Cluster, kube: Kube, tmp_path: Path, program: None, nodes: None
) -> None:
    del program, nodes
    await cluster.apply(chat(cluster))
    key = Key(cluster.namespace, "chat")
    for _ in range(3):
        last = await one_pass(kube, key)
        assert last.requeue_seconds is None or last.requeue_seconds >= 1.0
    stalled = condition(await cluster.get("chat"), "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "LeaderWorkerSetMissing")
    assert "kubectl apply --server-side -f https://" in stalled["message"]

    async with (
        leader_worker_sets.kinds(cluster),
        leader_worker_sets.controller(cluster, tmp_path),
    ):
        await settle(kube, cluster, "chat", seconds=180)
        await cluster.send("DELETE", cluster.path("chat"))
        await wait_until(lambda: _has_no_pods(cluster), what="every pod is gone", seconds=120)
