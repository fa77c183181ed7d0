"""The CustomResourceDefinition, generated from the types: `python -m deepseek_operator.api.crd`."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import yaml

from deepseek_operator.api import names, rules, schema, types
from deepseek_operator.api.status import DeepSeekDeploymentStatus

PRINTER_COLUMNS: list[dict[str, str | int]] = [
    {"name": "Model", "type": "string", "jsonPath": ".spec.model"},
    {
        "name": "Ready",
        "type": "string",
        "jsonPath": '.status.conditions[?(@.type=="Ready")].status',
    },
    {"name": "Serving", "type": "string", "jsonPath": ".status.serving.model"},
    {
        "name": "Replicas",
        "type": "string",
        "jsonPath": ".status.serving.readyReplicas",
        "description": "Replicas of the serving revision that answer.",
    },
    {
        "name": "Status",
        "type": "string",
        "jsonPath": '.status.conditions[?(@.type=="Ready")].message',
    },
    {
        "name": "Revision",
        "type": "string",
        "jsonPath": ".status.serving.revision",
        "priority": 1,
    },
    {"name": "URL", "type": "string", "jsonPath": ".status.url", "priority": 1},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]


def build_crd(
    *, served: Sequence[str] = (names.VERSION,), stored: str = names.VERSION
) -> dict[str, Any]:
    """The complete CustomResourceDefinition of DeepSeekDeployment.

    All versions that are served have one schema, so that none needs to be converted but by its name
    (conversion None, the server's default); `stored` is the one in which objects are kept.
    """
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.PLURAL}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": names.KIND.lower(),
                "shortNames": ["dsd"],
                "categories": ["all"],
            },
            "versions": [_version(name, is_stored=name == stored) for name in served],
        },
    }


def _version(name: str, *, is_stored: bool) -> dict[str, Any]:
    return {
        "name": name,
        "served": True,
        "storage": is_stored,
        "schema": {"openAPIV3Schema": _object_schema()},
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "additionalPrinterColumns": PRINTER_COLUMNS,
    }


def _object_schema() -> dict[str, Any]:
    spec = schema.structural_schema(types.DeepSeekDeploymentSpec)
    status = schema.without_defaults(schema.structural_schema(DeepSeekDeploymentStatus))
    return {
        "type": "object",
        "description": types.DeepSeekDeployment.__doc__,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
        "x-kubernetes-validations": rules.OBJECT,
    }


def render() -> str:
    """The CRD as YAML, as committed under `crds/`."""
    header = "# Generated from operator/deepseek_operator/api by `make generate`; do not edit.\n"
    return header + yaml.safe_dump(build_crd(), sort_keys=False, allow_unicode=True, width=100)


if __name__ == "__main__":
    sys.stdout.write(render())


def render_spec() -> str:
    """The spec's schema as JSON, as the package has it beside the types; without what only people read."""
    spec = schema.structural_schema(types.DeepSeekDeploymentSpec)
    return json.dumps(schema.without_descriptions(spec), indent=1) + "\n"
