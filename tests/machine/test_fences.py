"""NetworkPolicies enforced: kube-router's firewall lets through what the policies mean, and nothing else."""

import pytest

from dev import packages, tools
from tests.machine.fenced import fenced, wait_until
from tests.unit import fences
from tests.unit.build.test_policies import OUTSIDE, PORTS, SPEC, parties, policies_in, world_of

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(900)]


@pytest.fixture(scope="session")
def agent() -> None:
    """The agent, built from its Go module, and what it calls."""
    packages.install(["iproute2", "ipset", "iptables"])
    tools.install(["kubernetes", "etcd", "kube-router"])


@pytest.mark.usefixtures("agent")
def test_an_agent_lets_through_what_the_policies_mean_and_nothing_else() -> None:
    """Every pair of ends, and every port; before the agent runs all of them connect."""
    world, labels = world_of(**SPEC)
    # This node has no IPv6.
    ends = {
        name: end for name, end in {**parties(labels), **OUTSIDE}.items() if ":" not in end.address
    }
    policies = policies_in(world)
    everything = {
        (source, target, port)
        for source, from_ in ends.items()
        for target, to in ends.items()
        for port in PORTS
        if source != target and not (from_.address and to.address)
    }
    meant = {
        (source, target, port)
        for source, target, port in everything
        if fences.may_connect(policies, ends[source], ends[target], port)
    }
    beside = {
        (source, target, port)
        for source, target, port in everything - meant
        if fences.connects_by_one_chain(policies, ends[source], ends[target], port)
    }

    with fenced(ends, PORTS) as node:
        wait_until(lambda: node.reached(PORTS) == everything, what="everybody reaches everybody")
        for policy in policies:
            metadata = {key: policy["metadata"][key] for key in ("name", "namespace")}
            node.kubectl("create", "-f", "-", manifest={**policy, "metadata": metadata})
        node.fence()
        wait_until(lambda: node.reached(PORTS) != everything, what="the agent enforces something")
        found = set[tuple[str, str, int]]()

        def settled() -> bool:
            before = set(found)
            found.clear()
            found.update(node.reached(PORTS))
            return found == before

        wait_until(settled, what="the agent has done all of it")

    assert (sorted(found - meant - beside), sorted(meant - found)) == ([], [])
    assert 0 < len(meant) < len(everything)
    # It is of pods that listen to nobody, and of no other.
    assert {name for source, target, _ in beside for name in (source, target)} <= {
        "fetch",
        "listing",
    }
