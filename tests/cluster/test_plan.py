"""kubectl deepseek plan against a real API server: its own words, its own permissions, and nothing written."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deepseek_operator.cli import __main__ as cli
from deepseek_operator.cli import planning
from deepseek_operator.kube import client
from deepseek_operator.kube.client import Kube
from dev.cluster.fake_nodes import H200
from tests.cluster.objects import Cluster, Manifest
from tests.cluster.passes import settle
from tests.cluster.test_accelerators import Room

GIVEN: Manifest = {"model": "DeepSeek-R1-Distill-Qwen-7B", "source": "pvc://models/qwen"}
NAMED = ("--accelerators", "8xH200:8", "--diff")
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture
async def room(cluster: Cluster) -> AsyncIterator[Room]:
    made = Room(cluster)
    await made.add((H200, 8))
    yield made
    await made.remove()


@pytest.fixture
def planned(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """The plan of an object as data, with its exit code."""

    async def made(kube: Kube, manifest: Manifest, *words: str) -> Manifest:
        file = tmp_path / "chat.yaml"
        file.write_text(yaml.safe_dump(manifest))
        options = cli.parse(["plan", "-f", str(file), "-o", "json", *(words or NAMED)])
        code = await planning.plan(kube, options, namespace=cluster.namespace)
        found: Manifest = json.loads(capsys.readouterr().out)
        return {**found, "code": code}

    return made


async def test_what_runs_is_told_as_it_is_and_nothing_is_written(
    kube: Kube, cluster: Cluster, room: Room, planned: Callable[..., Any]
) -> None:
    given = room.asking(1, **GIVEN)
    await cluster.apply(given)
    await settle(kube, cluster, "chat")
    before = await cluster.get("chat")

    same = await planned(kube, given)
    other = await planned(kube, room.asking(1, **GIVEN, replicas=2, quantization="none"))

    assert same["changes"]["spec"] == []
    assert not same["changes"]["newRevision"]
    assert same["admission"] == {"asked": True, "refused": None}
    kept = {one["name"] for one in same["children"]["objects"] if one["action"] == "keep"}
    assert {one["action"] for one in same["children"]["objects"]} == {"keep"}
    assert kept == {name for _, name in await cluster.children("chat")}
    assert [one["field"] for one in other["changes"]["spec"]] == [
        "spec.quantization", "spec.replicas",
    ]  # fmt: skip
    assert other["changes"]["newRevision"]
    assert "let go" in {one["action"] for one in other["children"]["objects"]}
    assert await cluster.get("chat") == before


REFUSED = [
    pytest.param({"servedName": "other"}, "spec.servedName is immutable", id="immutable"),
    pytest.param(
        {"pod": {"env": [{"name": "HOME", "value": "/x"}]}}, "HOME is owned by the operator", id="rule"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), REFUSED)
async def test_what_the_server_refuses_is_told_in_its_words(
    change: Manifest, said: str, kube: Kube, room: Room, planned: Callable[..., Any]
) -> None:
    cluster = room.cluster
    await cluster.apply(room.asking(1, **GIVEN))
    before = await cluster.get("chat")

    found = await planned(kube, room.asking(1, **{**GIVEN, **change}))

    assert said in found["admission"]["refused"]
    assert found["code"] == 1
    assert (await cluster.get("chat"))["spec"] == before["spec"]


async def test_what_the_file_leaves_out_is_judged_as_gone(
    kube: Kube, cluster: Cluster, room: Room, planned: Callable[..., Any]
) -> None:
    """Both would be refused: the number of replicas is set, or derived."""
    await cluster.apply(room.asking(1, **GIVEN, replicas=3))

    found = await planned(kube, room.asking(1, **GIVEN, workload={"requestsPerSecond": 2}))

    assert found["admission"] == {"asked": True, "refused": None}
    assert (await cluster.get("chat"))["spec"]["replicas"] == 3


async def test_a_new_object_in_a_namespace_that_is_not_there_is_refused(
    kube: Kube, room: Room, planned: Callable[..., Any]
) -> None:
    manifest = room.asking(1, **GIVEN)
    manifest["metadata"]["namespace"] = "nowhere"

    found = await planned(kube, manifest)

    assert found["admission"]["refused"].startswith('namespaces "nowhere" not found')
    assert (found["changes"]["exists"], found["code"]) == (False, 1)


async def test_whoever_may_only_look_is_told_what_was_not_asked_and_not_seen(
    kube: Kube, room: Room, planned: Callable[..., Any], tmp_path: Path
) -> None:
    cluster = room.cluster
    given = room.asking(1, **GIVEN)
    await cluster.apply(given)
    await settle(kube, cluster, "chat")
    looking = await _looking(cluster, tmp_path)

    try:
        found = await planned(looking, {**given, "spec": {**given["spec"], "replicas": 2}})
    finally:
        await looking.close()

    assert found["admission"]["asked"] is False
    assert "you may not patch deepseekdeployments" in found["admission"]["notAsked"]
    assert [one["field"] for one in found["changes"]["spec"]] == ["spec.replicas"]
    assert {"Service", "PodDisruptionBudget"} <= set(found["children"]["notListed"])
    assert found["code"] == 0


async def _looking(cluster: Cluster, folder: Path) -> Kube:
    """Somebody who may get DeepSeekDeployments of the namespace, and list what has pods."""
    namespace = f"/api/v1/namespaces/{cluster.namespace}"
    roles = f"{RBAC}/namespaces/{cluster.namespace}"
    await cluster.send(
        "POST",
        f"{namespace}/serviceaccounts",
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "looking"}},
    )
    rules = [
        {"apiGroups": ["serving.deepseek.dev"], "resources": ["deepseekdeployments"], "verbs": ["get"]},
        {"apiGroups": ["apps"], "resources": ["deployments", "controllerrevisions"], "verbs": ["list"]},
    ]  # fmt: skip
    api = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "looking"}}
    await cluster.send("POST", f"{roles}/roles", {**api, "kind": "Role", "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "looking", "namespace": cluster.namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "looking"}
    binding = {**api, "kind": "RoleBinding", "roleRef": role, "subjects": [subject]}
    await cluster.send("POST", f"{roles}/rolebindings", binding)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = await cluster.send("POST", f"{namespace}/serviceaccounts/looking/token", request)
    config = yaml.safe_load(cluster.plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": answer["status"]["token"]}
    file = folder / "looking.kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return Kube(await client.connect(kubeconfig=str(file)), timeout_seconds=10)
