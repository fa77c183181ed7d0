"""Paths of the API."""

import pytest

from deepseek_operator.kube import resources
from deepseek_operator.kube.resources import Resource


@pytest.mark.parametrize(
    ("resource", "namespace", "name", "sub", "path"),
    [
        pytest.param(
            resources.DEPLOYMENT,
            "ns",
            "x",
            "",
            "/apis/apps/v1/namespaces/ns/deployments/x",
            id="object",
        ),
        pytest.param(
            resources.SERVICE, "ns", None, "", "/api/v1/namespaces/ns/services", id="core"
        ),
        pytest.param(resources.POD, None, None, "", "/api/v1/pods", id="everywhere"),
        pytest.param(
            resources.POD, "ns", "p", "log", "/api/v1/namespaces/ns/pods/p/log", id="subresource"
        ),
    ],
)
def test_a_path_leads_to_a_collection_an_object_or_a_part(
    resource: Resource, namespace: str | None, name: str | None, sub: str, path: str
) -> None:
    assert path == resource.path(namespace, name, sub=sub)


def test_a_child_is_found_by_its_version_and_kind() -> None:
    for resource in resources.CHILDREN:
        manifest: dict[str, object] = {"apiVersion": resource.api_version, "kind": resource.kind}
        assert resource is resources.resource_of(manifest)
