"""Children that are deleted, edited or foreign; revisions that are broken, gone back to, or lost."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from deepseek_operator.kube.client import Kube
from deepseek_operator.reconcile import Key, reconcile
from tests.cluster.objects import (
    IMAGES,
    JSON_MERGE,
    Cluster,
    Manifest,
    condition,
    deepseek,
    wait_until,
)
from tests.cluster.passes import one_pass, settle

HELD = {"annotations": {"kwok.deepseek.dev/hold": "true"}}
"""Pods with this stay as the API server made them: engines that never come up."""

RBAC = "rbac.authorization.k8s.io"

GROUPS = {
    "controllerrevisions": "apis/apps/v1",
    "deployments": "apis/apps/v1",
    "services": "api/v1",
    "poddisruptionbudgets": "apis/policy/v1",
    "configmaps": "api/v1",
    "serviceaccounts": "api/v1",
    "roles": "apis/rbac.authorization.k8s.io/v1",
    "rolebindings": "apis/rbac.authorization.k8s.io/v1",
}


def path_of(cluster: Cluster, plural: str, name: str) -> str:
    return f"/{GROUPS[plural]}/namespaces/{cluster.namespace}/{plural}/{name}"


async def served(kube: Kube, cluster: Cluster, **spec: Any) -> Manifest:
    """An object `chat` that users are served by."""
    await cluster.apply(deepseek("chat", cluster.namespace, **spec))
    await settle(kube, cluster, "chat")
    return await cluster.get("chat")


async def test_every_deleted_child_comes_back(kube: Kube, cluster: Cluster) -> None:
    await served(kube, cluster, replicas=2, gateway={})
    before = await cluster.children("chat")

    for plural, name in before:
        await cluster.send("DELETE", path_of(cluster, plural, name))
    await settle(kube, cluster, "chat")

    after = await cluster.children("chat")
    assert before.keys() == after.keys()
    assert not {item["metadata"]["uid"] for item in before.values()} & {
        item["metadata"]["uid"] for item in after.values()
    }


@pytest.mark.parametrize(
    ("plural", "patch"),
    [
        pytest.param("deployments", {"spec": {"replicas": 7}}, id="replicas"),
        pytest.param("deployments", {"metadata": {"ownerReferences": None}}, id="owner dropped"),
        pytest.param(
            "deployments",
            {"metadata": {"labels": {"app.kubernetes.io/managed-by": "me"}}},
            id="label taken",
        ),
        pytest.param("deployments", {"spec": {"paused": True}}, id="paused"),
        pytest.param("services", {"spec": {"selector": {"app": "mine"}}}, id="selector"),
        pytest.param("poddisruptionbudgets", {"spec": {"maxUnavailable": 2}}, id="budget"),
        pytest.param("configmaps", {"data": {"gateway.json": "{}"}}, id="what a gateway is told"),
        pytest.param("roles", {"rules": []}, id="what a gateway may read"),
        pytest.param("rolebindings", {"subjects": []}, id="who may read it"),
    ],
)
async def test_a_hand_edited_child_is_repaired(
    kube: Kube, cluster: Cluster, plural: str, patch: Manifest
) -> None:
    await served(kube, cluster, replicas=2, gateway={})
    name = next(name for kind, name in await cluster.children("chat") if kind == plural)
    path = path_of(cluster, plural, name)
    before = await cluster.send("GET", path)

    await cluster.send("PATCH", path, patch, content=JSON_MERGE)
    await settle(kube, cluster, "chat")
    await one_pass(kube, Key(cluster.namespace, "chat"))

    after = await cluster.send("GET", path)
    for part in ("labels", "ownerReferences"):
        assert before["metadata"][part] == after["metadata"][part]
    for part in ("spec", "data", "rules", "subjects"):
        assert before.get(part) == after.get(part)
    assert before["metadata"]["uid"] == after["metadata"]["uid"]


def foreign(plural: str, name: str, namespace: str) -> Manifest:
    labels = {"app": "somebody-else"}
    specs: dict[str, Manifest] = {
        "services": {"spec": {"ports": [{"port": 80}], "selector": labels}},
        "deployments": {
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "x", "image": "x"}]},
                },
            }
        },
        "controllerrevisions": {"revision": 7, "data": {"mine": True}},
        "poddisruptionbudgets": {
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}}
        },
        "configmaps": {"data": {"gateway.json": "mine"}},
        "serviceaccounts": {"automountServiceAccountToken": False},
        "roles": {"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]},
        "rolebindings": {
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "mine"},
            "subjects": [{"apiGroup": RBAC, "kind": "User", "name": "alice"}],
        },
    }
    kinds = {
        "services": ("v1", "Service"),
        "deployments": ("apps/v1", "Deployment"),
        "controllerrevisions": ("apps/v1", "ControllerRevision"),
        "poddisruptionbudgets": ("policy/v1", "PodDisruptionBudget"),
        "configmaps": ("v1", "ConfigMap"),
        "serviceaccounts": ("v1", "ServiceAccount"),
        "roles": (f"{RBAC}/v1", "Role"),
        "rolebindings": (f"{RBAC}/v1", "RoleBinding"),
    }
    version, kind = kinds[plural]
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **specs[plural]}


@pytest.mark.parametrize(
    ("plural", "suffix"),
    [
        pytest.param("services", "", id="client service"),
        pytest.param("services", "-revision", id="revision service"),
        pytest.param("deployments", "-revision", id="deployment"),
        pytest.param("controllerrevisions", "-revision", id="controller revision"),
        pytest.param("poddisruptionbudgets", "-revision", id="disruption budget"),
        pytest.param("configmaps", "-gateway", id="what a gateway is told"),
        pytest.param("serviceaccounts", "-gateway", id="who a gateway is"),
        pytest.param("roles", "-gateway", id="what a gateway may read"),
        pytest.param("rolebindings", "-gateway", id="who may read it"),
        pytest.param("deployments", "-gateway", id="gateway"),
        pytest.param("poddisruptionbudgets", "-gateway", id="a gateway's disruption budget"),
    ],
)
async def test_a_foreign_object_of_the_same_name_is_never_touched(
    kube: Kube, cluster: Cluster, plural: str, suffix: str
) -> None:
    key = (await served(kube, cluster))["status"]["serving"]["revision"]
    name = "other" + suffix.replace("revision", key)
    collection = path_of(cluster, plural, "").rstrip("/")
    theirs = await cluster.send("POST", collection, foreign(plural, name, cluster.namespace))

    gateway = {} if suffix == "-gateway" else {"provider": "None"}
    await cluster.apply(deepseek("other", cluster.namespace, replicas=2, gateway=gateway))
    for _ in range(3):
        await one_pass(kube, Key(cluster.namespace, "other"))

    now = await cluster.send("GET", path_of(cluster, plural, name))
    assert theirs["metadata"].get("labels") == now["metadata"].get("labels")
    assert "ownerReferences" not in now["metadata"]
    for part in ("spec", "data", "rules", "subjects", "roleRef", "automountServiceAccountToken"):
        assert theirs.get(part) == now.get(part)
    stalled = condition(await cluster.get("other"), "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "NameTaken")
    assert f"{theirs['kind']} {cluster.namespace}/{name} exists" in stalled["message"]

    await cluster.send("DELETE", path_of(cluster, plural, name))
    await settle(kube, cluster, "other")


async def test_an_unknown_model_stalls_and_what_served_goes_on_serving(
    kube: Kube, cluster: Cluster
) -> None:
    before = (await served(kube, cluster))["status"]["serving"]
    unknown = deepseek("chat", cluster.namespace, model="DeepSeek-R1-Distil-Qwen-7B")
    del unknown["spec"]["source"]

    await cluster.apply(unknown)
    await one_pass(kube, Key(cluster.namespace, "chat"))

    stored = await cluster.get("chat")
    stalled = condition(stored, "Stalled")
    assert stalled["reason"] == "UnknownModel"
    assert "nearest: DeepSeek-R1-Distill-Qwen-7B, " in stalled["message"]
    assert condition(stored, "Ready")["status"] == "True"
    assert before == stored["status"]["serving"]
    assert [before["revision"]] == await revisions_with_pods(cluster)


async def revisions_with_pods(cluster: Cluster) -> list[str]:
    return [
        item["metadata"]["labels"]["serving.deepseek.dev/revision"]
        for (plural, _), item in sorted((await cluster.children("chat")).items())
        if plural == "deployments"
    ]


async def test_a_revision_that_never_comes_up_leaves_the_serving_one_alone(
    kube: Kube, cluster: Cluster
) -> None:
    old = (await served(kube, cluster, replicas=2))["status"]["serving"]["revision"]

    await cluster.apply(deepseek("chat", cluster.namespace, replicas=3, pod=HELD))
    for _ in range(3):
        await one_pass(kube, Key(cluster.namespace, "chat"))

    stored = await cluster.get("chat")
    assert old == stored["status"]["serving"]["revision"]
    assert stored["status"]["serving"]["readyReplicas"] == 2
    assert condition(stored, "Ready")["status"] == "True"
    assert condition(stored, "RolledOut")["status"] == "False"
    service = await cluster.send("GET", path_of(cluster, "services", "chat"))
    assert old == service["spec"]["selector"]["serving.deepseek.dev/revision"]
    assert len(await revisions_with_pods(cluster)) == 2

    await cluster.apply(deepseek("chat", cluster.namespace, replicas=2))
    await settle(kube, cluster, "chat")
    assert [old] == await revisions_with_pods(cluster)


async def test_a_new_revision_takes_over_when_all_its_replicas_answer(
    kube: Kube, cluster: Cluster
) -> None:
    old = (await served(kube, cluster, replicas=3))["status"]["serving"]["revision"]

    await cluster.apply(
        deepseek("chat", cluster.namespace, replicas=2, engine={"args": ["--seed=1"]})
    )
    await settle(kube, cluster, "chat")

    stored = await cluster.get("chat")
    new = stored["status"]["serving"]["revision"]
    assert old != new
    assert [new] == await revisions_with_pods(cluster)
    assert stored["status"]["serving"]["readyReplicas"] == 2


async def test_going_back_brings_the_very_same_pods(kube: Kube, cluster: Cluster) -> None:
    first = await served(kube, cluster)
    revision = first["status"]["serving"]["revision"]
    path = path_of(cluster, "controllerrevisions", f"chat-{revision}")
    frozen = await cluster.send("GET", path)
    await served(kube, cluster, engine={"args": ["--seed=1"]})

    await served(kube, cluster)

    assert revision == (await cluster.get("chat"))["status"]["serving"]["revision"]
    assert frozen["metadata"]["uid"] == (await cluster.send("GET", path))["metadata"]["uid"]


@pytest.mark.parametrize("frozen_lost", [False, True], ids=["kept", "ControllerRevision deleted"])
async def test_an_operator_with_other_images_restarts_no_pod(
    kube: Kube, cluster: Cluster, *, frozen_lost: bool
) -> None:
    revision = (await served(kube, cluster))["status"]["serving"]["revision"]
    pods = {item["metadata"]["uid"] for item in await cluster.list("api/v1", "pods")}
    if frozen_lost:
        path = path_of(cluster, "controllerrevisions", f"chat-{revision}")
        await cluster.send("DELETE", path)
    newer = dataclasses.replace(IMAGES, vllm_cpu="registry.example/vllm-cpu:2", toolbox="t:2")

    for _ in range(3):
        await reconcile(kube, Key(cluster.namespace, "chat"), images=newer, now=datetime.now(UTC))

    assert pods == {item["metadata"]["uid"] for item in await cluster.list("api/v1", "pods")}
    assert len(await cluster.list("apis/apps/v1", "replicasets")) == 1


async def test_the_scale_subresource_sets_the_replicas(kube: Kube, cluster: Cluster) -> None:
    await served(kube, cluster)
    scale = await cluster.send("GET", cluster.path("chat") + "/scale")
    assert scale["status"]["replicas"] == 1
    assert "serving.deepseek.dev/revision=" in scale["status"]["selector"]

    body = {"spec": {"replicas": 3}}
    await cluster.send("PATCH", cluster.path("chat") + "/scale", body, content=JSON_MERGE)
    await settle(kube, cluster, "chat")

    stored = await cluster.get("chat")
    assert stored["status"]["replicas"] == 3
    assert condition(stored, "Ready")["message"] == "3 of 3 replicas of tiny answer"


async def test_zero_replicas_serve_nobody_and_say_so(kube: Kube, cluster: Cluster) -> None:
    await served(kube, cluster)

    await cluster.apply(deepseek("chat", cluster.namespace, replicas=0))
    key = Key(cluster.namespace, "chat")

    async def says_so() -> bool:
        await one_pass(kube, key)
        ready = condition(await cluster.get("chat"), "Ready")
        return (ready["status"], ready["reason"]) == ("False", "ScaledToZero")

    await wait_until(says_so, what="Ready=False ScaledToZero")


async def test_pods_refused_by_a_quota_are_named(kube: Kube, cluster: Cluster) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": cluster.namespace},
        "spec": {"hard": {"pods": "0"}},
    }
    await cluster.send("POST", f"/api/v1/namespaces/{cluster.namespace}/resourcequotas", quota)
    await cluster.apply(deepseek("chat", cluster.namespace))
    key = Key(cluster.namespace, "chat")

    async def named() -> bool:
        await one_pass(kube, key)
        ready = condition(await cluster.get("chat"), "Ready")
        return ready["reason"] == "PodsRefused" and "exceeded quota: none" in ready["message"]

    await wait_until(named, what="the quota is named as the cause")


@pytest.mark.parametrize(
    ("spec", "reason", "said"),
    [
        pytest.param(
            {"source": "pvc://missing/tiny"},
            "Unschedulable",
            'persistentvolumeclaim "missing" not found',
            id="PVC missing",
        ),
        pytest.param(
            {"accelerator": {"product": "NVIDIA-B300", "count": 8}},
            "Unschedulable",
            "node affinity/selector",
            id="no such GPU",
        ),
        pytest.param(
            {"accelerator": {"product": "NVIDIA-L40S", "count": 16}},
            "Unschedulable",
            "Insufficient nvidia.com/gpu",
            id="too few GPUs",
        ),
        pytest.param(
            {"pod": {"priorityClassName": "none-such"}},
            "PodsRefused",
            "no PriorityClass with name none-such",
            id="no such priority class",
        ),
        pytest.param(
            # The schema has the fields; what their values mean together only the API of pods knows.
            {
                "pod": {
                    "affinity": {
                        "nodeAffinity": {
                            "preferredDuringSchedulingIgnoredDuringExecution": [
                                {
                                    "weight": 1,
                                    "preference": {
                                        "matchExpressions": [{"key": "disk", "operator": "In"}]
                                    },
                                }
                            ]
                        }
                    }
                }
            },
            "RefusedByServer",
            "must be specified when `operator` is 'In' or 'NotIn'",
            id="affinity without values",
        ),
    ],
)
async def test_what_keeps_pods_from_a_node_is_in_the_ready_condition(
    kube: Kube, cluster: Cluster, spec: Manifest, reason: str, said: str
) -> None:
    await cluster.apply(deepseek("chat", cluster.namespace, **spec))
    key = Key(cluster.namespace, "chat")

    async def named() -> bool:
        await one_pass(kube, key)
        ready = condition(await cluster.get("chat"), "Ready")
        return ready["reason"] == reason and said in ready["message"]

    try:
        await wait_until(named, what=f"{reason}: {said}", seconds=15)
    except AssertionError:
        raise AssertionError(condition(await cluster.get("chat"), "Ready")) from None
