"""A node of network namespaces: pods that are one each, routed through the node's, with a real API server and kube-router in it."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dev import tools
from dev.cluster import components, control_plane, pki
from dev.cluster.control_plane import ControlPlane
from tests.machine.hosts import ip
from tests.unit.fences import End

Manifest = dict[str, Any]

NODE, NODE_ADDRESS, SERVICES = "node-a", "10.97.34.1", "10.96.0.0/12"
_PODS = "10.97.32"
SECONDS = 90.0

_LISTEN = """
import asyncio, sys

async def main():
    for port in sys.argv[1:]:
        await asyncio.start_server(lambda _, writer: writer.close(), "0.0.0.0", int(port))
    print("listening", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""

_CONNECT = """
import asyncio, json, sys

async def one(name, address, port):
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 2)
    except (OSError, TimeoutError):
        return None
    writer.close()
    return name, port

async def main():
    tried = json.load(sys.stdin)
    print(json.dumps([found for found in await asyncio.gather(*(one(*each) for each in tried)) if found]))

asyncio.run(main())
"""


@dataclass(slots=True)
class Place:
    """One end of connections: a pod, or an address that is none."""

    end: End
    namespace: str
    address: str


@dataclass(slots=True)
class Fenced:
    """The node, and what runs in it."""

    namespace: str
    plane: ControlPlane
    places: dict[str, Place] = field(default_factory=dict)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, argv: Sequence[str | Path], log: str, *, inside: str = "") -> None:
        """A program in a network namespace, the node's by default; it ends with the node."""
        path = self.plane.layout.root / f"{log}.log"
        with path.open("wb") as output:
            command = ["ip", "netns", "exec", inside or self.namespace, *map(str, argv)]
            self.running.append(subprocess.Popen(command, stdout=output, stderr=output))

    def kubectl(self, *words: str, manifest: Manifest | None = None) -> str:
        """As the administrator; CalledProcessError where it fails."""
        command = ["ip", "netns", "exec", self.namespace, str(tools.path("kubectl"))]
        command += [f"--kubeconfig={self.plane.kubeconfig}", *words]
        given = None if manifest is None else json.dumps(manifest)
        done = subprocess.run(command, check=True, capture_output=True, text=True, input=given)
        return done.stdout

    def reached(self, ports: Sequence[int]) -> set[tuple[str, str, int]]:
        """Every connection that opens, of all between two places of which one is a pod at least."""
        found: set[tuple[str, str, int]] = set()
        for source, place in self.places.items():
            tried = [
                (name, other.address, port)
                for name, other in self.places.items()
                for port in ports
                if name != source and not (place.end.address and other.end.address)
            ]
            done = subprocess.run(
                ["ip", "netns", "exec", place.namespace, sys.executable, "-c", _CONNECT],
                check=True, capture_output=True, text=True, input=json.dumps(tried),
            )  # fmt: skip
            found |= {(source, name, port) for name, port in json.loads(done.stdout)}
        return found

    def fence(self) -> None:
        """Start the agent: its firewall alone, no routes and no Services."""
        flags = (
            f"--kubeconfig={self.plane.kubeconfig}", f"--hostname-override={NODE}", "--run-firewall=true",
            "--run-router=false", "--run-service-proxy=false", "--run-loadbalancer=false", "--enable-cni=false",
            f"--service-cluster-ip-range={SERVICES}", "--iptables-sync-period=10s", "--metrics-port=0", "--v=1",
        )  # fmt: skip
        self.start([tools.path("kube-router"), *flags], "kube-router")


@contextlib.contextmanager
def fenced(ends: Mapping[str, End], ports: Sequence[int]) -> Iterator[Fenced]:
    """A node on which these ends listen on these ports; nothing is enforced yet."""
    prefix = f"dsof{os.getpid()}"
    node = Fenced(f"{prefix}-node", ControlPlane.temporary())
    try:
        _make_node(node)
        for number, (name, end) in enumerate(ends.items(), start=1):
            address = end.address or f"{_PODS}.{number}"
            node.places[name] = Place(end, f"{prefix}-{number}", address)
            _connect(node, node.places[name], f"p{number}")
            node.start([sys.executable, "-c", _LISTEN, *map(str, ports)], f"pod-{number}", inside=f"{prefix}-{number}")  # fmt: skip
        _start_control_plane(node)
        _make_objects(node)
        yield node
    finally:
        for process in node.running:
            process.kill()
            process.wait()
        for namespace in (*(place.namespace for place in node.places.values()), node.namespace):
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "delete", namespace)
        shutil.rmtree(node.plane.layout.root, ignore_errors=True)


def _make_node(node: Fenced) -> None:
    ip("netns", "add", node.namespace)
    ip("-n", node.namespace, "link", "set", "lo", "up")
    ip("-n", node.namespace, "address", "add", f"{NODE_ADDRESS}/32", "dev", "lo")
    _set(node, "net/ipv4/ip_forward", "1")


def _set(node: Fenced, name: str, value: str) -> None:
    command = ["sh", "-c", f"echo {value} > /proc/sys/{name}"]
    subprocess.run(["ip", "netns", "exec", node.namespace, *command], check=True)


def _connect(node: Fenced, place: Place, link: str) -> None:
    """By a link of its own, on which the node answers for all others: so everything is routed."""
    ip("netns", "add", place.namespace)
    peer = ("peer", "name", "eth0", "netns", place.namespace)
    ip("-n", node.namespace, "link", "add", link, "type", "veth", *peer)
    ip("-n", place.namespace, "address", "add", f"{place.address}/32", "dev", "eth0")
    for name in ("lo", "eth0"):
        ip("-n", place.namespace, "link", "set", name, "up")
    ip("-n", place.namespace, "route", "add", "default", "dev", "eth0")
    ip("-n", node.namespace, "link", "set", link, "up")
    ip("-n", node.namespace, "route", "add", f"{place.address}/32", "dev", link)
    _set(node, f"net/ipv4/conf/{link}/proxy_arp", "1")
    _set(node, f"net/ipv4/neigh/{link}/proxy_delay", "0")


def _start_control_plane(node: Fenced) -> None:
    """On the loopback of the node's own namespace, where nobody else's programs are."""
    plane = node.plane
    pki.issue_all(plane.layout.pki, components.certificates(plane.endpoints))
    control_plane.write_kubeconfigs(plane.layout, plane.endpoints)
    node.start(components.etcd(plane.layout, plane.endpoints, durable=False).argv, "etcd")
    node.start(plane.apiserver.argv, "apiserver")
    wait_until(lambda: _answers(node), what="the API server is ready")


def _answers(node: Fenced) -> bool:
    with contextlib.suppress(subprocess.CalledProcessError):
        return node.kubectl("get", "--raw", "/readyz") == "ok"
    return False


def _make_objects(node: Fenced) -> None:
    """The node, and the pods as its kubelet would report them."""
    node.kubectl(
        "create",
        "-f",
        "-",
        manifest={"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}},
    )
    status = {"addresses": [{"type": "InternalIP", "address": NODE_ADDRESS}]}
    _report(node, "node", NODE, status)
    pods = {name: place for name, place in node.places.items() if not place.end.address}
    for namespace in sorted({place.end.namespace for place in pods.values()}):
        node.kubectl("create", "namespace", namespace)
        node.kubectl("create", "serviceaccount", "default", f"--namespace={namespace}")
    for number, place in enumerate(pods.values()):
        name, namespace = f"pod-{number}", place.end.namespace
        container = {"name": "main", "image": "registry.example/main:1"}
        metadata = {"name": name, "namespace": namespace, "labels": dict(place.end.labels)}
        spec = {"nodeName": NODE, "automountServiceAccountToken": False, "containers": [container]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        node.kubectl("create", "-f", "-", manifest=pod)
        found = {
            "phase": "Running",
            "hostIP": NODE_ADDRESS,
            "podIP": place.address,
            "podIPs": [{"ip": place.address}],
        }
        _report(node, "pod", name, found, f"--namespace={namespace}")


def _report(node: Fenced, kind: str, name: str, status: Manifest, *words: str) -> None:
    patch = json.dumps({"status": status})
    node.kubectl(
        "patch", kind, name, *words, "--subresource=status", "--type=merge", f"--patch={patch}"
    )


def wait_until(holds: Any, *, what: str) -> None:
    """Ask until it holds; AssertionError with `what` after the deadline."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not within {SECONDS:g} s: {what}"
        time.sleep(0.2)
