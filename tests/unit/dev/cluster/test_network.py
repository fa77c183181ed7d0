"""The cluster's network: names that the kernel takes, commands that may be repeated."""

from pathlib import Path

import pytest

from dev import steps
from dev.cluster import network
from dev.cluster.layout import Layout
from tests.unit.dev.programs import fake_program


@pytest.mark.parametrize(
    ("name", "link"),
    [
        pytest.param("dev", "dso-dev", id="short"),
        pytest.param("a-very-long-name", "dso-a-very-long", id="cut-to-15-characters"),
    ],
)
def test_the_link_is_named_after_its_cluster_as_far_as_the_kernel_allows(
    name: str, link: str
) -> None:
    place = Layout(name, Path("/nowhere"))

    assert link == network.outside(place)
    assert network.namespace(place) == Path(f"/run/netns/dso-{name}")


def test_where_nothing_was_made_nothing_is_needed_to_remove_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = fake_program(tmp_path, "ip", monkeypatch)

    network.remove(Layout("never-made", tmp_path))

    assert asked() == []


def test_a_network_that_is_in_use_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = """echo '[{"dst": "10.96.0.0/20", "dev": "eth1", "protocol": "kernel"}]'"""
    asked = fake_program(tmp_path, "ip", monkeypatch, {"-json*": answer})

    with pytest.raises(steps.StepError, match=r"10\.96\.0\.0/20 is on eth1"):
        network.create(Layout("never-made", tmp_path))

    assert asked() == ["-json route show"]


COMMANDS = [" ".join(command) for command in network.configuration("dso-x", "link-x")]


def test_every_command_may_be_repeated() -> None:
    for command in COMMANDS:
        assert " replace " in command or " link set " in command
        assert " add " not in command


def test_both_ends_get_their_address_in_the_namespace_and_outside() -> None:
    assert "ip -n dso-x address replace 10.243.0.1/30 dev node0" in COMMANDS
    assert "ip address replace 10.243.0.2/30 dev link-x" in COMMANDS


def test_the_machine_reaches_pods_and_services_through_the_node_alone() -> None:
    outside = [command for command in COMMANDS if command.startswith("ip route")]

    assert outside == [
        "ip route replace 10.96.0.0/16 via 10.243.0.1 dev link-x",
        "ip route replace 10.244.0.0/24 via 10.243.0.1 dev link-x",
    ]


def test_nothing_else_leaves_the_namespace() -> None:
    assert "ip -n dso-x route replace unreachable default" in COMMANDS


def test_links_are_up_before_routes_lead_through_them() -> None:
    up = COMMANDS.index("ip -n dso-x link set node0 up")
    routed = min(number for number, text in enumerate(COMMANDS) if " route " in text)

    assert up < routed
