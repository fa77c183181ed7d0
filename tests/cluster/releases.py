"""Releases of the chart on a real control plane, and the operator running as their ServiceAccount."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dev.cluster.control_plane import ControlPlane
from tests.chart import rendering
from tests.chart.rendering import CHART, RELEASE, Permission
from tests.cluster.objects import IMAGES, Cluster, Manifest, wait_until


def helm(plane: ControlPlane, *arguments: str, values: Any = None) -> str:
    """Run helm against a control plane; its output."""
    result = rendering.helm("--kubeconfig", str(plane.kubeconfig), *arguments, values=values)
    assert result.returncode == 0, result.stderr
    return result.stdout


def apply_release(
    plane: ControlPlane, namespace: str, *, chart: Path = CHART, **values: Any
) -> str:
    """Install or upgrade a release; nobody runs its pods here."""
    place = ("--namespace", namespace, "--create-namespace")
    values = {"replicas": 0, **values}
    command = ("upgrade", "--install", RELEASE, str(chart), *place, "--values", "-")
    return helm(plane, *command, values=values)


@dataclass(frozen=True)
class Account:
    """A ServiceAccount and a kubeconfig that holds a token of it."""

    namespace: str
    name: str
    kubeconfig: Path

    @property
    def user(self) -> str:
        """Its name at the API server."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"


async def account_of(cluster: Cluster, namespace: str, folder: Path) -> Account:
    """The operator's account of a release."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{RELEASE}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = await cluster.send("POST", path, body)
    config = yaml.safe_load(cluster.plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": answer["status"]["token"]}
    file = folder / f"{namespace}.kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return Account(namespace, RELEASE, file)


async def start_operator(
    account: Account, log: Path, *, module: str = "deepseek_operator", **settings: str
) -> asyncio.subprocess.Process:
    """Start the operator's process as this account; `module` is what runs it."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DSO_")},
        "DSO_VLLM_IMAGE": IMAGES.vllm,
        "DSO_VLLM_CPU_IMAGE": IMAGES.vllm_cpu,
        "DSO_TENSORRT_LLM_IMAGE": IMAGES.tensorrt_llm,
        "DSO_TOOLBOX_IMAGE": IMAGES.toolbox,
        "DSO_GATEWAY_IMAGE": IMAGES.gateway,
        "DSO_KUBECONFIG": str(account.kubeconfig),
        "DSO_LEASE_NAMESPACE": account.namespace,
        "DSO_LEASE_NAME": RELEASE,
        "DSO_HTTP_PORT": "0",
        **settings,
    }
    with log.open("w") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", module,
            env=environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip


@asynccontextmanager
async def running_operator(account: Account, **settings: str) -> AsyncIterator[Path]:
    """The operator's process as this account; the path of its log. It has to stop when told to."""
    log = account.kubeconfig.with_suffix(".log")
    process = await start_operator(account, log, **settings)
    try:
        yield log
        assert process.returncode is None, log.read_text()
    finally:
        if process.returncode is None:
            process.terminate()
        code = await asyncio.wait_for(process.wait(), timeout=30)
    assert code == 0, log.read_text()


def calls_of(plane: ControlPlane, user: str) -> list[Manifest]:
    """Every request of a user, as the API server recorded it."""
    lines = plane.audit_log.read_text().splitlines()
    return [entry for line in lines if (entry := json.loads(line))["user"].get("username") == user]


def forbidden(calls: list[Manifest]) -> list[str]:
    """What was refused for want of a permission; a namespace that ends refuses with 403 too."""
    return [
        f"{entry['verb']} {entry['requestURI']}"
        for entry in calls
        if entry.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid"
    ]


def used(calls: list[Manifest]) -> set[Permission]:
    """The permissions that the calls needed; discovery is open to everybody."""
    return {
        (item.get("apiGroup", ""), _resource(item), entry["verb"])
        for entry in calls
        if (item := entry.get("objectRef", {})).get("resource")
    }


def _resource(item: Manifest) -> str:
    return "/".join(part for part in (item["resource"], item.get("subresource")) if part)


async def wait_for_condition(cluster: Cluster, name: str, kind: str, status: str) -> Manifest:
    """The object, once a condition has this status for its present generation."""
    found: Manifest = {}

    async def holds() -> bool:
        found.update(await cluster.get(name))
        generation = found["metadata"]["generation"]
        return any(
            (item["type"], item["status"], item["observedGeneration"]) == (kind, status, generation)
            for item in found.get("status", {}).get("conditions", ())
        )

    await wait_until(holds, what=f"{name}: {kind}={status}", seconds=60)
    return found
