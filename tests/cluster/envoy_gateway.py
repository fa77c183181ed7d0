"""A real Envoy Gateway on a control plane of a test, and one real Envoy that follows it.

The program is as in its image: it wants its certificates in /certs, so it has a root folder of its own. Pods
that it asks for are played by kwok; the one Envoy that runs says that it is one of them.
"""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import socket
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from deepseek_operator.build import http_route
from dev import tools
from tests.cluster import routes
from tests.cluster.objects import JSON_MERGE, NAMESPACE, Cluster, Manifest, Refused, wait_until
from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import envoy_binary

CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
SYSTEM = "envoy-gateway-system"
GROUP = "/apis/gateway.networking.k8s.io/v1"
_KIND = {"apiVersion": "gateway.networking.k8s.io/v1"}
_XDS_PORT = 18000
_TYPE = "type.googleapis.com/envoy"


@dataclass(frozen=True)
class Edge:
    """A Gateway of its own namespace, with a real controller and a real proxy."""

    cluster: Cluster
    namespace: str
    admin: Path
    """A file in which the proxy says where its admin page is."""
    port: int
    """Where clients ask."""

    async def proxy(self, page: str) -> Any:
        """A page of the proxy's admin interface; None while it is not there."""
        if not self.admin.exists() or not self.admin.read_text():
            return None
        with contextlib.suppress(OSError, aiohttp.ClientError):
            url = f"http://{self.admin.read_text()}/{page}"
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                return await response.json(content_type=None)
        return None

    async def split(self) -> dict[str, int]:
        """Weights of the object's revisions, as the proxy has them; by Service, in the order of the route."""
        present = await routes.route(self.cluster) or {}
        return dict(zip(http_route.backends(present), await self._weights(), strict=False))

    async def _weights(self) -> list[int]:
        cluster = f"httproute/{self.cluster.namespace}/chat/rule/0"
        dump = await self.proxy("config_dump?include_eds") or {"configs": []}
        return [
            int(place["load_balancing_weight"])
            for config in dump["configs"]
            for one in config.get("dynamic_endpoint_configs", ())
            if one["endpoint_config"]["cluster_name"] == cluster
            for place in one["endpoint_config"]["endpoints"]
        ]

    async def routes(self) -> list[Manifest]:
        """What the proxy does with the requests of the object."""
        dump = await self.proxy("config_dump") or {"configs": []}
        return [
            dict(route)
            for config in dump["configs"]
            for one in config.get("dynamic_route_configs", ())
            for host in one["route_config"].get("virtual_hosts", ())
            for route in host["routes"]
            if f"/{self.cluster.namespace}/chat/" in route["name"]
        ]

    async def ask(self, count: int, *, at_once: int = 16) -> Counter[int]:
        """So many requests through the proxy; how many got which status, 0 for none."""
        limit = asyncio.Semaphore(at_once)
        url = f"http://127.0.0.1:{self.port}/v1/models"

        async def one(session: aiohttp.ClientSession) -> int:
            async with limit:
                try:
                    async with session.get(url) as response:
                        await response.read()
                        return response.status
                except aiohttp.ClientError:
                    return 0

        async with aiohttp.ClientSession() as session:
            return Counter(await asyncio.gather(*(one(session) for _ in range(count))))


_OF_PODS = "endpointslice.kubernetes.io/managed-by%3Dendpointslice-controller.k8s.io"


def routable() -> str:
    """An address of this machine that may stand in an EndpointSlice: loopback may not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        # Nothing is sent: the kernel says whom it would send it as.
        found.connect(("192.0.2.1", 9))
        return str(found.getsockname()[0])


async def play(cluster: Cluster, engines: Mapping[str, FakeEngine]) -> None:
    """Behind each of these Services stands this engine, in place of the pods that kwok plays.

    A Service without a selector is left alone by the controller of EndpointSlices, until the operator's next pass; but
    another one mirrors its Endpoints then.
    """
    services = f"{NAMESPACE}/{cluster.namespace}/services"
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{cluster.namespace}/endpointslices"
    for name, engine in engines.items():
        await cluster.send(
            "PATCH", f"{services}/{name}", {"spec": {"selector": None}}, content=JSON_MERGE
        )
        with contextlib.suppress(Refused):
            await cluster.send("DELETE", f"{NAMESPACE}/{cluster.namespace}/endpoints/{name}")
        endpoint = {
            "addresses": [engine.host],
            "conditions": {"ready": True, "serving": True, "terminating": False},
        }
        found = await cluster.send(
            "GET", f"{slices}?labelSelector=kubernetes.io/service-name%3D{name},{_OF_PODS}"
        )
        assert found["items"], f"the Service {name} has EndpointSlices"
        for number, item in enumerate(found["items"]):
            ports = [{**port, "port": engine.port} for port in item["ports"]]
            change = {"endpoints": [] if number else [endpoint], "ports": ports}
            path = f"{slices}/{item['metadata']['name']}"
            await cluster.send("PATCH", path, change, content=JSON_MERGE)


@contextlib.asynccontextmanager
async def running(cluster: Cluster, folder: Path, *, port: int) -> AsyncIterator[Edge]:
    """While it lasts there is a Gateway `edge` in a namespace of its own, which any namespace may join."""
    infra = f"{cluster.namespace}-infra"
    for name in (SYSTEM, infra):
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        with contextlib.suppress(Refused):
            await cluster.send("POST", NAMESPACE, body)
    root = folder / "root"
    (root / "tmp").mkdir(parents=True)
    shutil.copyfile(tools.path("envoy-gateway"), root / "envoy-gateway")
    (root / "envoy-gateway").chmod(0o755)
    shutil.copyfile(cluster.plane.kubeconfig, root / "kubeconfig")
    (root / "config.yaml").write_text(yaml.safe_dump(_CONFIGURATION))
    await _certificates(cluster, root, folder)
    edge = Edge(cluster, infra, folder / "admin", port)
    programs = [
        await _start(folder, "controller", *_rooted(root, "server", "--config-path=/config.yaml")),
        await _start(folder, "proxy", *_envoy(folder, infra)),
    ]
    try:
        await _gateway(cluster, infra, port)
        yield edge
    finally:
        await _remove(cluster, infra)
        for program in programs:
            with contextlib.suppress(ProcessLookupError):
                program.terminate()
            await program.wait()


async def _remove(cluster: Cluster, infra: str) -> None:
    """While its controller still runs: it holds the class by a finalizer."""
    await cluster.send("DELETE", f"{GROUP}/namespaces/{infra}/gateways/edge")
    await cluster.send("DELETE", f"{GROUP}/gatewayclasses/{infra}")

    async def is_gone() -> bool:
        with contextlib.suppress(Refused):
            await cluster.send("GET", f"{GROUP}/gatewayclasses/{infra}")
            return False
        return True

    await wait_until(is_gone, what="Envoy Gateway lets its class go", seconds=120)
    await cluster.send("DELETE", f"{NAMESPACE}/{infra}")


_CONFIGURATION: Manifest = {
    "apiVersion": "gateway.envoyproxy.io/v1alpha1",
    "kind": "EnvoyGateway",
    "gateway": {"controllerName": CONTROLLER},
    "provider": {"type": "Kubernetes"},
}


def _rooted(root: Path, *arguments: str) -> list[str]:
    """Any user may give a program another root in a namespace of its own."""
    return ["unshare", "--map-root-user", f"--root={root}", "/envoy-gateway", *arguments]


async def _certificates(cluster: Cluster, root: Path, folder: Path) -> None:
    """As its installation makes them: in Secrets, which its pods mount."""
    made = await _start(
        folder, "certificates", *_rooted(root, "certgen", "--disable-topology-injector")
    )
    assert await made.wait() == 0, (folder / "certificates.log").read_text()
    for secret, place in (("envoy-gateway", root / "certs"), ("envoy", folder / "certs")):
        place.mkdir()
        found = await cluster.send("GET", f"{NAMESPACE}/{SYSTEM}/secrets/{secret}")
        for name, content in found["data"].items():
            (place / name).write_bytes(base64.b64decode(content))


async def _start(folder: Path, name: str, *command: str) -> asyncio.subprocess.Process:
    environment = {**os.environ, "KUBECONFIG": "/kubeconfig", "HOME": "/tmp", "USER": "root"}
    with (folder / f"{name}.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *command, stdout=log, stderr=log, env=environment
        )


def _envoy(folder: Path, infra: str) -> list[str]:
    return [
        str(envoy_binary()),
        *("--config-yaml", json.dumps(_bootstrap(folder / "certs"))),
        *("--service-cluster", f"{infra}/edge"),
        *("--service-node", "one"),
        *("--admin-address-path", str(folder / "admin")),
        *("--concurrency", "1"),
        *("--log-level", "warning"),
        "--disable-hot-restart",
    ]


def _bootstrap(certificates: Path) -> Manifest:
    source = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
    service = {"envoy_grpc": {"cluster_name": "controller"}}
    return {
        "admin": {"address": _address(0)},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "grpc_services": [service],
                "set_node_on_first_message_only": True,
            },
            "cds_config": source,
            "lds_config": source,
        },
        "static_resources": {"clusters": [_controller(certificates)]},
    }


def _controller(certificates: Path) -> Manifest:
    pair = {
        "certificate_chain": {"filename": str(certificates / "tls.crt")},
        "private_key": {"filename": str(certificates / "tls.key")},
    }
    trusted = {"trusted_ca": {"filename": str(certificates / "ca.crt")}}
    endpoint = {"endpoint": {"address": _address(_XDS_PORT)}}
    return {
        "name": "controller",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "controller",
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{_TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "transport_socket": {
            "name": "tls",
            "typed_config": {
                "@type": f"{_TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "common_tls_context": {
                    "tls_params": {"tls_maximum_protocol_version": "TLSv1_3"},
                    "tls_certificates": [pair],
                    "validation_context": trusted,
                },
            },
        },
    }


def _address(port: int) -> Manifest:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


async def _gateway(cluster: Cluster, infra: str, port: int) -> None:
    """Its class and itself; it is accepted once the controller runs."""
    await cluster.send(
        "POST",
        f"{GROUP}/gatewayclasses",
        {
            **_KIND, "kind": "GatewayClass", "metadata": {"name": infra},
            "spec": {"controllerName": CONTROLLER},
        },
    )  # fmt: skip
    listener = {
        "name": "http", "protocol": "HTTP", "port": port,
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }  # fmt: skip
    path = f"{GROUP}/namespaces/{infra}/gateways"
    await cluster.send(
        "POST",
        path,
        {
            **_KIND, "kind": "Gateway", "metadata": {"name": "edge", "namespace": infra},
            "spec": {"gatewayClassName": infra, "listeners": [listener]},
        },
    )  # fmt: skip

    async def accepted() -> bool:
        found = (await cluster.send("GET", f"{path}/edge")).get("status", {})
        return any(
            one["type"] == "Accepted" and one["status"] == "True"
            for one in found.get("conditions", [])
        )

    await wait_until(accepted, what="Envoy Gateway accepts the Gateway", seconds=120)
