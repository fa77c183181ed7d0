"""Permissions, exactly: what the operator may do, where, and what people may do."""

import re
import shlex
from typing import Any

import pytest
import yaml

from deepseek_operator.kube import resources
from deepseek_operator.kube.resources import Resource
from dev.generate import permissions
from tests.chart import rendering
from tests.chart.rendering import Manifest, Permission

OWNER = "deepseek-system:deepseek-operator"
CHILD_VERBS = ("get", "list", "watch", "create", "patch", "delete")
CHANGED_VERBS = ("get", "list", "create", "patch")
"""Of what is neither watched nor deleted."""

WORK: set[Permission] = {
    *{("serving.deepseek.dev", "deepseekdeployments", verb) for verb in ("get", "list", "watch")},
    ("serving.deepseek.dev", "deepseekdeployments/status", "patch"),
    ("serving.deepseek.dev", "deepseekdeployments/finalizers", "update"),
    *{("apps", "controllerrevisions", verb) for verb in CHILD_VERBS},
    *{("apps", "deployments", verb) for verb in CHILD_VERBS},
    *{("policy", "poddisruptionbudgets", verb) for verb in CHILD_VERBS},
    *{("networking.k8s.io", "networkpolicies", verb) for verb in CHILD_VERBS},
    *{("", "services", verb) for verb in CHILD_VERBS},
    *{("", "persistentvolumeclaims", verb) for verb in CHILD_VERBS},
    *{("batch", "jobs", verb) for verb in CHILD_VERBS},
    *{("", "configmaps", verb) for verb in CHILD_VERBS},
    *{("", "serviceaccounts", verb) for verb in CHILD_VERBS},
    *{("rbac.authorization.k8s.io", "roles", verb) for verb in CHILD_VERBS},
    *{("rbac.authorization.k8s.io", "rolebindings", verb) for verb in CHILD_VERBS},
    *{("discovery.k8s.io", "endpointslices", verb) for verb in ("get", "list", "watch")},
    *{("gateway.networking.k8s.io", "httproutes", verb) for verb in CHILD_VERBS if verb != "watch"},
    ("gateway.networking.k8s.io", "gateways", "get"),
    *{
        ("leaderworkerset.x-k8s.io", "leaderworkersets", verb)
        for verb in CHILD_VERBS
        if verb != "watch"
    },
    *{("monitoring.coreos.com", "podmonitors", verb) for verb in CHANGED_VERBS},
    ("", "pods", "list"),
    ("", "pods", "watch"),
    ("", "pods/log", "get"),
    ("", "pods/status", "patch"),
    *{("", "events", verb) for verb in CHANGED_VERBS},
}
"""In each watched namespace."""

CLUSTER: set[Permission] = {
    ("", "nodes", "list"),
    ("resource.k8s.io", "resourceslices", "list"),
    ("resource.k8s.io", "resourceclaims", "list"),
    ("resource.k8s.io", "deviceclasses", "list"),
}
"""Of what has no namespace, or is counted in all of them; only where every namespace is served."""

NAMESPACED: dict[str, Any] = {"watchNamespaces": ["team-a", "team-b"]}


def test_the_operator_works_in_the_whole_cluster_by_one_role() -> None:
    [role] = _operator_roles("ClusterRole")
    [binding] = rendering.of_kind("ClusterRoleBinding")

    assert role["metadata"]["name"] == OWNER
    assert rendering.granted(role) == WORK | CLUSTER
    _assert_binds(binding, role)


def test_the_operator_works_in_named_namespaces_by_a_role_in_each() -> None:
    roles = [role for role in _operator_roles("Role", **NAMESPACED) if _is_work(role)]
    bindings = [item for item in rendering.of_kind("RoleBinding", **NAMESPACED) if _is_work(item)]

    assert [role["metadata"]["namespace"] for role in roles] == ["team-a", "team-b"]
    for role, binding in zip(roles, bindings, strict=True):
        assert rendering.granted(role) == WORK
        _assert_binds(binding, role)


def test_named_namespaces_give_no_permission_on_the_cluster() -> None:
    assert not rendering.of_kind("ClusterRoleBinding", **NAMESPACED)
    assert not _operator_roles("ClusterRole", **NAMESPACED)


def test_nothing_but_the_crd_is_without_a_namespace_when_roles_for_people_are_left_out() -> None:
    objects = rendering.render(
        **NAMESPACED, rbac={"aggregate": False}, admission={"warnings": False}
    )

    assert [item["kind"] for item in objects if "namespace" not in item["metadata"]] == [
        "CustomResourceDefinition"
    ]


def test_the_readmes_install_without_rights_on_the_cluster_has_nothing_of_it() -> None:
    readme = (rendering.CHART / "README.md").read_text()
    found = re.search(r"helm install (?:.*\\\n)+ *--set crds\.install=false.*", readme)
    assert found
    _, verb, release, _, *options = shlex.split(found[0].replace("\\\n", " "))
    assert verb == "install"
    options.remove("--wait")

    shown = rendering.helm(
        "template", release, str(rendering.CHART), "--kube-version", rendering.KUBERNETES, *options
    )

    assert shown.returncode == 0, shown.stderr
    objects = [one for one in yaml.safe_load_all(shown.stdout) if one]
    assert {one["metadata"].get("namespace") for one in objects} == {"team-a"}
    assert {"Deployment", "Role"} <= {one["kind"] for one in objects}


@pytest.mark.parametrize("values", [{}, NAMESPACED], ids=["whole cluster", "named namespaces"])
def test_leases_are_for_the_releases_namespace_alone(values: dict[str, Any]) -> None:
    [role] = [item for item in _operator_roles("Role", **values) if not _is_work(item)]
    [binding] = [item for item in rendering.of_kind("RoleBinding", **values) if not _is_work(item)]

    assert role["metadata"]["namespace"] == rendering.NAMESPACE
    _assert_binds(binding, role)
    assert [
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": [rendering.environment(**values)["DSO_LEASE_NAME"]],
            "verbs": ["get", "update"],
        },
    ] == role["rules"]


@pytest.mark.parametrize(
    "child", [*resources.CHILDREN, *resources.SHARED], ids=lambda item: item.plural
)
def test_every_kind_of_child_that_the_operator_knows_is_granted(child: Resource) -> None:
    [role] = _operator_roles("ClusterRole")

    assert {(child.group, child.plural, verb) for verb in CHILD_VERBS} <= rendering.granted(role)


def test_no_rule_has_a_wildcard_or_reads_secrets() -> None:
    for role in [*rendering.of_kind("ClusterRole"), *rendering.of_kind("Role")]:
        for group, resource, verb in rendering.granted(role):
            assert "*" not in (group, resource, verb)
            assert resource != "secrets"


def test_the_readme_says_what_is_granted_and_of_nothing_else_that_it_is_not() -> None:
    text = (rendering.CHART / "README.md").read_text()
    _, _, rest = text.partition(permissions.BEGIN)
    table, _, after = rest.partition(permissions.END)
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if "`" in line]
    denied = {"secrets", "persistentvolumes", "clusterroles", "clusterrolebindings"}

    assert {
        ("" if group == "core" else group, resource.strip("`"), verb)
        for resource, group, verbs in rows
        for verb in verbs.split(", ")
    } == WORK
    assert all(word in after.lower() for word in denied)
    assert not denied & {resource for _, resource, _ in WORK | CLUSTER}
    assert all(f"`{resource}`" in after for _, resource, _ in CLUSTER)


def test_people_get_the_new_kind_by_the_clusters_own_roles() -> None:
    view, edit = (_aggregated(to) for to in ("view", "edit"))

    assert {
        ("serving.deepseek.dev", f"deepseekdeployments{sub}", verb)
        for sub in ("", "/status", "/scale")
        for verb in ("get", "list", "watch")
    } == rendering.granted(view)
    assert {
        *(
            ("serving.deepseek.dev", "deepseekdeployments", verb)
            for verb in ("create", "update", "patch", "delete", "deletecollection")
        ),
        *(("serving.deepseek.dev", "deepseekdeployments/scale", v) for v in ("update", "patch")),
    } == rendering.granted(edit)
    assert edit == _aggregated("admin")


def test_people_never_write_status() -> None:
    assert not {
        verb
        for to in ("view", "edit", "admin")
        for _, resource, verb in rendering.granted(_aggregated(to))
        if resource.endswith("/status") and verb not in ("get", "list", "watch")
    }


def test_permissions_can_be_left_to_an_administrator() -> None:
    values = {"rbac": {"create": False, "aggregate": False}}

    for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"):
        assert not rendering.of_kind(kind, **values)


def test_helm_test_has_an_account_without_any_permission() -> None:
    [account] = [item for item in rendering.of_kind("ServiceAccount") if rendering.is_test(item)]
    [pod] = rendering.of_kind("Pod")
    bound = {
        subject["name"]
        for kind in ("RoleBinding", "ClusterRoleBinding")
        for binding in rendering.of_kind(kind)
        for subject in binding["subjects"]
    }

    assert account["metadata"]["name"] == pod["spec"]["serviceAccountName"]
    assert account["metadata"]["name"] not in bound


def _operator_roles(kind: str, **values: Any) -> list[Manifest]:
    return [item for item in rendering.of_kind(kind, **values) if not _aggregation(item)]


def _is_work(manifest: Manifest) -> bool:
    return bool(manifest["metadata"]["name"] == OWNER)


def _aggregation(role: Manifest) -> set[str]:
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    labels = role["metadata"]["labels"]
    return {label.removeprefix(prefix) for label in labels if label.startswith(prefix)}


def _aggregated(to: str) -> Manifest:
    [role] = [item for item in rendering.of_kind("ClusterRole") if to in _aggregation(item)]
    return role


def _assert_binds(binding: Manifest, role: Manifest) -> None:
    assert role["metadata"].get("namespace") == binding["metadata"].get("namespace")
    assert {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": role["kind"],
        "name": role["metadata"]["name"],
    } == binding["roleRef"]
    assert [
        {
            "kind": "ServiceAccount",
            "name": rendering.pod_spec()["serviceAccountName"],
            "namespace": rendering.NAMESPACE,
        }
    ] == binding["subjects"]
