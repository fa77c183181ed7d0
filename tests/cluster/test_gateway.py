"""A gateway's agent on a real API server, as its own ServiceAccount, with a real Envoy beside it."""

import asyncio
import base64
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from deepseek_operator.kube.client import Kube
from deepseek_serving.gateway.bootstrap import bootstrap
from dev.cluster.layout import free_ports
from tests.cluster import releases
from tests.cluster.objects import JSON_MERGE, Cluster, Manifest, Refused, deepseek, wait_until
from tests.cluster.passes import settle
from tests.gateway.rig import envoy_binary


@dataclass
class Pod:
    """An agent and an Envoy, as the processes of one gateway pod."""

    cluster: Cluster
    folder: Path
    ports: dict[str, int]
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    async def start_agent(self) -> None:
        """With what a pod of the object would have."""
        await self._start(
            "agent",
            sys.executable,
            *("-m", "deepseek_serving.gateway"),
            f"--namespace={self.cluster.namespace}",
            "--config-map=chat-gateway",
            "--deployment=chat",
            f"--state={self.folder}",
            f"--http-port={self.ports['http']}",
            f"--ads-port={self.ports['ads']}",
            f"--admin-port={self.ports['admin']}",
            f"--client-port={self.ports['client']}",
            f"--api-server={server_of(self.cluster)}",
            f"--token-file={self.folder / 'token'}",
            f"--ca-file={self.folder / 'ca.crt'}",
        )

    async def start_envoy(self) -> None:
        """The real one."""
        configuration = bootstrap(
            admin_port=self.ports["admin"],
            ads_port=self.ports["ads"],
            probe_port=self.ports["probe"],
        )
        await self._start(
            "envoy",
            str(envoy_binary()),
            *("--config-yaml", json.dumps(configuration)),
            *("--service-node", "one"),
            *("--concurrency", "1"),
            *("--log-level", "warning"),
            "--disable-hot-restart",
        )

    async def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = await asyncio.create_subprocess_exec(
                *command, stdout=log, stderr=log, env=dict(os.environ)
            )

    async def kill(self, name: str) -> None:
        """SIGKILL."""
        process = self.processes.pop(name)
        process.kill()
        await process.wait()

    async def report(self) -> Manifest | None:
        """What the agent says, if it answers."""
        url = f"http://127.0.0.1:{self.ports['http']}/report"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                found: Manifest = await response.json()
                return found
        except (OSError, aiohttp.ClientError):
            return None

    async def wait_for(self, what: str, **expected: Any) -> None:
        """Until the report says all of this."""

        async def says() -> bool:
            report = await self.report()
            return report is not None and expected.items() <= report.items()

        await wait_until(says, what=f"{what}: {await self.report()}")


def server_of(cluster: Cluster) -> str:
    """The API server's URL."""
    config = yaml.safe_load(cluster.plane.kubeconfig.read_text())
    return str(config["clusters"][0]["cluster"]["server"])


def authority_of(cluster: Cluster) -> bytes:
    """The certificate of who signs for it."""
    config = yaml.safe_load(cluster.plane.kubeconfig.read_text())["clusters"][0]["cluster"]
    if "certificate-authority-data" in config:
        return base64.b64decode(config["certificate-authority-data"])
    return Path(config["certificate-authority"]).read_bytes()


async def told(cluster: Cluster) -> str:
    """Version of what the operator says."""
    path = f"/api/v1/namespaces/{cluster.namespace}/configmaps/chat-gateway"
    found = await cluster.send("GET", path)
    return str(json.loads(found["data"]["gateway.json"])["version"])


@pytest.fixture
async def pod(cluster: Cluster, kube: Kube, tmp_path: Path) -> AsyncIterator[Pod]:
    """A gateway pod of an object that is served."""
    await cluster.apply(deepseek("chat", cluster.namespace, replicas=2, gateway={}))
    await settle(kube, cluster, "chat")
    accounts = f"/api/v1/namespaces/{cluster.namespace}/serviceaccounts/chat-gateway"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    granted = await cluster.send("POST", f"{accounts}/token", asked)
    (tmp_path / "token").write_text(granted["status"]["token"])
    (tmp_path / "ca.crt").write_bytes(authority_of(cluster))
    names = ["http", "ads", "admin", "client", "probe"]
    ports: dict[str, int] = dict(zip(names, free_ports(len(names)), strict=True))
    made = Pod(cluster, tmp_path, ports)
    await made.start_agent()
    await made.start_envoy()
    yield made
    for name in list(made.processes):
        with contextlib.suppress(ProcessLookupError):
            await made.kill(name)


async def test_it_follows_the_operator_and_the_pods_with_what_it_may_read(
    cluster: Cluster, kube: Kube, pod: Pod
) -> None:
    key = (await cluster.get("chat"))["status"]["serving"]["revision"]
    await pod.wait_for("it follows", taken=await told(cluster), pods={key: 2}, watching=True)

    await cluster.apply(deepseek("chat", cluster.namespace, replicas=3, gateway={"pinning": True}))
    await settle(kube, cluster, "chat")
    await pod.wait_for("it follows the change", taken=await told(cluster), pods={key: 3})

    user = f"system:serviceaccount:{cluster.namespace}:chat-gateway"
    assert not releases.forbidden(releases.calls_of(cluster.plane, user))


async def test_it_may_read_nothing_else(cluster: Cluster, pod: Pod) -> None:
    token = (pod.folder / "token").read_text()
    refused = []
    for path in ("secrets", "configmaps", "pods", "configmaps/kube-root-ca.crt"):
        url = f"{server_of(cluster)}/api/v1/namespaces/{cluster.namespace}/{path}"
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession() as session,
            session.get(url, headers=headers, ssl=False) as response,
        ):
            refused.append(response.status)

    assert refused == [403, 403, 403, 403]


async def test_what_is_deleted_by_hand_changes_nothing_until_the_operator_says_so(
    cluster: Cluster, pod: Pod
) -> None:
    version = await told(cluster)
    key = (await cluster.get("chat"))["status"]["serving"]["revision"]
    await pod.wait_for("it follows", taken=version)

    await cluster.send("DELETE", f"/api/v1/namespaces/{cluster.namespace}/configmaps/chat-gateway")
    deployments = f"/apis/apps/v1/namespaces/{cluster.namespace}/deployments"
    await cluster.send(
        "PATCH", f"{deployments}/chat-{key}", {"spec": {"replicas": 3}}, content=JSON_MERGE
    )

    await pod.wait_for("it goes on, and sees pods come", taken=version, pods={key: 3})


async def test_an_api_server_that_was_away_is_met_again(
    cluster: Cluster, kube: Kube, pod: Pod
) -> None:
    version = await told(cluster)
    await pod.wait_for("it follows", taken=version)
    await pod.kill("agent")
    await asyncio.to_thread(cluster.plane.restart_apiserver)
    await pod.start_agent()
    await pod.wait_for("it serves what it knew", taken=version)

    await cluster.apply(deepseek("chat", cluster.namespace, replicas=2, gateway={"pinning": True}))
    await settle(kube, cluster, "chat")

    await pod.wait_for("it follows again", taken=await told(cluster), watching=True)


async def test_names_of_gateways_are_kept_for_gateways(cluster: Cluster) -> None:
    with pytest.raises(Refused, match="may not end in '-gateway'"):
        await cluster.apply(deepseek("chat-gateway", cluster.namespace))
