"""Where a cluster keeps its files and where its programs listen."""

import dataclasses
import json
import random
import socket
from dataclasses import dataclass
from pathlib import Path

from dev.paths import STATE

NODE = "dev-node"
NODE_ADDRESS = "10.243.0.1"
HOST_ADDRESS = "10.243.0.2"
KUBERNETES_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
DNS_PORT = 1053
"""On which its pods listen: those of no privilege open no port below 1024."""
DOMAIN = "cluster.local"


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one cluster, all below one folder."""

    name: str
    root: Path

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.root / "pki"

    @property
    def config(self) -> Path:
        """Configuration files of the cluster's programs, their kubeconfigs among them."""
        return self.root / "config"

    @property
    def logs(self) -> Path:
        """One file a program, and the API server's audit log."""
        return self.root / "logs"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def volumes(self) -> Path:
        """The local volumes: file systems in files, and their mount points."""
        return self.root / "volumes"

    @property
    def kubelet(self) -> Path:
        """The kubelet's root folder: pods and their volumes."""
        return self.root / "kubelet"

    @property
    def containerd(self) -> Path:
        """What containerd keeps while it runs: its socket, mounts and network namespaces."""
        return self.root / "containerd"

    @property
    def containerd_socket(self) -> Path:
        """The container runtime's own socket; the system's containerd is never used."""
        return self.containerd / "containerd.sock"

    def log(self, program: str) -> Path:
        """The log of one program."""
        return self.logs / f"{program}.log"

    def user_kubeconfig(self, user: str) -> Path:
        """The kubeconfig of one of the cluster's programs."""
        return self.config / f"{user}.kubeconfig"


def named(name: str) -> Layout:
    """The layout of a cluster below the state folder."""
    return Layout(name, STATE / name)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The addresses that the control plane's programs listen on."""

    host: str
    """The API server's address, in every kubeconfig; the other programs listen on the loopback."""
    apiserver: int
    etcd: int
    etcd_peer: int
    controller_manager: int
    scheduler: int
    kwok: int = 0

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://{self.host}:{self.apiserver}"


NODE_ENDPOINTS = Endpoints(
    host=NODE_ADDRESS,
    apiserver=6443,
    etcd=2379,
    etcd_peer=2380,
    controller_manager=10257,
    scheduler=10259,
)
"""The usual ports: the whole cluster has a network namespace of its own."""


def loopback_endpoints(layout: Layout) -> Endpoints:
    """Free ports on the loopback, chosen once in the life of a cluster."""
    file = endpoints_file(layout)
    if file.exists():
        return Endpoints(**json.loads(file.read_text()))
    names = [field.name for field in dataclasses.fields(Endpoints) if field.name != "host"]
    chosen = Endpoints(host="127.0.0.1", **dict(zip(names, free_ports(len(names)), strict=True)))
    layout.root.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".new")
    unfinished.write_text(json.dumps(dataclasses.asdict(chosen)))
    unfinished.rename(file)
    return chosen


def endpoints_file(layout: Layout) -> Path:
    """Where a control plane on the loopback keeps its ports."""
    return layout.root / "endpoints.json"


PORTS = range(20_000, 32_768)
"""Below the range from which the kernel gives connections their own ports: a client that calls again
and again while a server restarts could be given the server's port, and would answer itself."""


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nothing listens on, all different."""
    sockets: list[socket.socket] = []
    try:
        for port in random.sample(PORTS, len(PORTS)):
            if len(sockets) == count:
                break
            one = socket.socket()
            sockets.append(one)
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                sockets.pop().close()
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
