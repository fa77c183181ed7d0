"""LeaderWorkerSet on the control plane of a test: its kinds, and its real controller with its webhooks.

The API server calls webhooks by URL, as nothing here leads to a Service. A webhook of pods that does not answer stops
every pod of the cluster, so they go before the controller does.
"""

import asyncio
import base64
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import trustme
import yaml

from dev import leader_worker_set, tools
from dev.cluster.layout import free_ports
from tests.cluster.definitions import known
from tests.cluster.objects import Cluster, Manifest, Refused, wait_until

GROUP = "/apis/leaderworkerset.x-k8s.io/v1"
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1"
_NAME = "lws"
_CALLS = (
    ("mutating", "leaderworkerset.x-k8s.io", "leaderworkersets", ("CREATE", "UPDATE")),
    ("validating", "leaderworkerset.x-k8s.io", "leaderworkersets", ("CREATE", "UPDATE")),
    ("mutating", "", "pods", ("CREATE",)),
    ("validating", "", "pods", ("CREATE", "UPDATE")),
)
"""As config/webhook/manifests.yaml of LeaderWorkerSet has them."""


@contextlib.asynccontextmanager
async def kinds(cluster: Cluster) -> AsyncIterator[None]:
    """While it lasts the cluster knows them: the real definitions."""
    files = leader_worker_set.definitions()
    async with known(cluster, files, served=sets_path(cluster), what="LeaderWorkerSet"):
        yield


def sets_path(cluster: Cluster, name: str = "") -> str:
    """Path of LeaderWorkerSets in the test's namespace."""
    return f"{GROUP}/namespaces/{cluster.namespace}/leaderworkersets/{name}".rstrip("/")


async def sets(cluster: Cluster) -> Sequence[Manifest]:
    """The LeaderWorkerSets of the test's namespace."""
    return list((await cluster.send("GET", sets_path(cluster)))["items"])


@contextlib.asynccontextmanager
async def controller(cluster: Cluster, folder: Path) -> AsyncIterator[None]:
    """While it lasts the real controller runs; the kinds have to be there."""
    webhook, health = free_ports(2)
    authority, certificates = trustme.CA(), folder / "lws-certificates"
    certificates.mkdir()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    (certificates / "tls.crt").write_bytes(
        b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    )
    (certificates / "tls.key").write_bytes(issued.private_key_pem.bytes())
    configuration = folder / "lws.yaml"
    configuration.write_text(yaml.safe_dump(settings(certificates, webhook, health)))
    log = folder / "lws.log"
    environment = {**os.environ, "KUBECONFIG": str(cluster.plane.kubeconfig)}
    with log.open("ab") as output:
        program = await asyncio.create_subprocess_exec(
            str(tools.path("lws")),
            f"--config={configuration}",
            stdout=output,
            stderr=output,
            env=environment,
        )
    try:
        await wait_until(lambda: _answers(webhook), what=f"the webhooks answer: {log}", seconds=120)
        await _register(cluster, webhook, authority.cert_pem.bytes())
        yield
    finally:
        for kind in ("mutating", "validating"):
            with contextlib.suppress(Refused):
                await cluster.send("DELETE", f"{_WEBHOOKS}/{kind}webhookconfigurations/{_NAME}")
        with contextlib.suppress(ProcessLookupError):
            program.terminate()
        await program.wait()


def settings(certificates: Path, webhook: int, health: int, *, host: str = "127.0.0.1") -> Manifest:
    """Of the controller: its webhooks answer on that address of the machine."""
    return {
        "apiVersion": "config.lws.x-k8s.io/v1alpha1",
        "kind": "Configuration",
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "metrics": {"bindAddress": "0"},
        "health": {"healthProbeBindAddress": f"127.0.0.1:{health}"},
        "webhook": {"host": host, "port": webhook, "certDir": str(certificates)},
    }


async def _answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()
        return True
    return False


async def _register(cluster: Cluster, port: int, trusted: bytes) -> None:
    for kind in ("mutating", "validating"):
        body = registration(kind, port=port, trusted=trusted)
        await cluster.send("POST", f"{_WEBHOOKS}/{kind}webhookconfigurations", body)


def registration(kind: str, *, port: int, trusted: bytes, host: str = "127.0.0.1") -> Manifest:
    """What has the API server call the controller's webhooks, by URL."""
    hooks = [
        _hook(kind, group, plural, operations, address=f"{host}:{port}", trusted=trusted)
        for its_kind, group, plural, operations in _CALLS
        if its_kind == kind
    ]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind.capitalize()}WebhookConfiguration",
        "metadata": {"name": _NAME},
        "webhooks": hooks,
    }


def _hook(
    kind: str, group: str, plural: str, operations: Sequence[str], *, address: str, trusted: bytes
) -> Manifest:
    verb = {"mutating": "mutate", "validating": "validate"}[kind]
    singular = {"leaderworkersets": "leaderworkerset", "pods": "pod"}[plural]
    path = f"/{verb}-{group.replace('.', '-')}-v1-{singular}"
    return {
        "name": f"{singular}.{verb}.kb.io",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "clientConfig": {
            "url": f"https://{address}{path}",
            "caBundle": base64.b64encode(trusted).decode(),
        },
        "rules": [
            {
                "apiGroups": [group],
                "apiVersions": ["v1"],
                "operations": list(operations),
                "resources": [plural],
            }
        ],
    }
