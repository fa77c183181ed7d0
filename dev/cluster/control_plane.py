"""A control plane on the loopback: real API server and controllers, with nodes and pods played by kwok.

Several can run at once, as any user; none touches the machine's network, mounts or cgroups.
"""

import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from dev import tools
from dev.cluster import client, components, daemons, fake_nodes, kubeconfig, layout, pki, temporary
from dev.cluster.daemons import Daemon
from dev.cluster.fake_nodes import FakeNode
from dev.cluster.layout import Endpoints, Layout

TOOLS = ("kubernetes", "etcd", "kwok")
READY_SECONDS = 60
FEATURES = "--feature-gates=DRAExtendedResource=true"
"""Off in Kubernetes 1.35 (alpha) and on from 1.36: pods that ask for an extended resource get devices of a DeviceClass
that has it (KEP-5004). API server, scheduler and controller manager each have to know; kwok plays the kubelets."""
STAGES = Path(__file__).parent / "manifests" / "kwok-stages.yaml"


class ControlPlane:
    """One control plane, from its start to its end; also a context manager."""

    def __init__(self, place: Layout, *, lock: int | None = None) -> None:
        """Choose the ports; nothing is started. `lock` is given up by `stop`."""
        self.layout = place
        self._lock = lock
        self.endpoints: Endpoints = layout.loopback_endpoints(place)

    @classmethod
    def temporary(cls) -> Self:
        """A control plane in a new folder of its own, which `stop` removes; those of killed processes go now."""
        temporary.sweep()
        root, lock = temporary.make()
        return cls(Layout("test", root), lock=lock)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.layout.kubeconfig

    @property
    def audit_log(self) -> Path:
        """Every request to the API server: one JSON object a line, at level Metadata."""
        return self.layout.logs / "audit.log"

    @property
    def client(self) -> client.Client:
        """The administrator's connection."""
        return client.administrator(self.endpoints.server, self.layout.pki)

    def start(self, nodes: Iterable[FakeNode] = fake_nodes.DEFAULT) -> None:
        """Start what does not run, and wait until it serves and the nodes are there."""
        pki.issue_all(self.layout.pki, components.certificates(self.endpoints))
        write_kubeconfigs(self.layout, self.endpoints)
        self.start_apiserver()
        self.add_nodes(nodes)
        for daemon in (
            self.controller_manager,
            with_features(components.scheduler(self.layout, self.endpoints)),
            kwok(self.layout, self.endpoints),
        ):
            self.ensure(daemon)
        self.wait_for_default_service_account()

    def start_apiserver(self) -> None:
        """Start the store and the API server, and wait until it serves."""
        self.ensure(components.etcd(self.layout, self.endpoints, durable=False))
        self.ensure(self.apiserver, ready=self.client.ready)

    def restart_apiserver(self) -> None:
        """Kill the API server as a crash would, and wait until the next one serves."""
        own = [one for one in daemons.running(self.layout.root) if one.runs(self.apiserver)]
        daemons.send([process.pid for process in own], signal.SIGKILL)
        daemons.wait_until(lambda: not any(daemons.alive(one.pid) for one in own), READY_SECONDS)
        self.start_apiserver()

    @property
    def apiserver(self) -> Daemon:
        """The API server's command."""
        return with_features(components.apiserver(self.layout, self.endpoints, reachable=False))

    @property
    def controller_manager(self) -> Daemon:
        """The controllers' command."""
        return with_features(components.controller_manager(self.layout, self.endpoints))

    def add_nodes(self, nodes: Iterable[FakeNode]) -> None:
        """Add nodes; kwok reports them ready and runs the pods that the scheduler gives them."""
        for node in nodes:
            self.client.create("/api/v1/nodes", node.manifest())

    def stop(self) -> None:
        """End every process and remove the folder, from whatever state."""
        temporary.remove(self.layout.root)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def ensure(self, daemon: Daemon, *, ready: Callable[[], bool] = lambda: True) -> None:
        """Run a daemon and wait until it is ready."""
        root, log = self.layout.root, self.layout.log(daemon.name)
        daemons.ensure(root, daemon, log)
        daemons.wait_ready(root, daemon, log, ready=ready, seconds=READY_SECONDS)

    def wait_for_default_service_account(self) -> None:
        """Wait until the controllers work: pods can be created once the account exists."""
        path = "/api/v1/namespaces/default/serviceaccounts/default"
        self.ensure(self.controller_manager, ready=lambda: exists(self.client, path))

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it and remove its folder."""
        self.stop()


def with_features(daemon: Daemon) -> Daemon:
    """A program of Kubernetes with what its release has and leaves off."""
    return replace(daemon, argv=(*daemon.argv, FEATURES))


def has_been_at(place: Layout) -> bool:
    """Whether a control plane without a node has its files in a folder."""
    return layout.endpoints_file(place).exists()


def exists(connection: client.Client, path: str) -> bool:
    """Whether an object is there."""
    try:
        connection.get(path)
    except (OSError, client.Refused):
        return False
    return True


def write_kubeconfigs(place: Layout, endpoints: Endpoints) -> None:
    """Write the administrator's kubeconfig and those of the control plane's programs."""
    for user in components.CLIENTS:
        file = place.kubeconfig if user == "admin" else place.user_kubeconfig(user)
        text = kubeconfig.render(
            server=endpoints.server, cluster=place.name, user=user, pki=place.pki
        )
        kubeconfig.write(file, text)


def kwok(place: Layout, endpoints: Endpoints) -> Daemon:
    """What plays the kubelets: nodes get their heartbeats, pods become ready, end and go away."""
    flags = (
        f"--kubeconfig={place.kubeconfig}",
        "--manage-all-nodes=true",
        "--node-lease-duration-seconds=40",
        f"--server-address=127.0.0.1:{endpoints.kwok}",
        f"--config={STAGES}",
    )
    return Daemon("kwok", (str(tools.path("kwok")), *flags), (place.kubeconfig, STAGES))
