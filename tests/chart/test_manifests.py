"""Every object of every set of values is one that the API server would take."""

import functools
import json
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.chart import definitions, rendering
from tests.chart.matrix import MATRIX
from tests.chart.rendering import Manifest

KUBERNETES_VERSIONS = ("1.30", "1.35")

every_set_of_values = pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@every_set_of_values
def test_objects_are_valid_to_the_last_field(values: dict[str, Any], version: str) -> None:
    for manifest in rendering.render(**values):
        _validate(json.dumps(manifest), version)


@pytest.mark.parametrize("name", ["1234", "1e3", "null", "on", "true"])
def test_a_release_and_a_namespace_may_be_called_what_yaml_reads_otherwise(name: str) -> None:
    values = {**MATRIX["watched"], "watchNamespaces": [name]}

    for manifest in rendering.render(release=name, namespace=name, **values):
        _validate(json.dumps(manifest), KUBERNETES_VERSIONS[-1])
        assert manifest["metadata"].get("namespace") in (None, name)
        assert manifest["metadata"]["labels"]["app.kubernetes.io/instance"] == name


@functools.cache
def _validate(manifest: str, version: str) -> None:
    """Most objects are the same in most sets of values: each is checked once."""
    read = json.loads(manifest)
    if read["apiVersion"].startswith("monitoring.coreos.com/"):
        definitions.validate(read)
    else:
        kubernetes_validate.validate(read, version, strict=True)


@every_set_of_values
def test_no_two_objects_have_one_name(values: dict[str, Any]) -> None:
    names = [_name(item) for item in rendering.render(**values)]

    assert len(names) == len(set(names))


@every_set_of_values
def test_objects_are_in_the_release_or_in_a_watched_namespace(values: dict[str, Any]) -> None:
    namespaces = {item["metadata"].get("namespace") for item in rendering.render(**values)}

    assert namespaces <= {None, rendering.NAMESPACE, *values.get("watchNamespaces", ())}


@every_set_of_values
def test_objects_say_whose_they_are(values: dict[str, Any]) -> None:
    for manifest in rendering.render(**values):
        labels = manifest["metadata"]["labels"]

        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert labels["app.kubernetes.io/instance"] == rendering.RELEASE
        assert all(len(value) <= 63 for value in labels.values())


@every_set_of_values
def test_selectors_select_the_operators_pods_alone(values: dict[str, Any]) -> None:
    objects = rendering.render(**values)
    labels = rendering.only("Deployment", **values)["spec"]["template"]["metadata"]["labels"]
    tests = [item for item in objects if item["kind"] == "Pod"]

    for selector in _selectors(objects):
        assert selector.items() <= labels.items()
        assert not any(selector.items() <= item["metadata"]["labels"].items() for item in tests)


def test_the_chart_passes_helms_own_strict_check() -> None:
    result = rendering.helm("lint", "--strict", str(rendering.CHART))

    assert result.returncode == 0, result.stdout + result.stderr


def test_two_releases_in_one_cluster_share_no_name_without_a_namespace() -> None:
    first = {_name(item) for item in rendering.render(crds={"install": False})}
    second = {_name(item) for item in rendering.render(release="other", crds={"install": False})}

    assert not first & second


def test_an_old_kubernetes_is_refused_by_name() -> None:
    assert "kubeVersion: >=1.30.0-0" in rendering.refusal(kubernetes="1.29.4")


def test_the_crd_is_the_generated_one_and_outlives_the_release() -> None:
    text = (rendering.CHART.parent.parent / "crds" / "deepseekdeployments.yaml").read_text()
    generated = yaml.safe_load(text)

    installed = rendering.only("CustomResourceDefinition")

    assert _exactly(generated["spec"]) == _exactly(installed["spec"])
    assert generated["metadata"]["name"] == installed["metadata"]["name"]
    assert installed["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_the_crd_can_be_left_to_another_release() -> None:
    assert not rendering.of_kind("CustomResourceDefinition", crds={"install": False})


def _exactly(value: Any) -> str:
    """As JSON, where 1 and 1.0 differ, as they do to the API server."""
    return json.dumps(value, sort_keys=True)


def _name(manifest: Manifest) -> tuple[str, str | None, str]:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace"), metadata["name"]


def _selectors(objects: tuple[Manifest, ...]) -> list[dict[str, str]]:
    found = []
    for item in objects:
        if item["kind"] == "Service":
            found.append(item["spec"]["selector"])
        if item["kind"] in ("Deployment", "PodDisruptionBudget"):
            found.append(item["spec"]["selector"]["matchLabels"])
        if item["kind"] == "NetworkPolicy":
            found.append(item["spec"]["podSelector"]["matchLabels"])
        if item["kind"] == "Deployment":
            spread = item["spec"]["template"]["spec"].get("topologySpreadConstraints", ())
            found += [constraint["labelSelector"]["matchLabels"] for constraint in spread]
    return found
