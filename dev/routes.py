"""Networks that the embedded cluster takes on this machine, and routes of others that are in their way."""

# Read by dev.preflight, which runs on Pythons that are too old for all else.
from __future__ import annotations

import ipaddress
import json
import shutil
from typing import TYPE_CHECKING, Any

from dev.answers import said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LINK_NETWORK = "10.243.0.0/30"
POD_NETWORK = "10.244.0.0/24"
SERVICE_NETWORK = "10.96.0.0/16"

LINKS = "dso-"
"""How the names of the embedded clusters' own links begin."""


def is_of_a_cluster(link: str) -> bool:
    """Whether a link is an embedded cluster's."""
    return link.startswith(LINKS)


def observed() -> Sequence[dict[str, Any]]:
    """The machine's routes; none where no program tells them."""
    program = shutil.which("ip") or "/usr/sbin/ip"
    found: Sequence[dict[str, Any]] = json.loads(said(program, "-json", "route", "show") or "[]")
    return found


def in_the_way(
    routes: Sequence[dict[str, Any]], is_own: Callable[[str], bool] = is_of_a_cluster
) -> Iterator[str]:
    """What is wrong with each route that the cluster's would break, or that would break the cluster's, with the remedy.

    Those on links that are `is_own` are the cluster's. A wider route to somewhere behind a gateway or a
    tunnel goes on, but for the part that the cluster takes; of the network that an interface is in, no part may be.
    """
    for route in routes:
        link = str(route.get("dev", ""))
        if is_own(link) or route["dst"] == "default":
            continue
        there = ipaddress.ip_network(route["dst"])
        for network in (LINK_NETWORK, POD_NETWORK, SERVICE_NETWORK):
            ours = ipaddress.ip_network(network)
            is_within = there.prefixlen >= ours.prefixlen
            if there.overlaps(ours) and (is_within or route.get("protocol") == "kernel"):
                yield (
                    f"The network {network}, which the cluster needs, is in use: {route['dst']} is"
                    f" {'on ' + link if link else 'routed'}. Take that interface or route down, or use your own"
                    " cluster with CLUSTER=current."
                )
