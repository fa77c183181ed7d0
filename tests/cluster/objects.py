"""What the cluster tests share: a plain connection, objects to apply, and waiting."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import aiohttp

from deepseek_operator.api import names
from deepseek_operator.api.serving import Cache
from deepseek_operator.api.sources import FetchedSource
from deepseek_operator.build.weights import claim_name
from deepseek_operator.engines.contract import EngineImages
from deepseek_operator.kube import client
from dev.cluster.claims import bound_claim
from dev.cluster.control_plane import ControlPlane

Manifest = dict[str, Any]

NAMESPACE = "/api/v1/namespaces"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
JSON_MERGE = "application/merge-patch+json"
API = "/apis/serving.deepseek.dev/v1alpha1"

IMAGES = EngineImages(
    vllm="registry.example/vllm:1", vllm_cpu="registry.example/vllm-cpu:1",
    tensorrt_llm="registry.example/tensorrt-llm:1",
    toolbox="registry.example/toolbox:1",
    gateway="registry.example/gateway:1",
)  # fmt: skip

CHILD_PATHS = (
    ("apis/apps/v1", "controllerrevisions"),
    ("apis/apps/v1", "deployments"),
    ("api/v1", "services"),
    ("apis/policy/v1", "poddisruptionbudgets"),
    ("api/v1", "configmaps"),
    ("api/v1", "serviceaccounts"),
    ("apis/rbac.authorization.k8s.io/v1", "roles"),
    ("apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    ("apis/networking.k8s.io/v1", "networkpolicies"),
)


GOOD: Manifest = {"model": "DeepSeek-R1-Distill-Qwen-7B"}
"""The least that is served."""


def spec(**fields: Any) -> Manifest:
    """The least that is served, with more fields or others."""
    return {**GOOD, **fields}


def deepseek(name: str, namespace: str, **spec: Any) -> Manifest:
    """An object that serves a small model on CPU, cold and without a gateway; `spec` adds or replaces."""
    return {
        "apiVersion": "serving.deepseek.dev/v1alpha1",
        "kind": "DeepSeekDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "model": "tiny",
            "source": "pvc://models/tiny",
            "accelerator": {"kind": "CPU"},
            "warmup": {"enabled": False},
            "gateway": {"provider": "None"},
            **spec,
        },
    }


def filled_claim(source: str, namespace: str) -> dict[str, Manifest]:
    """By the path where each is created: a volume and a claim that holds the weights of a source.

    Nothing here provides volumes, so a claim that the operator makes would wait for ever; this one it finds
    and shares.
    """
    fetched = FetchedSource(source)
    name = claim_name(fetched, Cache())
    found = bound_claim(name, namespace)
    for manifest in found.values():
        if manifest["kind"] == "PersistentVolumeClaim":
            manifest["metadata"] |= {
                "labels": {names.MANAGED_BY_LABEL: names.MANAGED_BY, names.WEIGHTS_LABEL: name},
                "annotations": {
                    names.SOURCE_ANNOTATION: source,
                    names.COMPLETE_ANNOTATION: "2026-03-01T12:00:00Z",
                },
            }
    return found


class Refused(Exception):  # noqa: N818 - an answer
    """The API server said no; the text is its message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def _message(text: str) -> str:
    """Of an answer that is no success; of a group that the server does not know it is plain text."""
    try:
        return str(json.loads(text).get("message"))
    except ValueError:
        return text


@dataclass
class Cluster:
    """A plain JSON connection to the API server, independent of the operator's client."""

    plane: ControlPlane
    session: aiohttp.ClientSession
    server: str
    namespace: str

    @classmethod
    async def connect(cls, plane: ControlPlane, *, namespace: str = "default") -> Self:
        """Connect as the administrator."""
        api = await client.connect(kubeconfig=str(plane.kubeconfig))
        server, ssl = api.configuration.host, api.rest_client.ssl_context
        await api.close()
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=ssl))
        return cls(plane, session, server, namespace)

    async def close(self) -> None:
        """Close the connection."""
        await self.session.close()

    async def send(
        self, method: str, path: str, body: Any = None, *, content: str = "application/json"
    ) -> Manifest:
        """One request; Refused with the server's message for anything but success."""
        data = None if body is None else json.dumps(body)
        async with self.session.request(
            method, self.server + path, data=data, headers={"Content-Type": content}
        ) as response:
            text = await response.text()
            if response.status >= 300:
                raise Refused(response.status, _message(text))
            return dict(json.loads(text))

    def path(self, name: str = "") -> str:
        """Path of DeepSeekDeployments in the test's namespace."""
        return f"{API}/namespaces/{self.namespace}/deepseekdeployments/{name}".rstrip("/")

    async def apply(self, manifest: Manifest) -> Manifest:
        """Server-side apply, as `kubectl apply --server-side` does it, strict about fields."""
        path = self.path(manifest["metadata"]["name"])
        query = "?fieldManager=user&fieldValidation=Strict&force=true"
        return await self.send(
            "PATCH", path + query, manifest, content="application/apply-patch+yaml"
        )

    async def get(self, name: str) -> Manifest:
        """The object as stored."""
        return await self.send("GET", self.path(name))

    async def list(self, group: str, plural: str, selector: str = "") -> Sequence[Manifest]:
        """Objects of a kind in the test's namespace."""
        query = f"?labelSelector={selector}" if selector else ""
        path = f"/{group}/namespaces/{self.namespace}/{plural}{query}"
        return list((await self.send("GET", path))["items"])

    async def children(self, name: str) -> dict[tuple[str, str], Manifest]:
        """Every child of an object, by plural and name."""
        selector = f"serving.deepseek.dev/deployment={name}"
        return {
            (plural, item["metadata"]["name"]): item
            for group, plural in CHILD_PATHS
            for item in await self.list(group, plural, selector)
        }


def condition(manifest: Manifest, kind: str) -> Manifest:
    """A condition of an object, empty where it has none."""
    for item in manifest.get("status", {}).get("conditions", []):
        if item["type"] == kind:
            return dict(item)
    return {}


async def wait_until(
    holds: Callable[[], Awaitable[bool]], *, what: str, seconds: float = 30.0
) -> None:
    """Ask until it holds; AssertionError with `what` after the deadline."""
    deadline = time.monotonic() + seconds
    while not await holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        await asyncio.sleep(0.05)
