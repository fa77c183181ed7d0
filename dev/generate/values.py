"""The table of the chart's values in its README, from the values' schema and their defaults."""

import json
from collections.abc import Iterator
from typing import Any

import yaml

from dev.generate import markdown

Schema = dict[str, Any]

BEGIN, END = markdown.marks("values")


def render(readme: str, *, schema: str, defaults: str) -> str:
    """The README with its table of values renewed."""
    before, after = markdown.around(readme, BEGIN, END, name="the chart's README")
    rows = [
        (
            markdown.code(path),
            _type(node),
            markdown.literal(value),
            markdown.bounds(node),
            node["description"],
        )
        for path, node, value in _leaves("", json.loads(schema), yaml.safe_load(defaults))
    ]
    text = markdown.table(("Value", "Type", "Default", "Allowed", "Description"), rows)
    return f"{before}{text}{after}"


def _leaves(path: str, node: Schema, value: Any) -> Iterator[tuple[str, Schema, Any]]:
    """Values that stand for themselves, in the order of the schema."""
    if "properties" not in node or value == {}:
        yield path, node, value
        return
    for name, child in node["properties"].items():
        # What has no default is not a value of this chart.
        if name in value:
            yield from _leaves(f"{path}.{name}".removeprefix("."), child, value[name])


def _type(node: Schema) -> str:
    if "items" in node:
        return f"list of {_type(node['items'])}"
    if "properties" not in node and isinstance(node.get("additionalProperties"), dict):
        return "map"
    return str(node.get("type", "string"))
