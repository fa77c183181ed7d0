"""Routes of a machine beside those that the embedded cluster needs."""

from pathlib import Path
from typing import Any

import pytest

from dev import routes
from tests.unit.dev.programs import fake_program


def route(network: str, link: str = "eth1", **more: Any) -> dict[str, Any]:
    return {"dst": network, "dev": link, "flags": [], **more}


OF_INTERFACE = {"protocol": "kernel", "scope": "link"}
"""What the kernel makes of an interface's own address."""

OWN = [
    route("10.96.0.0/16", "dso-dev", gateway="10.243.0.1"),
    route("10.243.0.0/30", "dso-dev", **OF_INTERFACE),
    route("10.244.0.0/24", "dso-dev", gateway="10.243.0.1"),
]


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(route("default", "eth0", gateway="192.0.2.1"), id="default"),
        pytest.param(route("0.0.0.0/1", "tun0", gateway="10.8.0.1"), id="half-of-all-by-a-tunnel"),
        pytest.param(route("10.0.0.0/8", "wg0", scope="link"), id="a-company-behind-a-tunnel"),
        pytest.param(route("10.97.0.0/16", **OF_INTERFACE), id="the-network-beside"),
        pytest.param(route("192.168.1.7", gateway="192.168.1.1"), id="one-host"),
    ],
)
def test_what_is_elsewhere_is_in_nobodys_way(found: dict[str, Any]) -> None:
    assert list(routes.in_the_way([found, *OWN])) == []


@pytest.mark.parametrize(
    ("found", "network", "said"),
    [
        pytest.param(
            route("10.96.0.0/20", **OF_INTERFACE),
            "10.96.0.0/16",
            "10.96.0.0/20 is on eth1",
            id="a-smaller-lan",
        ),
        pytest.param(
            route("10.96.0.0/12", **OF_INTERFACE),
            "10.96.0.0/16",
            "10.96.0.0/12 is on eth1",
            id="a-larger-lan",
        ),
        pytest.param(
            route("10.244.0.0/24", "cni0"), "10.244.0.0/24", "10.244.0.0/24 is on cni0", id="equal"
        ),
        pytest.param(
            route("10.96.4.2", "tun0", gateway="10.8.0.1"),
            "10.96.0.0/16",
            "10.96.4.2 is on tun0",
            id="one-host",
        ),
        pytest.param(
            {"type": "unreachable", "dst": "10.243.0.0/30"},
            "10.243.0.0/30",
            "10.243.0.0/30 is routed",
            id="to-nowhere",
        ),
    ],
)
def test_a_route_that_overlaps_is_told_with_its_link_and_the_remedy(
    found: dict[str, Any], network: str, said: str
) -> None:
    [told] = routes.in_the_way([*OWN, found])

    assert told.startswith(f"The network {network}, which the cluster needs, is in use: {said}. ")
    assert "CLUSTER=current" in told


def test_another_clusters_routes_are_in_the_way_of_one_that_is_made() -> None:
    told = list(routes.in_the_way(OWN, lambda link: link == "dso-other"))

    assert [text.split(",")[0] for text in told] == [
        f"The network {network}" for network in ("10.96.0.0/16", "10.243.0.0/30", "10.244.0.0/24")
    ]


def test_where_no_program_tells_routes_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_program(tmp_path, "ip", monkeypatch, {"*": "echo Cannot open netlink socket; exit 1"})

    assert routes.observed() == []


def test_routes_are_read_as_ip_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = 'echo \'[{"dst": "10.96.0.0/20", "dev": "eth1", "flags": []}]\''
    fake_program(tmp_path, "ip", monkeypatch, {"-json*route*show": answer})

    assert routes.observed() == [route("10.96.0.0/20")]
