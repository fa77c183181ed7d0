"""Clusters in memory with an object as the operator has carried it out, and plans against them."""

import argparse
import json
from pathlib import Path
from typing import Any

from deepseek_operator.cli import __main__ as cli
from deepseek_operator.cli import planning
from tests.unit.capacity import machines
from tests.unit.capacity.machines import H200
from tests.unit.cli.test_planning import OBJECT
from tests.unit.fake_api import FakeApi
from tests.unit.samples import Manifest, deepseek
from tests.unit.test_observe_nodes import put
from tests.unit.world import World, served

OBJECTS = OBJECT.rpartition("/")[0]
V3: Manifest = {
    "model": "DeepSeek-V3",
    "source": "pvc://v3",
    "accelerator": {"product": "NVIDIA-H200"},
    "gateway": {},
}
NODES = ("--accelerators", "24xH200:8", "--diff")

_PLURALS = {
    "ControllerRevision": "apis/apps/v1/{}/controllerrevisions",
    "Deployment": "apis/apps/v1/{}/deployments",
    "Service": "api/v1/{}/services",
    "PodDisruptionBudget": "apis/policy/v1/{}/poddisruptionbudgets",
    "ConfigMap": "api/v1/{}/configmaps",
    "ServiceAccount": "api/v1/{}/serviceaccounts",
    "Role": "apis/rbac.authorization.k8s.io/v1/{}/roles",
    "RoleBinding": "apis/rbac.authorization.k8s.io/v1/{}/rolebindings",
    "PersistentVolumeClaim": "api/v1/{}/persistentvolumeclaims",
    "Job": "apis/batch/v1/{}/jobs",
}


def cluster_of(world: World, given: Manifest, *, nodes: int = 3, **metadata: Any) -> FakeApi:
    """A cluster with the object as the operator has carried it out."""
    api = put(FakeApi(), *(machines.node(f"n{place}", labels=H200) for place in range(nodes)))
    for item in (*world.children.values(), *world.shared.values()):
        folder = _PLURALS[item["kind"]].format("namespaces/team")
        api.put(f"/{folder}/{item['metadata']['name']}", item)
    own = {"name": "chat", "namespace": "team", "uid": "uid-of-chat", **metadata}
    manifest = {"kind": "DeepSeekDeployment", "metadata": own, "spec": given}
    api.put(OBJECT, {**manifest, "status": world.stored})
    return api


def running(given: Manifest, **more: Any) -> FakeApi:
    return cluster_of(served(deepseek(**given)), given, **more)


def empty() -> FakeApi:
    return put(FakeApi(), *(machines.node(f"n{place}", labels=H200) for place in range(3)))


def write(folder: Path, spec: Manifest, **metadata: Any) -> str:
    file = folder / "chat.yaml"
    own = {"name": "chat", **metadata}
    document = {"kind": "DeepSeekDeployment", "metadata": own, "spec": spec}
    file.write_text(json.dumps({"apiVersion": "serving.deepseek.dev/v1alpha1", **document}))
    return str(file)


async def plan(api: FakeApi, file: str, *words: str) -> int:
    before = [word for word in words if word.startswith("--namespace=")]
    rest = [word for word in words if word not in before]
    options: argparse.Namespace = cli.parse([*before, "plan", "-f", file, *rest])
    code = await planning.plan(api.kube(), options, namespace="team")
    assert api.writes() == [], "a plan writes nothing"
    return code
