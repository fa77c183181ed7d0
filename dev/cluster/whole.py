"""The whole cluster: control plane, node, network, names and volumes, started, described and removed."""

import string
from collections.abc import Callable
from pathlib import Path

from dev import steps, tools
from dev.cluster import (
    cgroups,
    client,
    components,
    control_plane,
    daemons,
    images,
    kubeconfig,
    layout,
    network,
    node,
    pki,
    sysctls,
    trouble,
)
from dev.cluster.daemons import Daemon
from dev.cluster.layout import NODE_ENDPOINTS, Layout

MANIFESTS = Path(__file__).parent / "manifests" / "cluster.yaml"
TOOLS = ("kubernetes", "etcd", "provisioner", "pause", "coredns")
READY_SECONDS = 90

Ready = Callable[[], bool]


def up(place: Layout) -> None:
    """Bring up what is not up yet; a cluster that runs is left as it is."""
    with steps.step("network"):
        network.create(place)
        cgroups.create(place)
    with steps.step("certificates and configuration"):
        write_files(place)
    with steps.step("container runtime and images"):
        start_runtime(place)
    with steps.step("control plane"):
        start_control_plane(place)
    with steps.step("node"):
        start_node(place)
    with steps.step("name service and storage classes"):
        apply_manifests(place)
        wait_for_node(place)


def has_been_at(place: Layout) -> bool:
    """Whether a whole cluster has its files in a folder."""
    return (place.config / "kubelet.json").exists()


def write_files(place: Layout) -> None:
    """Write keys, certificates, kubeconfigs and the programs' configuration."""
    certificates = (*components.certificates(NODE_ENDPOINTS), *node.CERTIFICATES)
    pki.issue_all(place.pki, certificates)
    control_plane.write_kubeconfigs(place, NODE_ENDPOINTS)
    for user in node.CLIENTS:
        text = kubeconfig.render(
            server=NODE_ENDPOINTS.server, cluster=place.name, user=user, pki=place.pki
        )
        kubeconfig.write(place.user_kubeconfig(user), text)
    node.write_configuration(place)


def start_runtime(place: Layout) -> None:
    """Start containerd and give it the images that the cluster itself needs."""
    unused = not place.kubelet.exists()
    ensure(place, node.containerd(place), ready=lambda: runtime_answers(place))
    images.load_own(place)
    if unused:
        # Containers of an earlier cluster that was not removed in order; this one has none yet.
        images.remove_containers(place)


def runtime_answers(place: Layout) -> bool:
    """Whether containerd serves requests."""
    try:
        images.ctr(place, "version")
    except steps.StepError:
        return False
    return True


def start_control_plane(place: Layout) -> None:
    """Start the store, the API server and its controllers."""
    ensure(place, components.etcd(place, NODE_ENDPOINTS, durable=True))
    apiserver = components.apiserver(place, NODE_ENDPOINTS, reachable=True)
    ensure(place, apiserver, ready=administrator(place).ready)
    ensure(place, components.controller_manager(place, NODE_ENDPOINTS))
    ensure(place, components.scheduler(place, NODE_ENDPOINTS))


def start_node(place: Layout) -> None:
    """Start the node's programs; volumes first, so that no pod finds an empty folder in place of one."""
    sysctls.remember(place)
    start_provisioner(place)
    for daemon in (node.kubelet(place), node.kube_proxy(place)):
        ensure(place, daemon)


def start_provisioner(place: Layout) -> None:
    """Start the provisioner and wait until it has mounted the volumes that exist.

    It runs outside the network namespace: it mounts for the machine, and talks to nobody but the API server.
    """
    daemon, log = node.provisioner(place), place.log("provisioner")
    daemons.ensure(place.root, daemon, log)

    def mounted() -> bool:
        return all(image.with_suffix("").is_mount() for image in place.volumes.glob("*.img"))

    daemons.wait_ready(place.root, daemon, log, ready=mounted, seconds=READY_SECONDS)


def ensure(place: Layout, daemon: Daemon, *, ready: Ready = lambda: True) -> None:
    """Run a daemon in the cluster's network namespace and wait until it is ready."""
    log = place.log(daemon.name)
    inside = daemon.inside(network.namespace(place))
    daemons.ensure(place.root, inside, log)
    daemons.wait_ready(place.root, inside, log, ready=ready, seconds=READY_SECONDS)


def apply_manifests(place: Layout) -> None:
    """Apply rights, name service and storage classes; what is unchanged stays unchanged."""
    text = string.Template(MANIFESTS.read_text()).substitute(
        coredns=images.coredns(),
        dns=layout.DNS_SERVICE,
        dns_port=layout.DNS_PORT,
        domain=layout.DOMAIN,
    )
    kubectl: list[str | Path] = [tools.path("kubectl"), f"--kubeconfig={place.kubeconfig}"]
    steps.run([*kubectl, "apply", "--server-side", "--force-conflicts", "-f", "-"], stdin=text)


def wait_for_node(place: Layout) -> None:
    """Wait until the node is ready and pods can look names up."""
    connection = administrator(place)
    if not daemons.wait_until(lambda: not unready(connection), READY_SECONDS):
        late = f"after {READY_SECONDS}s {' and '.join(unready(connection))} not ready"
        raise steps.StepError("\n".join([f"{late}; see {place.logs}", *trouble.told(connection)]))


def unready(connection: client.Client) -> list[str]:
    """What the cluster's users would still wait for."""
    missing = []
    if not condition(connection, f"/api/v1/nodes/{layout.NODE}", "Ready"):
        missing.append("the node is")
    deployment = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
    if not condition(connection, deployment, "Available"):
        missing.append("the name service is")
    return missing


def condition(connection: client.Client, path: str, kind: str) -> bool:
    """Whether an object is there and one of its conditions is true."""
    try:
        conditions = connection.get(path).get("status", {}).get("conditions", [])
    except (OSError, client.Refused):
        return False
    return any(one["type"] == kind and one["status"] == "True" for one in conditions)


def administrator(place: Layout) -> client.Client:
    """The administrator's connection."""
    return client.administrator(NODE_ENDPOINTS.server, place.pki)
