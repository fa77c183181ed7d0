"""The whole cluster's own network namespace, joined to the machine by one link.

All that a node does to a network - bridges and links of pods, packet filter rules, forwarding - it does in that namespace.
The machine gets one interface with the routes to pods and Services, and loses them with it.
"""

import json
import socket
from pathlib import Path

from dev import routes, steps
from dev.cluster.layout import HOST_ADDRESS, NODE_ADDRESS, Layout
from dev.routes import LINK_NETWORK, POD_NETWORK, SERVICE_NETWORK

INSIDE = "node0"
"""The link's name in the namespace."""


def outside(place: Layout) -> str:
    """The link's name on the machine; the kernel allows 15 characters."""
    return f"{routes.LINKS}{place.name}"[:15]


def namespace(place: Layout) -> Path:
    """The file that stands for the cluster's network namespace."""
    return Path("/run/netns") / f"dso-{place.name}"


def create(place: Layout) -> None:
    """Make the namespace and the link, or complete what is there."""
    name = namespace(place).name
    refuse_taken_networks(outside(place))
    if not namespace(place).exists():
        steps.run(["ip", "netns", "add", name])
    if outside(place) not in links():
        pair = ["type", "veth", "peer", "name", INSIDE, "netns", name]
        steps.run(["ip", "link", "add", outside(place), *pair])
    for command in configuration(name, outside(place)):
        steps.run(command)
    inside = ["nsenter", f"--net={namespace(place)}", "--"]
    steps.run([*inside, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])


def configuration(name: str, link: str) -> list[list[str]]:
    """The commands that give both ends their addresses and routes; each may be repeated."""
    prefix = LINK_NETWORK.partition("/")[2]
    within = ["ip", "-n", name]
    return [
        [*within, "link", "set", "lo", "up"],
        [*within, "address", "replace", f"{NODE_ADDRESS}/{prefix}", "dev", INSIDE],
        [*within, "link", "set", INSIDE, "up"],
        # A route lets the node's own programs call Services; nothing else leaves, and fails at once.
        [*within, "route", "replace", SERVICE_NETWORK, "dev", INSIDE],
        [*within, "route", "replace", "unreachable", "default"],
        ["ip", "address", "replace", f"{HOST_ADDRESS}/{prefix}", "dev", link],
        ["ip", "link", "set", link, "up"],
        ["ip", "route", "replace", SERVICE_NETWORK, "via", NODE_ADDRESS, "dev", link],
        ["ip", "route", "replace", POD_NETWORK, "via", NODE_ADDRESS, "dev", link],
    ]


def remove(place: Layout) -> None:
    """Remove the link and the namespace, whatever there is of them; where there is nothing, no program is needed."""
    if outside(place) in links():
        steps.run(["ip", "link", "delete", outside(place)])
    if namespace(place).exists():
        steps.run(["ip", "netns", "delete", namespace(place).name])


def links() -> list[str]:
    """The names of the machine's network interfaces."""
    return [name for _, name in socket.if_nameindex()]


def refuse_taken_networks(own: str) -> None:
    """StepError when the machine already routes one of the cluster's networks elsewhere than over its link."""
    found = json.loads(steps.run(["ip", "-json", "route", "show"]))
    if said := list(routes.in_the_way(found, lambda link: link == own)):
        raise steps.StepError("\n".join(said))
