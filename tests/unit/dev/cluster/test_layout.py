"""Where a cluster keeps its files and where its programs listen."""

import dataclasses
import ipaddress
from pathlib import Path

from dev import routes
from dev.cluster import layout
from dev.cluster.layout import Layout
from dev.paths import STATE


def test_everything_of_a_cluster_lies_below_its_folder(tmp_path: Path) -> None:
    place = Layout("x", tmp_path)

    own = [name for name in dir(Layout) if isinstance(getattr(Layout, name), property)]
    assert len(own) >= 8
    for name in own:
        assert getattr(place, name).is_relative_to(tmp_path)
    assert place.log("etcd") == tmp_path / "logs" / "etcd.log"
    assert place.user_kubeconfig("scheduler") == tmp_path / "config" / "scheduler.kubeconfig"


def test_a_named_cluster_lies_below_the_state_folder() -> None:
    assert layout.named("dev").root == STATE / "dev"


def test_ports_on_the_loopback_are_chosen_once(tmp_path: Path) -> None:
    place = Layout("x", tmp_path / "new")

    chosen = layout.loopback_endpoints(place)

    assert chosen == layout.loopback_endpoints(place)
    assert chosen.server == f"https://127.0.0.1:{chosen.apiserver}"
    ports = [value for value in dataclasses.astuple(chosen) if isinstance(value, int)]
    assert len(set(ports)) == len(ports) == 6
    assert all(port > 1023 for port in ports)
    assert [file.name for file in place.root.iterdir()] == ["endpoints.json"]


def test_free_ports_are_all_different() -> None:
    assert len(set(layout.free_ports(20))) == 20


def test_a_server_never_has_a_port_that_the_kernel_gives_to_its_clients() -> None:
    first, _ = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()

    assert max(layout.PORTS) < int(first)
    assert set(layout.free_ports(20)) <= set(layout.PORTS)


def test_the_networks_of_the_cluster_hold_its_addresses_and_do_not_overlap() -> None:
    link, pods, services = (
        ipaddress.ip_network(text)
        for text in (routes.LINK_NETWORK, routes.POD_NETWORK, routes.SERVICE_NETWORK)
    )

    assert not link.overlaps(pods)
    assert not pods.overlaps(services)
    assert not link.overlaps(services)
    for address, network in (
        (layout.NODE_ADDRESS, link),
        (layout.HOST_ADDRESS, link),
        (layout.KUBERNETES_SERVICE, services),
        (layout.DNS_SERVICE, services),
    ):
        assert ipaddress.ip_address(address) in network
