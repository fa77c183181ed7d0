"""What is read of the cluster's accelerators: when, how much of it, and what where it may not be read."""

from collections.abc import Callable

import pytest

from deepseek_operator import observe_nodes
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.capacity.room import Cluster, free
from deepseek_operator.kube.errors import ApiError, RefusedError
from deepseek_operator.observe import observe
from deepseek_operator.rollout.revisions import target_key
from tests.unit.capacity import machines
from tests.unit.capacity.machines import H200
from tests.unit.capacity.test_devices import BY_RESOURCE, allocated, published
from tests.unit.fake_api import Call, FakeApi
from tests.unit.samples import Manifest, deepseek
from tests.unit.test_observe import EVENTS, LABELS, PODS

NODES = "/api/v1/nodes"
ALL_PODS = "/api/v1/pods"
SLICES = "/apis/resource.k8s.io/v1/resourceslices"
CLAIMS = "/apis/resource.k8s.io/v1/resourceclaims"
CLASSES = "/apis/resource.k8s.io/v1/deviceclasses"
RESOURCE_NAMESPACE = "/apis/resource.k8s.io/v1/namespaces/team/resourceclaims"
AUTOSCALER = "/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status"


def put(api: FakeApi, *manifests: Manifest) -> FakeApi:
    """As the cluster has them."""
    folders = {"Node": NODES, "Pod": PODS, "ResourceSlice": SLICES}
    for each in manifests:
        api.put(f"{folders[each['kind']]}/{each['metadata']['name']}", each)
    return api


async def read(api: FakeApi, *, with_pods: bool = True) -> Cluster:
    return await observe_nodes.read_cluster(api.kube(), with_pods=with_pods)


def asked(api: FakeApi, path: str) -> list[str]:
    """The field selectors of what was listed there."""
    return [call.query.get("fieldSelector", "") for call in api.calls if call.path == path]


async def test_nodes_with_accelerators_and_who_holds_them_are_kept() -> None:
    api = put(
        FakeApi(),
        machines.node("a", labels=H200),
        machines.node("cpu", gpus=None),
        machines.pod("p", on="a", gpus=4),
        machines.pod("web", on="a", gpus=0),
        machines.pod("done", on="a", gpus=4, phase="Succeeded"),
        machines.pod("waits", on=None, gpus=4),
    )

    found = await read(api)

    assert [node.name for node in found.nodes] == ["a"]
    assert [holder.name for holder in found.holders] == ["p"]
    assert free(found) == {"a": 4}
    assert (found.unread, found.grows) == ("", "")


async def test_pods_are_asked_for_by_node_where_these_are_few() -> None:
    api = put(FakeApi(), *(machines.node(name) for name in "ab"))

    await read(api)

    ended = "status.phase!=Succeeded,status.phase!=Failed"
    assert asked(api, ALL_PODS) == [f"spec.nodeName=a,{ended}", f"spec.nodeName=b,{ended}"]


async def test_of_many_nodes_all_pods_with_a_node_are_read_in_pages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(observe_nodes, "FEW_NODES", 1)
    api = put(FakeApi(page_size=2), *(machines.node(name) for name in "abc"))
    put(api, *(machines.pod(f"p{number}", on="a", gpus=1) for number in range(5)))
    put(api, machines.pod("waits", on=None))

    found = await read(api)

    assert len(found.nodes) == 3
    assert free(found)["a"] == 3
    ended = "status.phase!=Succeeded,status.phase!=Failed"
    assert asked(api, ALL_PODS) == [f"spec.nodeName!=,{ended}"] * 3


async def test_who_only_wants_to_know_what_there_is_reads_no_pods() -> None:
    api = put(FakeApi(), machines.node("a"))

    found = await read(api, with_pods=False)

    assert len(found.nodes) == 1
    assert [call.path for call in api.calls] == [SLICES, NODES]


def refusing(path: str, code: str = "403") -> Callable[[Call], str | None]:
    return lambda call: code if call.path == path else None


@pytest.mark.parametrize("path", [NODES, ALL_PODS])
async def test_without_permission_nothing_is_known_and_it_says_so(path: str) -> None:
    api = put(FakeApi(fault=refusing(path)), machines.node("a"))

    found = await read(api)

    assert found == Cluster(
        unread="the operator may not list nodes and pods of the whole cluster (it works in named namespaces)"
    )


@pytest.mark.parametrize(("code", "error"), [("422", RefusedError), ("500", ApiError)])
async def test_another_answer_fails_the_pass(code: str, error: type[Exception]) -> None:
    api = put(FakeApi(fault=refusing(NODES, code)), machines.node("a"))

    with pytest.raises(error):
        await read(api)


async def test_devices_are_read_where_no_plugin_offers_them() -> None:
    api = put(FakeApi(), machines.node("a", gpus=None), published("a"))
    api.put(f"{RESOURCE_NAMESPACE}/c", {**allocated("gpu-0"), "metadata": {"name": "c"}})
    api.put(f"{CLASSES}/g", {**BY_RESOURCE[0], "metadata": {"name": "g"}})

    found = await read(api)

    assert free(found) == {"a": 7}
    assert asked(api, SLICES) == ["spec.driver=gpu.nvidia.com"]


async def test_claims_are_not_read_where_a_plugin_offers_the_same() -> None:
    api = put(FakeApi(), machines.node("a"), published("a"))

    assert free(await read(api)) == {"a": 8}
    assert CLAIMS not in {call.path for call in api.calls}


@pytest.mark.parametrize("code", ["403", "404"])
async def test_a_cluster_without_devices_is_read_without_them(code: str) -> None:
    api = put(FakeApi(fault=refusing(SLICES, code)), machines.node("a"))

    assert free(await read(api)) == {"a": 8}


@pytest.mark.parametrize("code", ["400", "410"])
async def test_an_answer_that_tells_nothing_of_devices_fails_the_pass(code: str) -> None:
    """410: the list changed while it was read, and half of it is not all."""
    api = put(FakeApi(fault=refusing(SLICES, code)), machines.node("a"))

    with pytest.raises(ApiError):
        await read(api)


async def test_who_adds_nodes_is_known_by_their_labels_or_by_the_status_that_it_keeps() -> None:
    karpenter = machines.node("cpu", gpus=None, labels={"karpenter.sh/nodepool": "default"})
    assert (await read(put(FakeApi(), karpenter))).grows == "Karpenter"

    api = put(FakeApi(), machines.node("a"))
    api.put(AUTOSCALER, {"metadata": {"name": "cluster-autoscaler-status"}})
    assert (await read(api)).grows == "the cluster autoscaler"

    api.fault = refusing(AUTOSCALER)
    assert (await read(api)).grows == ""


GPU_SPEC: Manifest = {
    "model": "DeepSeek-R1-Distill-Qwen-7B",
    "source": "pvc://models/7b",
    "accelerator": {"product": "NVIDIA-H200"},
}
OPEN = {**GPU_SPEC, "accelerator": {}}
STORED: Manifest = {"observedGeneration": 1}


async def observed(
    api: FakeApi, deployment: DeepSeekDeployment, stored: Manifest = STORED
) -> Cluster | None:
    api.calls.clear()
    found = await observe(api.kube(), deployment, stored=stored)
    assert (NODES in {call.path for call in api.calls}) is (found.cluster is not None)
    return found.cluster


def serving(key: str = "0123456789", **more: Manifest) -> Manifest:
    return {**STORED, "serving": {"revision": key}, **more}


def put_deployment(api: FakeApi, key: str) -> None:
    metadata = {
        "name": f"chat-{key}",
        "labels": {
            **LABELS,
            "app.kubernetes.io/managed-by": "deepseek-operator",
            "serving.deepseek.dev/revision": key,
        },
        "ownerReferences": [
            {"kind": "DeepSeekDeployment", "name": "chat", "uid": "uid-of-chat", "controller": True}
        ],
    }
    status = {"observedGeneration": 1, "readyReplicas": 1}
    path = f"/apis/apps/v1/namespaces/team/deployments/chat-{key}"
    item = {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": 1}, "status": status}
    api.put(path, item)


RUN: Manifest = {"run": "1-x", "phase": "Starting"}


@pytest.mark.parametrize(
    ("spec", "stored", "is_read"),
    [
        pytest.param(GPU_SPEC, STORED, False, id="the-first-revision"),
        pytest.param(OPEN, STORED, True, id="a-product-to-be-found"),
        pytest.param({**OPEN, "model": "own"}, STORED, False, id="nothing-to-be-derived"),
        pytest.param(GPU_SPEC, serving(), True, id="a-rollout-is-to-begin"),
        pytest.param({**GPU_SPEC, "replicas": 0}, serving(), False, id="nobody-is-to-be-served"),
        pytest.param(
            {**GPU_SPEC, "accelerator": {"kind": "CPU"}}, serving(), False, id="no-accelerators"
        ),
        pytest.param(
            {**GPU_SPEC, "gateway": {}, "rollout": {"strategy": "Canary"}}, serving(), True,
            id="a-run-is-to-begin",
        ),
        pytest.param(
            {**GPU_SPEC, "gateway": {}, "rollout": {"strategy": "Auto"}}, serving(), True,
            id="a-run-is-to-begin-somehow",
        ),
        pytest.param(
            {**OPEN, "accelerator": {"kind": "CPU"}, "gateway": {},
             "fallback": [{"model": "DeepSeek-R1-Distill-Qwen-1.5B"}]},
            STORED, True, id="of-a-fallback",
        ),
        pytest.param(
            {**OPEN, "accelerator": {"kind": "CPU"},
             "rollout": {"from": {"model": "DeepSeek-R1-Distill-Qwen-1.5B"}}},
            STORED, True, id="of-what-comes-first",
        ),
        pytest.param(
            {**OPEN, "accelerator": {"kind": "CPU"},
             "rollout": {"from": {"model": "DeepSeek-R1-Distill-Qwen-1.5B"}}},
            serving(), False, id="of-what-came-first",
        ),
    ],
)  # fmt: skip
async def test_nodes_are_read_where_something_is_decided_by_them(
    spec: Manifest, stored: Manifest, *, is_read: bool
) -> None:
    api = put(FakeApi(), machines.node("a", labels=H200))

    assert (await observed(api, deepseek(**spec), stored) is not None) is is_read


async def test_in_steady_state_no_nodes_are_read() -> None:
    deployment = deepseek(**OPEN)
    api = put(FakeApi(), machines.node("a", labels=H200))
    put_deployment(api, target_key(deployment.spec))

    assert await observed(api, deployment, serving(target_key(deployment.spec))) is None


@pytest.mark.parametrize(
    ("reason", "is_read"),
    [
        pytest.param("WeightsFetching", False, id="its-weights-are-on-their-way"),
        pytest.param("InsufficientAccelerators", True, id="it-waits-for-room"),
    ],
)
async def test_a_rollout_without_pods_is_counted_only_while_it_waits_for_room(
    reason: str, *, is_read: bool
) -> None:
    deployment = deepseek(**GPU_SPEC)
    api = put(FakeApi(), machines.node("a", labels=H200))
    stored = serving(desired={"revision": target_key(deployment.spec)})
    stored["conditions"] = [{"type": "RolledOut", "status": "False", "reason": reason}]

    assert (await observed(api, deployment, stored) is not None) is is_read


async def test_a_rollout_that_has_begun_is_not_counted_again() -> None:
    deployment = deepseek(**GPU_SPEC)
    api = put(FakeApi(), machines.node("a", labels=H200))
    put_deployment(api, target_key(deployment.spec))

    assert await observed(api, deployment, serving()) is None


@pytest.mark.parametrize(("gpus", "is_read"), [(8, True), (0, False)])
async def test_nodes_are_read_while_a_pod_waits_for_accelerators(
    gpus: int, *, is_read: bool
) -> None:
    deployment = deepseek(**GPU_SPEC)
    key = target_key(deployment.spec)
    api = put(FakeApi(), machines.node("a", labels=H200))
    put_deployment(api, key)
    api.objects[f"/apis/apps/v1/namespaces/team/deployments/chat-{key}"]["status"] = {}
    waits = machines.pod("e", on=None, gpus=gpus, labels=LABELS, phase="Pending")
    said = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}
    put(api, {**waits, "status": {"phase": "Pending", "conditions": [said]}})

    found = await observed(api, deployment, serving(key))

    assert (found is not None) is is_read
    assert EVENTS not in {call.path for call in api.calls}
