"""The field reference of DeepSeekDeployment, from its CRD and its rules."""

from collections.abc import Iterator, Mapping
from typing import Any

from deepseek_operator.api import crd, names, rules
from dev.generate import markdown

Schema = dict[str, Any]

_INTRODUCTION = f"""{markdown.GENERATED}

# {names.KIND}

`apiVersion: {names.API_VERSION}`, short name `dsd`. A field that is not listed here is refused by the API server.
"""


def render() -> str:
    """The page as Markdown."""
    schema = crd.build_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    properties = schema["properties"]
    parts = [
        _INTRODUCTION,
        *(_section(path, node) for path, node in _objects("spec", properties["spec"])),
        _rules(schema),
        _owned(
            "Flags that the operator owns",
            ("Flag", "Instead"),
            {f"--{flag}": instead for flag, instead in rules.OWNED_FLAGS.items()},
        ),
        _owned(
            "Environment variables that the operator owns", ("Variable", "Why"), rules.OWNED_ENV
        ),
        *(_section(path, node) for path, node in _objects("status", properties["status"])),
    ]
    return "\n".join(parts)


_OF_KUBERNETES = (".affinity",)
"""What Kubernetes' own reference tells better."""


def _objects(path: str, node: Schema) -> Iterator[tuple[str, Schema]]:
    """The node and every object below it that has fields, in order."""
    if path.endswith(_OF_KUBERNETES):
        return
    if "items" in node:
        yield from _objects(f"{path}[]", node["items"])
    elif "properties" in node:
        yield path, node
        for name, child in node["properties"].items():
            yield from _objects(f"{path}.{name}", child)


def _section(path: str, node: Schema) -> str:
    required = node.get("required", ())
    rows = [
        (
            markdown.code(name),
            _type(child),
            _default(child, required=name in required),
            markdown.bounds(_bounded(child)),
            child.get("description", ""),
        )
        for name, child in node["properties"].items()
    ]
    text = markdown.table(("Field", "Type", "Default", "Allowed", "Description"), rows)
    return f"## {path}\n\n{node.get('description', '')}\n\n{text}\n"


def _type(node: Schema) -> str:
    if node.get("x-kubernetes-int-or-string"):
        return "quantity"
    if "items" in node:
        return f"list of {_type(node['items'])}"
    if isinstance(node.get("additionalProperties"), dict):
        return f"map of {_type(node['additionalProperties'])}"
    return str(node.get("format") or node["type"])


def _bounded(node: Schema) -> Schema:
    """A list's own bounds, with those of its plain items."""
    return {**node.get("items", {}), **node} if "items" in node else node


def _default(node: Schema, *, required: bool) -> str:
    if required:
        return "required"
    return markdown.literal(node["default"]) if "default" in node else ""


def _rules(schema: Schema) -> str:
    rows = [
        (markdown.code(path), _message(rule))
        for path, node in _nodes("", schema)
        for rule in node.get("x-kubernetes-validations", ())
    ]
    return f"## Rules\n\nRefused with:\n\n{markdown.table(('Field', 'Message'), rows)}\n"


def _message(rule: Mapping[str, str]) -> str:
    return rule.get("message") or markdown.code(rule["messageExpression"])


def _nodes(path: str, node: Schema) -> Iterator[tuple[str, Schema]]:
    yield path.removeprefix(".") or "object", node
    for name, child in node.get("properties", {}).items():
        yield from _nodes(f"{path}.{name}", child)
    if isinstance(node.get("additionalProperties"), dict):
        yield from _nodes(f"{path}.*", node["additionalProperties"])
    if "items" in node:
        yield from _nodes(f"{path}[]", node["items"])


def _owned(title: str, header: tuple[str, str], owned: Mapping[str, str]) -> str:
    rows = [(markdown.code(name), reason) for name, reason in owned.items()]
    return f"## {title}\n\n{markdown.table(header, rows)}\n"
