"""The chart as real helm renders it; each set of values once in a test run."""

import functools
import json
import subprocess
from typing import Any

import yaml

from dev import tools
from dev.paths import REPOSITORY

Manifest = dict[str, Any]

Permission = tuple[str, str, str]
"""API group, resource with its subresource, verb: what RBAC decides about."""

CHART = REPOSITORY / "charts" / "deepseek-operator"
RELEASE = "deepseek-operator"
NAMESPACE = "deepseek-system"
KUBERNETES = "1.35.4"


def helm(*arguments: str, values: Any = None) -> subprocess.CompletedProcess[str]:
    """Run helm; `values` go to its standard input."""
    return subprocess.run(
        [str(tools.path("helm")), *arguments],
        input=json.dumps(values or {}),
        capture_output=True,
        text=True,
        check=False,
    )


def render(
    *,
    release: str = RELEASE,
    kubernetes: str = KUBERNETES,
    apis: tuple[str, ...] = (),
    **values: Any,
) -> tuple[Manifest, ...]:
    """Every object of a release with these values, tests of helm included; `apis` are kinds that the cluster knows too."""
    return _render(release, kubernetes, apis, json.dumps(values, sort_keys=True))


@functools.cache
def _render(
    release: str, kubernetes: str, apis: tuple[str, ...], values: str
) -> tuple[Manifest, ...]:
    result = _template(release, kubernetes, values, apis)
    assert result.returncode == 0, result.stderr
    # libyaml: the CRD alone takes the pure parser longer than helm takes for all.
    documents = yaml.load_all(result.stdout, Loader=yaml.CSafeLoader)
    return tuple(item for item in documents if item)


def refusal(*, kubernetes: str = KUBERNETES, **values: Any) -> str:
    """What helm says when it will not render these values."""
    result = _template(RELEASE, kubernetes, json.dumps(values))
    assert result.returncode != 0, "the values were accepted"
    return result.stderr


def _template(
    release: str, kubernetes: str, values: str, apis: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    known = [f"--api-versions={api}" for api in apis]
    place = ("--namespace", NAMESPACE, "--kube-version", kubernetes, *known)
    return helm("template", release, str(CHART), *place, "--values", "-", values=json.loads(values))


def of_kind(kind: str, **values: Any) -> list[Manifest]:
    """The rendered objects of one kind."""
    return [item for item in render(**values) if item["kind"] == kind]


def only(kind: str, **values: Any) -> Manifest:
    """The one object of a kind, tests of helm left out."""
    found = [item for item in of_kind(kind, **values) if not is_test(item)]
    assert len(found) == 1, found
    return found[0]


def is_test(manifest: Manifest) -> bool:
    """Whether only `helm test` creates the object."""
    return "helm.sh/hook" in manifest["metadata"].get("annotations", {})


def pod_spec(**values: Any) -> Manifest:
    """The operator's pod."""
    spec: Manifest = only("Deployment", **values)["spec"]["template"]["spec"]
    return spec


def container(**values: Any) -> Manifest:
    """The operator's container."""
    found: Manifest = pod_spec(**values)["containers"][0]
    return found


def environment(**values: Any) -> dict[str, Any]:
    """The operator's environment: values, and references where they come from elsewhere."""
    return {
        item["name"]: item.get("value", item.get("valueFrom"))
        for item in container(**values)["env"]
    }


def granted(*roles: Manifest) -> set[Permission]:
    """What roles permit."""
    return {
        (group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
