"""Mutants of what keeps namespaces, clients and words of users apart."""

from tests.mutants.patch import Mutant

_POLICIES = "tests/unit/build/test_policies.py"

SECURITY = (
    Mutant(
        name="sent-elsewhere",
        breaks="an engine's image has the operator ask what its user does not reach",
        file="telemetry/bodies.py",
        old="timeout=timeout, allow_redirects=False",
        new="timeout=timeout",
        caught_by=("tests/unit/telemetry/test_bodies.py::test_a_pod_sends_nobody_elsewhere",),
    ),
    Mutant(
        name="anybodys-account",
        breaks="a gateway runs with the token of somebody else's ServiceAccount",
        file="execute.py",
        old=" or met.lacks_its_account(desired):",
        new=":",
        caught_by=(
            "tests/unit/test_execute_setbacks.py::test_no_gateway_runs_with_the_rights_of_somebody_elses_account",
        ),
    ),
    Mutant(
        name="dns-on-one-port",
        breaks="pods find no names where the pods of DNS listen on another port",
        file="build/policies.py",
        old="        ports = scene.policies.dns_ports\n",
        new="        ports = (53,)\n",
        caught_by=(f"{_POLICIES}::test_dns_is_asked_where_its_pods_listen",),
    ),
    Mutant(
        name="open-where-no-way-is",
        breaks="a policy leaves a direction out of which no way is known, and it is open",
        file="build/policies.py",
        old='"policyTypes": ["Ingress", "Egress"],',
        new='"policyTypes": ["Ingress"],',
        caught_by=(
            f"{_POLICIES}::test_nobody_reaches_anybody_but_who_has_to",
            f"{_POLICIES}::test_every_kind_of_pod_has_a_policy_in_both_directions",
        ),
    ),
    Mutant(
        name="credentials-of-the-node",
        breaks="pods that fetch weights reach the cloud's metadata",
        file="build/policies.py",
        old='{"ipBlock": {"cidr": block, "except": list(but)}}',
        new='{"ipBlock": {"cidr": block}}',
        caught_by=(f"{_POLICIES}::test_nobody_reaches_anybody_but_who_has_to",),
    ),
    Mutant(
        name="operators-of-any-namespace",
        breaks="a pod with the operator's label reaches engines from any namespace",
        file="build/policies.py",
        old='"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: policies.operator_namespace}}',
        new='"namespaceSelector": {}',
        caught_by=(f"{_POLICIES}::test_nobody_reaches_anybody_but_who_has_to",),
    ),
    Mutant(
        name="policies-left-behind",
        breaks="policies stay where none are wanted any more",
        file="observe.py",
        old='if with_policies or "networkPolicies" in stored:',
        new="if with_policies:",
        caught_by=(
            "tests/unit/test_calls.py::test_network_policies_are_one_read_more_and_read_until_they_are_gone",
        ),
    ),
    Mutant(
        name="quiet-beside-a-fallback",
        breaks="what a fallback risks is not warned of",
        file="api/warnings.py",
        old="            yield from fallback\n",
        new="            yield from ()\n",
        caught_by=(
            "tests/unit/api/test_warnings.py::test_what_is_said_of_a_spec_and_by_both_forms",
        ),
    ),
)
