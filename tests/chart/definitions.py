"""Objects of Prometheus Operator against its own definitions, as strict as the API server is with a misspelt field."""

import functools
from typing import Any

import jsonschema
import yaml

from dev import prometheus_operator
from tests.chart.rendering import Manifest


def validate(manifest: Manifest) -> None:
    """An exception where the API server would not take it."""
    schema = _schemas()[manifest["apiVersion"], manifest["kind"]]
    jsonschema.Draft202012Validator(schema).validate(manifest)


@functools.cache
def _schemas() -> dict[tuple[str, str], Manifest]:
    found = {}
    for file in prometheus_operator.definitions():
        spec = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)["spec"]
        for version in spec["versions"]:
            schema = _closed(version["schema"]["openAPIV3Schema"])
            # Of metadata a definition says nothing.
            schema["properties"]["metadata"] = {"type": "object"}
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found


def _closed(schema: Any) -> Any:
    """Without fields that are not told of, and without patterns that Go reads and Python does not."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {
        name: _closed(value)
        for name, value in schema.items()
        if name != "pattern" or "(?i)" not in value
    }
    if isinstance(closed.get("properties"), dict) and closed.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed
