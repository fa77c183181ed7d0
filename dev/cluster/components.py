"""The command lines of the control plane's programs."""

from pathlib import Path

from dev import routes, tools
from dev.cluster import layout
from dev.cluster.daemons import Daemon
from dev.cluster.layout import Endpoints, Layout
from dev.cluster.pki import Certificate

AUDIT_POLICY = Path(__file__).parent / "manifests" / "audit-policy.yaml"

CLIENTS = {
    "admin": ("admin", "system:masters"),
    "controller-manager": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
}
"""Users of the control plane: the name of their certificate, their user name and group."""


def certificates(endpoints: Endpoints) -> tuple[Certificate, ...]:
    """The certificates of a control plane."""
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
    names.append(f"kubernetes.default.svc.{layout.DOMAIN}")
    addresses = {endpoints.host, "127.0.0.1", layout.KUBERNETES_SERVICE}
    clients = [Certificate(name, user, group) for name, (user, group) in CLIENTS.items()]
    return (
        Certificate("apiserver", "kube-apiserver", addresses=(*names, *sorted(addresses))),
        Certificate("apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters"),
        Certificate("front-proxy", "front-proxy", authority="front-proxy-ca"),
        *clients,
    )


def etcd(place: Layout, endpoints: Endpoints, *, durable: bool) -> Daemon:
    """The store; without durability it is faster, and a crash of the machine may lose it."""
    client = f"http://127.0.0.1:{endpoints.etcd}"
    peer = f"http://127.0.0.1:{endpoints.etcd_peer}"
    flags = [
        f"--name={place.name}",
        f"--data-dir={place.root / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster={place.name}={peer}",
        "--auto-compaction-mode=periodic",
        "--auto-compaction-retention=5m",
        "--quota-backend-bytes=4294967296",
        "--logger=zap",
        "--log-level=warn",
    ]
    return Daemon(
        "etcd", (str(tools.path("etcd")), *flags, *(() if durable else ("--unsafe-no-fsync",)))
    )


def apiserver(place: Layout, endpoints: Endpoints, *, reachable: bool) -> Daemon:
    """The API server; `reachable` where pods exist that find it through its Service."""
    pki = place.pki
    flags = {
        "advertise-address": endpoints.host,
        "allow-privileged": "true",
        "audit-log-maxbackup": "2",
        "audit-log-maxsize": "200",
        "audit-log-path": place.logs / "audit.log",
        "audit-policy-file": AUDIT_POLICY,
        "authorization-mode": "Node,RBAC",
        "bind-address": endpoints.host,
        "cert-dir": pki,
        "client-ca-file": pki / "ca.crt",
        "enable-admission-plugins": "NodeRestriction",
        "endpoint-reconciler-type": "lease" if reachable else "none",
        "etcd-servers": f"http://127.0.0.1:{endpoints.etcd}",
        "kubelet-certificate-authority": pki / "ca.crt",
        "kubelet-client-certificate": pki / "apiserver-kubelet.crt",
        "kubelet-client-key": pki / "apiserver-kubelet.key",
        "kubelet-preferred-address-types": "InternalIP",
        "proxy-client-cert-file": pki / "front-proxy.crt",
        "proxy-client-key-file": pki / "front-proxy.key",
        "requestheader-allowed-names": "front-proxy",
        "requestheader-client-ca-file": pki / "front-proxy-ca.crt",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "secure-port": endpoints.apiserver,
        "service-account-issuer": f"https://kubernetes.default.svc.{layout.DOMAIN}",
        "service-account-key-file": pki / "service-account.crt",
        "service-account-signing-key-file": pki / "service-account.key",
        "service-cluster-ip-range": routes.SERVICE_NETWORK,
        "tls-cert-file": pki / "apiserver.crt",
        "tls-private-key-file": pki / "apiserver.key",
    }
    return kubernetes("kube-apiserver", flags, AUDIT_POLICY)


def controller_manager(place: Layout, endpoints: Endpoints) -> Daemon:
    """Every controller that a cluster has by default."""
    own = place.user_kubeconfig("controller-manager")
    flags = {
        "authentication-kubeconfig": own,
        "authorization-kubeconfig": own,
        "bind-address": "127.0.0.1",
        "cert-dir": place.pki,
        "cluster-signing-cert-file": place.pki / "ca.crt",
        "cluster-signing-key-file": place.pki / "ca.key",
        "kube-api-burst": "400",
        "kube-api-qps": "200",
        "kubeconfig": own,
        "leader-elect": "false",
        # A claim whose volume the controller meets a moment too late waits for the next of these (default: 15 s).
        "pvclaimbinder-sync-period": "1s",
        "root-ca-file": place.pki / "ca.crt",
        "secure-port": endpoints.controller_manager,
        "service-account-private-key-file": place.pki / "service-account.key",
        "tls-cert-file": place.pki / "apiserver.crt",
        "tls-private-key-file": place.pki / "apiserver.key",
        "use-service-account-credentials": "true",
    }
    return kubernetes("kube-controller-manager", flags, own)


def scheduler(place: Layout, endpoints: Endpoints) -> Daemon:
    """The scheduler, with its default plugins."""
    own = place.user_kubeconfig("scheduler")
    flags = {
        "authentication-kubeconfig": own,
        "authorization-kubeconfig": own,
        "bind-address": "127.0.0.1",
        "cert-dir": place.pki,
        "kube-api-burst": "400",
        "kube-api-qps": "200",
        "kubeconfig": own,
        "leader-elect": "false",
        "secure-port": endpoints.scheduler,
        "tls-cert-file": place.pki / "apiserver.crt",
        "tls-private-key-file": place.pki / "apiserver.key",
    }
    return kubernetes("kube-scheduler", flags, own)


def kubernetes(program: str, flags: dict[str, object], *configuration: Path) -> Daemon:
    """A Kubernetes program with its flags."""
    words = [f"--{name}={value}" for name, value in flags.items()]
    return Daemon(program, (str(tools.path(program)), *words), configuration)
