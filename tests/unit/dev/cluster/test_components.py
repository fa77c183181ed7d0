"""The command lines of the control plane's programs."""

from pathlib import Path

import pytest

from dev import tools
from dev.cluster import components
from dev.cluster.daemons import Daemon
from dev.cluster.layout import Endpoints, Layout

PLACE = Layout("x", Path("/nowhere/x"))
ENDPOINTS = Endpoints(
    host="10.9.9.9", apiserver=1, etcd=2, etcd_peer=3, controller_manager=4, scheduler=5
)

DAEMONS = (
    components.etcd(PLACE, ENDPOINTS, durable=True),
    components.apiserver(PLACE, ENDPOINTS, reachable=True),
    components.controller_manager(PLACE, ENDPOINTS),
    components.scheduler(PLACE, ENDPOINTS),
)


def flags(daemon: Daemon) -> dict[str, str]:
    named = [word.partition("=") for word in daemon.argv[1:]]
    return {name: value for name, _, value in named}


@pytest.mark.parametrize("daemon", [pytest.param(one, id=one.name) for one in DAEMONS])
def test_a_daemon_runs_the_pinned_program_and_gives_no_flag_twice(daemon: Daemon) -> None:
    assert daemon.argv[0] == str(tools.path(daemon.name))
    assert all(word.startswith("--") for word in daemon.argv[1:])
    assert len(flags(daemon)) == len(daemon.argv) - 1


@pytest.mark.parametrize("daemon", [pytest.param(one, id=one.name) for one in DAEMONS[2:]])
def test_controllers_listen_on_the_loopback_with_a_kubeconfig_of_their_own(
    daemon: Daemon,
) -> None:
    given = flags(daemon)

    assert given["--bind-address"] == "127.0.0.1"
    assert given["--kubeconfig"] == given["--authentication-kubeconfig"]
    assert [Path(given["--kubeconfig"])] == list(daemon.configuration)
    assert given["--leader-elect"] == "false"


def test_the_store_listens_on_the_loopback_alone() -> None:
    given = flags(DAEMONS[0])

    assert given["--listen-client-urls"] == "http://127.0.0.1:2"
    assert given["--listen-peer-urls"] == "http://127.0.0.1:3"
    assert given["--initial-cluster"] == "x=http://127.0.0.1:3"
    assert given["--data-dir"] == "/nowhere/x/etcd"


def test_only_a_store_that_may_be_lost_goes_without_writing_through() -> None:
    quick = components.etcd(PLACE, ENDPOINTS, durable=False)

    assert "--unsafe-no-fsync" not in DAEMONS[0].argv
    assert "--unsafe-no-fsync" in quick.argv


def test_the_api_server_serves_at_its_address_and_writes_down_every_request() -> None:
    given = flags(DAEMONS[1])

    assert (given["--bind-address"], given["--secure-port"]) == ("10.9.9.9", "1")
    assert given["--etcd-servers"] == "http://127.0.0.1:2"
    assert given["--authorization-mode"] == "Node,RBAC"
    assert given["--audit-log-path"] == "/nowhere/x/logs/audit.log"
    assert Path(given["--audit-policy-file"]).exists()


@pytest.mark.parametrize(("reachable", "kind"), [(True, "lease"), (False, "none")])
def test_only_pods_need_the_api_servers_own_endpoints(kind: str, *, reachable: bool) -> None:
    given = flags(components.apiserver(PLACE, ENDPOINTS, reachable=reachable))

    assert given["--endpoint-reconciler-type"] == kind


def test_the_certificates_are_those_that_the_command_lines_name() -> None:
    issued = {certificate.name: certificate for certificate in components.certificates(ENDPOINTS)}

    named = {
        Path(value).name
        for daemon in DAEMONS
        for value in flags(daemon).values()
        if value.startswith("/nowhere/x/pki/")
    }
    made = {f"{name}.{kind}" for name in issued for kind in ("crt", "key")}
    authorities = {"ca.crt", "ca.key", "front-proxy-ca.crt"}
    assert named <= made | authorities | {"service-account.crt", "service-account.key"}
    assert set(components.CLIENTS) <= set(issued)
    assert {"10.9.9.9", "127.0.0.1", "10.96.0.1", "localhost"} <= set(issued["apiserver"].addresses)
