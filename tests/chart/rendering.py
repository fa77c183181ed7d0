"""The chart as real helm renders it; each set of values once in a test run."""

import contextlib
import functools
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
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
    namespace: str = NAMESPACE,
    kubernetes: str = KUBERNETES,
    apis: tuple[str, ...] = (),
    **values: Any,
) -> tuple[Manifest, ...]:
    """Every object of a release with these values, tests of helm included; `apis` are kinds that the cluster knows too."""
    place = _place(release, namespace, kubernetes)
    return _render(place, apis, json.dumps(values, sort_keys=True))


@functools.cache
def _render(place: tuple[str, ...], apis: tuple[str, ...], values: str) -> tuple[Manifest, ...]:
    return _objects(_template(values, place=place, apis=apis))


def reusing(values: Any, apis: tuple[str, ...] = ()) -> tuple[Manifest, ...]:
    """Every object of a release that is upgraded with --reuse-values: these stand in place of the chart's own."""
    with _copy() as chart:
        (chart / "values.yaml").write_text(yaml.safe_dump(values))
        return _objects(_template("{}", apis=apis, chart=chart))


def notes(**values: Any) -> str:
    """What helm tells once it has installed a release; `helm template` does not, so an object has it here."""
    with _copy() as chart:
        (chart / "templates" / "NOTES.txt").rename(chart / "files" / "NOTES.txt")
        shown = '{kind: Notes, text: {{ tpl (.Files.Get "files/NOTES.txt") . | toJson }}}'
        (chart / "templates" / "notes.yaml").write_text(shown)
        objects = _objects(_template(json.dumps(values), chart=chart))
    [text] = [item["text"] for item in objects if item["kind"] == "Notes"]
    return str(text)


@contextlib.contextmanager
def _copy() -> Iterator[Path]:
    """The chart, to be changed."""
    with tempfile.TemporaryDirectory() as folder:
        chart = Path(folder) / CHART.name
        shutil.copytree(CHART, chart)
        yield chart


class _AsGoReads(yaml.CSafeLoader):
    """1e3 is a number to Kubernetes and to Helm. Of libyaml: the CRD alone takes the pure parser longer than helm takes for all."""


_AsGoReads.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    [*"-+0123456789"],
)


def _objects(result: subprocess.CompletedProcess[str]) -> tuple[Manifest, ...]:
    assert result.returncode == 0, result.stderr
    documents = yaml.load_all(result.stdout, Loader=_AsGoReads)
    return tuple(item for item in documents if item)


def refusal(*, kubernetes: str = KUBERNETES, **values: Any) -> str:
    """What helm says when it will not render these values."""
    result = _template(json.dumps(values), place=_place(kubernetes=kubernetes))
    assert result.returncode != 0, "the values were accepted"
    return result.stderr


def _place(
    release: str = RELEASE, namespace: str = NAMESPACE, kubernetes: str = KUBERNETES
) -> tuple[str, ...]:
    return release, "--namespace", namespace, "--kube-version", kubernetes


def _template(
    values: str,
    *,
    place: tuple[str, ...] = _place(),
    apis: tuple[str, ...] = (),
    chart: Path = CHART,
) -> subprocess.CompletedProcess[str]:
    release, *options = place
    known = [f"--api-versions={api}" for api in apis]
    return helm(
        "template",
        release,
        str(chart),
        *options,
        *known,
        "--values",
        "-",
        values=json.loads(values),
    )


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
