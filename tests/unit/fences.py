"""NetworkPolicies as the API defines them: who may connect to whom. For tests.

https://kubernetes.io/docs/concepts/services-networking/network-policies: a pod that no policy selects for a direction is
open in it; one that is selected is open to what any of the policies allows.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """A pod, or an address outside the cluster."""

    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    """Of what is no pod."""


@dataclass(frozen=True, slots=True)
class _Side:
    """One end of a connection, as policies for its direction see it."""

    own: End
    other: End
    direction: str
    peers: str


def may_connect(
    policies: Iterable[Manifest], source: End, target: End, port: int, *, protocol: str = "TCP"
) -> bool:
    """Whether both ends let it be."""
    known = tuple(policies)
    sides = _sides(source, target)
    return all(_is_open(known, side, port, protocol) for side in sides if not side.own.address)


def connects_by_one_chain(
    policies: Iterable[Manifest], source: End, target: End, port: int, *, protocol: str = "TCP"
) -> bool:
    """What an agent lets through beside, which has both directions of a policy in one chain, as kube-router 2.1 has.

    Between two pods that one policy selects, what the policy says of one end is enough for the other
    (`syncNetworkPolicyChains` in its pkg/controllers/netpol/policy.go).
    """
    known = tuple(policies)
    out, into = _sides(source, target)
    shared = [
        item
        for item in known
        if item["metadata"]["namespace"] == source.namespace == target.namespace
        and all(_selects(item["spec"]["podSelector"], end.labels) for end in (source, target))
    ]
    return all(
        _is_open(known, one, port, protocol)
        or any(_allows(item, other, port, protocol) for item in shared)
        for one, other in ((out, into), (into, out))
    )


def _sides(source: End, target: End) -> tuple[_Side, _Side]:
    return _Side(source, target, "Egress", "to"), _Side(target, source, "Ingress", "from")


def _is_open(policies: Iterable[Manifest], side: _Side, port: int, protocol: str) -> bool:
    binding = [
        item
        for item in policies
        if item["metadata"]["namespace"] == side.own.namespace
        and side.direction in item["spec"]["policyTypes"]
        and _selects(item["spec"]["podSelector"], side.own.labels)
    ]
    if not binding:
        return True
    return any(_allows(item, side, port, protocol) for item in binding)


def _allows(policy: Manifest, side: _Side, port: int, protocol: str) -> bool:
    return any(
        _has_port(rule, port, protocol)
        and _has_peer(rule.get(side.peers), side.other, side.own.namespace)
        for rule in policy["spec"].get(side.direction.lower(), [])
    )


def _has_port(rule: Manifest, port: int, protocol: str) -> bool:
    ports = rule.get("ports")
    return not ports or any(item["port"] == port and item["protocol"] == protocol for item in ports)


def _has_peer(peers: list[Manifest] | None, other: End, namespace: str) -> bool:
    return not peers or any(_is_meant(peer, other, namespace) for peer in peers)


def _is_meant(peer: Manifest, other: End, namespace: str) -> bool:
    if "ipBlock" in peer:
        if not other.address:
            return False
        block, address = peer["ipBlock"], ipaddress.ip_address(other.address)
        return address in ipaddress.ip_network(block["cidr"]) and not any(
            address in ipaddress.ip_network(but) for but in block.get("except", [])
        )
    if other.address:
        return False
    name = {"kubernetes.io/metadata.name": other.namespace}
    if "namespaceSelector" in peer:
        is_there = _selects(peer["namespaceSelector"], name)
    else:
        is_there = other.namespace == namespace
    return is_there and _selects(peer.get("podSelector", {}), other.labels)


def _selects(selector: Manifest, labels: Mapping[str, str]) -> bool:
    assert set(selector) <= {"matchLabels", "matchExpressions"}
    needed = selector.get("matchExpressions", [])
    assert all(set(one) == {"key", "operator"} and one["operator"] == "Exists" for one in needed)
    equal = selector.get("matchLabels", {}).items() <= dict(labels).items()
    return equal and all(one["key"] in labels for one in needed)
