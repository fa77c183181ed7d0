"""The chart's permissions are enough, and no more than the operator uses."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from deepseek_operator.api.serving import Cache
from deepseek_operator.api.sources import FetchedSource
from deepseek_operator.api.types import DeepSeekDeploymentSpec
from deepseek_operator.build.weights import claim_name
from deepseek_operator.rollout.revisions import target_key
from deepseek_operator.wanted import HISTORY_LIMIT
from tests.chart import rendering
from tests.cluster import leader_worker_sets, provoked, releases, routes, strangers
from tests.cluster.objects import (
    CHILD_PATHS,
    JSON_MERGE,
    Cluster,
    Manifest,
    Refused,
    condition,
    wait_until,
)
from tests.cluster.provoked import tiny
from tests.cluster.releases import Account

JSON_PATCH = "application/json-patch+json"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CLAIMS = "api/v1/namespaces/*/persistentvolumeclaims"
JOBS = "apis/batch/v1/namespaces/*/jobs"
NOT_PROVOKED = {
    # Asked for by an admission plugin that is off by default.
    ("serving.deepseek.dev", "deepseekdeployments/finalizers", "update"),
    # Gateways read them, and nobody may grant what he may not do himself.
    *{("discovery.k8s.io", "endpointslices", verb) for verb in ("get", "list", "watch")},
}


QUIETLY: dict[str, Any] = {"crds": {"install": False}, "admission": {"warnings": False}}
"""Nothing that stays when the test has ended, and that other tests of this control plane would meet."""


async def test_the_operator_is_refused_nothing_and_granted_nothing_idle(
    cluster: Cluster, tmp_path: Path
) -> None:
    release = f"{cluster.namespace}-system"
    releases.apply_release(cluster.plane, release, **QUIETLY)
    account = await releases.account_of(cluster, release, tmp_path)

    switched_on = {"DSO_NETWORK_POLICIES": "true", "DSO_POD_MONITORS": "true"}
    async with releases.running_operator(account, **switched_on) as log:
        await _live_through_everything(cluster, account)
    calls = releases.calls_of(cluster.plane, account.user)

    work = await cluster.send("GET", f"{RBAC}/clusterroles/{release}:{rendering.RELEASE}")
    leader = await cluster.send(
        "GET", f"{RBAC}/namespaces/{release}/roles/{rendering.RELEASE}-leader"
    )
    assert not releases.forbidden(calls), log.read_text()
    assert releases.used(calls) == rendering.granted(work, leader) - NOT_PROVOKED
    await cluster.send("DELETE", f"/api/v1/namespaces/{release}")


async def test_named_namespaces_are_enough_and_others_are_left_alone(
    cluster: Cluster, tmp_path: Path
) -> None:
    release = f"{cluster.namespace}-system"
    releases.apply_release(cluster.plane, release, **QUIETLY, watchNamespaces=[cluster.namespace])
    account = await releases.account_of(cluster, release, tmp_path)
    path = f"/apis/serving.deepseek.dev/v1alpha1/namespaces/{release}/deepseekdeployments"
    outside = tiny("outside", release)
    await cluster.send("POST", path, outside)

    async with releases.running_operator(account, DSO_NAMESPACES=cluster.namespace) as log:
        await cluster.apply(tiny("chat", cluster.namespace))
        await releases.wait_for_condition(cluster, "chat", "RolledOut", "True")
    calls = releases.calls_of(cluster.plane, account.user)

    assert not releases.forbidden(calls), log.read_text()
    namespaces = {entry.get("objectRef", {}).get("namespace") for entry in calls}
    assert namespaces == {None, cluster.namespace, release}
    assert "status" not in await cluster.send("GET", f"{path}/outside")
    await cluster.send("DELETE", f"/api/v1/namespaces/{release}")


async def _live_through_everything(cluster: Cluster, account: Account) -> None:
    """What may happen to objects between their first day and their last, in each of its ways."""
    await cluster.apply(tiny("chat", cluster.namespace, replicas=2, warmup={}))
    await cluster.apply(tiny("front", cluster.namespace, gateway={}))
    chat = await releases.wait_for_condition(cluster, "chat", "RolledOut", "True")
    await releases.wait_for_condition(cluster, "front", "RolledOut", "True")
    await asyncio.gather(
        _break_and_repair(cluster, "chat"),
        _break_and_repair(cluster, "front"),
        _take_names(cluster, chat["status"]["serving"]["revision"]),
        _pods_that_fail(cluster),
        _renewed_lease(cluster, account),
        _share_weights(cluster),
        _without_accelerators(cluster),
    )
    await _grow_old(cluster, chat)
    await _do_without_gateway(cluster)
    await _behind_a_route(cluster)
    await _on_several_nodes(cluster)
    await provoked.scraped(cluster)
    await provoked.told_again(cluster)


async def _do_without_gateway(cluster: Cluster) -> None:
    await cluster.apply(tiny("front", cluster.namespace))

    async def gone() -> bool:
        return not any(name == "front-gateway" for _, name in await cluster.children("front"))

    await wait_until(gone, what="nothing of the gateway is left")


_ROUTE = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute"}


async def _behind_a_route(cluster: Cluster) -> None:
    """A route meets a stranger of its name, is made, repaired, and goes with the provider that wanted it."""
    behind = {"provider": "GatewayAPI", "parentRef": {"name": "edge"}}
    edited = {"spec": {"rules": [{"backendRefs": [{"name": "theirs", "port": 80}]}]}}

    async def is_there() -> bool:
        return await routes.route(cluster, "edge") is not None

    async def is_gone() -> bool:
        return not await is_there()

    async with routes.kinds(cluster):
        collection = routes.ROUTES.format(cluster.namespace)
        stranger = {"metadata": {"name": "edge"}, "spec": {"hostnames": ["theirs.example.com"]}}
        await cluster.send("POST", collection, {**_ROUTE, **stranger})
        await cluster.apply(tiny("edge", cluster.namespace, gateway=behind))
        await releases.wait_for_condition(cluster, "edge", "Stalled", "True")
        await cluster.send("DELETE", f"{collection}/edge")
        await wait_until(is_there, what="the route is made", seconds=60)
        made = (await routes.route(cluster, "edge") or {})["spec"]

        async def is_as_made() -> bool:
            return bool((await routes.route(cluster, "edge") or {})["spec"] == made)

        await cluster.send("PATCH", f"{collection}/edge", edited, content=JSON_MERGE)
        await wait_until(is_as_made, what="the route is repaired", seconds=60)
        await cluster.apply(tiny("edge", cluster.namespace))
        await wait_until(is_gone, what="the route is gone", seconds=60)


_NODES: dict[str, Any] = {
    "model": "DeepSeek-V3",
    "accelerator": {"product": "NVIDIA-H200", "count": 16},
}


async def _on_several_nodes(cluster: Cluster) -> None:
    """A LeaderWorkerSet meets a stranger of its name, is made, repaired, and goes with what wanted it."""
    several = tiny("nodes", cluster.namespace, **_NODES)
    key = target_key(DeepSeekDeploymentSpec.model_validate(several["spec"]))
    path = leader_worker_sets.sets_path(cluster, f"nodes-{key}")

    async def found() -> Manifest:
        with contextlib.suppress(Refused):
            return await cluster.send("GET", path)
        return {}

    async def is_there() -> bool:
        return "labels" in (await found()).get("metadata", {})

    async def is_repaired() -> bool:
        return bool((await found())["spec"]["replicas"] == 1)

    async def is_gone() -> bool:
        return not await found()

    async with leader_worker_sets.kinds(cluster):
        collection = leader_worker_sets.sets_path(cluster)
        template = {"workerTemplate": {"spec": {"containers": [{"name": "main"}]}}}
        stranger = {
            "metadata": {"name": f"nodes-{key}"},
            "spec": {"leaderWorkerTemplate": template},
        }
        kind = {"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet"}
        await cluster.send("POST", collection, {**kind, **stranger})
        await cluster.apply(several)
        await releases.wait_for_condition(cluster, "nodes", "Stalled", "True")
        await cluster.send("DELETE", path)
        await wait_until(is_there, what="the LeaderWorkerSet is made", seconds=90)
        await cluster.send("PATCH", path, {"spec": {"replicas": 7}}, content=JSON_MERGE)
        await wait_until(is_repaired, what="the LeaderWorkerSet is repaired", seconds=90)
        await cluster.apply(tiny("nodes", cluster.namespace))
        await wait_until(is_gone, what="the LeaderWorkerSet is gone", seconds=90)


async def _break_and_repair(cluster: Cluster, name: str) -> None:
    service = f"/api/v1/namespaces/{cluster.namespace}/services/{name}"
    before = await cluster.send("GET", service)
    await cluster.send("DELETE", service)

    async def made_again() -> bool:
        children = await cluster.children(name)
        found = children.get(("services", name), before)
        return bool(found["metadata"]["uid"] != before["metadata"]["uid"])

    await wait_until(made_again, what="the Service is made again")
    for (plural, its_name), child in (await cluster.children(name)).items():
        path = f"{_collection(cluster, plural)}/{its_name}"
        labels = child["metadata"]["labels"]
        edited = [{"op": "remove", "path": "/metadata/labels/app.kubernetes.io~1name"}]
        await cluster.send("PATCH", path, edited, content=JSON_PATCH)
        await _wait_for_labels(cluster, path, labels)


async def _wait_for_labels(cluster: Cluster, path: str, labels: dict[str, str]) -> None:
    async def repaired() -> bool:
        return bool((await cluster.send("GET", path))["metadata"]["labels"] == labels)

    await wait_until(repaired, what=f"{path} is repaired")


def _collection(cluster: Cluster, plural: str) -> str:
    [group] = [group for group, known in CHILD_PATHS if known == plural]
    return f"/{group}/namespaces/{cluster.namespace}/{plural}"


async def _take_names(cluster: Cluster, key: str) -> None:
    """Each kind of child meets a stranger of its name once: equal specs have equal revision keys."""
    taken = {
        "a": ("services", strangers.service),
        "b": ("controllerrevisions", strangers.revision),
        "c": ("deployments", strangers.deployment),
        "d": ("poddisruptionbudgets", strangers.budget),
        "e": ("configmaps", strangers.gateways),
        "f": ("serviceaccounts", strangers.gateways),
        "g": ("roles", strangers.gateways),
        "h": ("rolebindings", strangers.binding),
        "i": ("networkpolicies", strangers.policy),
    }
    for name, (plural, build) in taken.items():
        stranger = build(name, f"{name}-{key}")
        await cluster.send("POST", _collection(cluster, plural), stranger)
        gateway = {} if build in (strangers.gateways, strangers.binding) else {"provider": "None"}
        await cluster.apply(tiny(name, cluster.namespace, replicas=2, warmup={}, gateway=gateway))
    for name in taken:
        found = await releases.wait_for_condition(cluster, name, "Stalled", "True")
        assert condition(found, "Stalled")["reason"] == "NameTaken"


async def _share_weights(cluster: Cluster) -> None:
    """Two objects of one source come and go; a third meets strangers of its claim's and Job's names."""
    source = FetchedSource("hf://example/shared")
    for name in ("one", "two"):
        fetched = _fetched(name, cluster.namespace, source)
        await cluster.apply(fetched)
        await _wait_for_owners(cluster, source, {"one", "two"} if name == "two" else {"one"})
    for name, left in (("one", {"two"}), ("two", set[str]())):
        await cluster.apply(tiny(name, cluster.namespace, replicas=0))
        await _wait_for_owners(cluster, source, left)
    for number, plural in enumerate((CLAIMS, JOBS)):
        other = FetchedSource(f"hf://example/taken-{number}")
        claim = claim_name(other, Cache())
        await cluster.send(
            "POST", f"/{plural}".replace("*", cluster.namespace), strangers.stranger(claim)
        )
        await cluster.apply(_fetched(f"taken-{number}", cluster.namespace, other))
        found = await releases.wait_for_condition(cluster, f"taken-{number}", "Stalled", "True")
        assert condition(found, "Stalled")["reason"] == "NameTaken"


def _fetched(name: str, namespace: str, source: FetchedSource) -> Manifest:
    cache = {"size": "1Gi"}
    return tiny(name, namespace, source=source.text, cache=cache, replicas=0)


async def _wait_for_owners(cluster: Cluster, source: FetchedSource, names: set[str]) -> None:
    """Until exactly these objects own the claim and the Job of a source."""
    label = f"serving.deepseek.dev/weights={claim_name(source, Cache())}"

    async def owned() -> bool:
        found = [
            {owner["name"] for owner in item["metadata"]["ownerReferences"]}
            for group, plural in (("api/v1", "persistentvolumeclaims"), ("apis/batch/v1", "jobs"))
            for item in await cluster.list(group, plural, label)
            if "deletionTimestamp" not in item["metadata"]
        ]
        return found == ([names, names] if names else [])

    await wait_until(owned, what=f"{names or 'nobody'} uses the weights")


async def _pods_that_fail(cluster: Cluster) -> None:
    """One whose container ended, so that its log is read; one that waits, so that events are."""
    hold = {"annotations": {"kwok.deepseek.dev/hold": "true"}}
    states = {
        "ended": {"terminated": {"exitCode": 1, "reason": "Error"}},
        "waiting": {"waiting": {"reason": "ContainerCreating"}},
    }
    for name, state in states.items():
        await cluster.apply(tiny(name, cluster.namespace, pod=hold))
        pod = await _pod_of(cluster, name)
        container = {
            "name": "engine", "image": "x", "imageID": "", "ready": False, "restartCount": 0,
            "state": state,
        }  # fmt: skip
        path = f"/api/v1/namespaces/{cluster.namespace}/pods/{pod}/status"
        status = {"status": {"phase": "Pending", "containerStatuses": [container]}}
        await cluster.send("PATCH", path, status, content=JSON_MERGE)


async def _without_accelerators(cluster: Cluster) -> None:
    """A pod that no node has accelerators for, beside a node that only publishes devices."""
    slices = "/apis/resource.k8s.io/v1/resourceslices"
    device = {"name": "gpu-0", "attributes": {"type": {"string": "gpu"}}}
    spec = {
        "driver": "gpu.nvidia.com",
        "nodeName": "cpu-a",
        "pool": {"name": "cpu-a", "generation": 1, "resourceSliceCount": 1},
        "devices": [device],
    }
    await cluster.send("POST", slices, {"metadata": {"name": "cpu-a"}, "spec": spec})
    nowhere = {"product": "NVIDIA-B300-SXM6-AC", "count": 8}
    await cluster.apply(tiny("nowhere", cluster.namespace, accelerator=nowhere))

    async def counted() -> bool:
        ready = condition(await cluster.get("nowhere"), "Ready")
        return "needs 8 x B300 in nodes of 8; " in ready.get("message", "")

    await wait_until(counted, what="what is missing is told", seconds=60)
    await cluster.send("DELETE", f"{slices}/cpu-a")


async def _pod_of(cluster: Cluster, name: str) -> str:
    found: list[str] = []

    async def scheduled() -> bool:
        pods = await cluster.list("api/v1", "pods", f"serving.deepseek.dev/deployment={name}")
        found[:] = [item["metadata"]["name"] for item in pods if item["spec"].get("nodeName")]
        return bool(found)

    await wait_until(scheduled, what=f"a pod of {name} has a node")
    return found[0]


async def _renewed_lease(cluster: Cluster, account: Account) -> None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{account.namespace}/leases/{account.name}"
    before = (await cluster.send("GET", path))["spec"]["renewTime"]

    async def renewed() -> bool:
        return bool(before != (await cluster.send("GET", path))["spec"]["renewTime"])

    await wait_until(renewed, what="the Lease is renewed")


async def _grow_old(cluster: Cluster, chat: Manifest) -> None:
    """A new revision replaces the first, scaled down to one, with more history than is kept."""
    path = _collection(cluster, "controllerrevisions")
    name = f"chat-{chat['status']['serving']['revision']}"
    first = await cluster.send("GET", f"{path}/{name}")
    for number in range(HISTORY_LIMIT + 1):
        await cluster.send("POST", path, _older(first, f"{number:010x}"))
    batching = {"maxConcurrentSequences": 4}
    await cluster.apply(tiny("chat", cluster.namespace, batching=batching, warmup={}))
    await releases.wait_for_condition(cluster, "chat", "RolledOut", "True")

    async def let_go() -> bool:
        kinds = [plural for plural, _ in await cluster.children("chat")]
        return (
            "poddisruptionbudgets" not in kinds
            and kinds.count("deployments") == 1
            and kinds.count("services") == 2  # its own goes after its pods
            and kinds.count("controllerrevisions") == HISTORY_LIMIT + 1
        )

    await wait_until(let_go, what="what nothing wants is deleted")


def _older(revision: Manifest, key: str) -> Manifest:
    metadata = revision["metadata"]
    labels = {**metadata["labels"], "serving.deepseek.dev/revision": key}
    return {
        **revision,
        "metadata": {
            "name": f"chat-{key}",
            "labels": labels,
            "ownerReferences": metadata["ownerReferences"],
        },
        "revision": 0,
    }
