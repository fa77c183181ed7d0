"""The node's programs and their configuration: containerd, kubelet, kube-proxy, volumes."""

import json
from pathlib import Path

from dev import routes, tools
from dev.cluster import cgroups, components, files, images, layout
from dev.cluster.daemons import Daemon
from dev.cluster.layout import Layout
from dev.cluster.pki import Certificate
from dev.paths import CACHE

CNI_PLUGINS = Path("/usr/lib/cni")
CNI_NETWORK = "deepseek-operator"

CONTAINERD_CONFIGURATION = """\
version = 2
root = "{root}"
state = "{state}"
oom_score = 0
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = "{socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{sandbox}"
  restrict_oom_score_adj = {restricted}
  netns_mounts_under_state_dir = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni_plugins}"
    conf_dir = "{cni_configuration}"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "{runc}"
        SystemdCgroup = false
"""


CERTIFICATES = (
    Certificate("kubelet", f"system:node:{layout.NODE}", "system:nodes"),
    Certificate(
        "kubelet-server",
        f"system:node:{layout.NODE}",
        "system:nodes",
        addresses=(layout.NODE, layout.NODE_ADDRESS),
    ),
    Certificate("kube-proxy", "system:kube-proxy"),
    Certificate("provisioner", "deepseek-operator:provisioner"),
)

CLIENTS = ("kubelet", "kube-proxy", "provisioner")
"""The node's users that need a kubeconfig."""


def write_configuration(place: Layout) -> None:
    """Write the configuration files of the node's programs."""
    wanted = {
        "containerd.toml": containerd_configuration(place, restricted=restricted_oom_scores()),
        "cni/10-pods.conflist": document(cni_configuration(place)),
        "kubelet.json": document(kubelet_configuration(place)),
        "kube-proxy.json": document(kube_proxy_configuration(place)),
        "resolv.conf": f"nameserver {layout.DNS_SERVICE}\n",
    }
    for name, text in wanted.items():
        files.write(place.config / name, text)


def document(value: object) -> str:
    """A configuration document as JSON, which is YAML."""
    return json.dumps(value, indent=2) + "\n"


def restricted_oom_scores() -> bool:
    """Whether this machine forbids lower OOM scores: runc then fails unless it does not ask for them."""
    status = Path("/proc/self/status").read_text()
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return not int(effective.split()[1], 16) >> CAP_SYS_RESOURCE & 1


CAP_SYS_RESOURCE = 24


def containerd_configuration(place: Layout, *, restricted: bool) -> str:
    """Images are kept in the cache, as they are slow to make and load; all else ends with the cluster."""
    return CONTAINERD_CONFIGURATION.format(
        root=CACHE / "containerd",
        state=place.containerd / "state",
        socket=place.containerd_socket,
        runc=place.containerd / "runc",
        sandbox=images.PAUSE,
        restricted=str(restricted).lower(),
        cni_plugins=CNI_PLUGINS,
        cni_configuration=place.config / "cni",
    )


def cni_configuration(place: Layout) -> dict[str, object]:
    """A link of its own for every pod: all traffic is routed, so Services work without bridge filtering."""
    addresses = {
        "type": "host-local",
        "dataDir": str(place.root / "cni"),
        "ranges": [[{"subnet": routes.POD_NETWORK}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    return {
        "cniVersion": "1.0.0",
        "name": CNI_NETWORK,
        "plugins": [{"type": "ptp", "ipMasq": False, "ipam": addresses}],
    }


def kubelet_configuration(place: Layout) -> dict[str, object]:
    """Real settings, but for a small machine: nothing reserved, late eviction, images never collected."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": layout.NODE_ADDRESS,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(place.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroups.name(place),
        "clusterDNS": [layout.DNS_SERVICE],
        "clusterDomain": layout.DOMAIN,
        "containerRuntimeEndpoint": f"unix://{place.containerd_socket}",
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
        "failCgroupV1": False,
        "failSwapOn": False,
        "healthzBindAddress": "127.0.0.1",
        "imageGCHighThresholdPercent": 100,
        "makeIPTablesUtilChains": False,
        "oomScoreAdj": 0,
        "podLogsDir": str(place.root / "pod-logs"),
        "resolvConf": str(place.config / "resolv.conf"),
        "tlsCertFile": str(place.pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(place.pki / "kubelet-server.key"),
        "volumePluginDir": str(place.root / "volume-plugins"),
    }


def kube_proxy_configuration(place: Layout) -> dict[str, object]:
    """Services as nftables rules in the cluster's network namespace."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "bindAddress": layout.NODE_ADDRESS,
        "clientConnection": {"kubeconfig": str(place.user_kubeconfig("kube-proxy"))},
        "clusterCIDR": routes.POD_NETWORK,
        "conntrack": {"maxPerCore": 0, "min": 0},
        "healthzBindAddress": "127.0.0.1:10256",
        "hostnameOverride": layout.NODE,
        "metricsBindAddress": "127.0.0.1:10249",
        "mode": "nftables",
    }


def containerd(place: Layout) -> Daemon:
    """The container runtime."""
    configuration = place.config / "containerd.toml"
    return Daemon(
        "containerd",
        ("containerd", f"--config={configuration}"),
        (configuration, place.config / "cni" / "10-pods.conflist"),
    )


def kubelet(place: Layout) -> Daemon:
    """The node's agent."""
    configuration = place.config / "kubelet.json"
    flags: dict[str, object] = {
        "cert-dir": place.kubelet / "pki",
        "config": configuration,
        "hostname-override": layout.NODE,
        "kubeconfig": place.user_kubeconfig("kubelet"),
        "node-ip": layout.NODE_ADDRESS,
        "root-dir": place.kubelet,
    }
    return components.kubernetes("kubelet", flags, configuration)


def kube_proxy(place: Layout) -> Daemon:
    """What makes Services reachable."""
    configuration = place.config / "kube-proxy.json"
    flags: dict[str, object] = {"config": configuration}
    return components.kubernetes("kube-proxy", flags, configuration)


def provisioner(place: Layout) -> Daemon:
    """What makes the volumes that claims ask for."""
    flags = (
        f"--kubeconfig={place.user_kubeconfig('provisioner')}",
        f"--directory={place.volumes}",
        f"--node={layout.NODE}",
    )
    return Daemon("provisioner", (str(tools.path("provisioner")), *flags))
