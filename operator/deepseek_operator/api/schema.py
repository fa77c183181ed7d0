"""pydantic models to the structural OpenAPI v3 schema that a CustomResourceDefinition holds.

pydantic writes JSON Schema 2020-12; the API server reads a subset of OpenAPI 3.0. What has no place in
that subset is translated or refused here, never dropped silently.
"""

import copy
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

_DROPPED = frozenset({"title", "$defs", "examples", "discriminator"})
_KEPT = frozenset(
    {
        "type", "format", "description", "default", "enum", "pattern", "required", "nullable",
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
        "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
        "properties", "items", "additionalProperties",
    }
)  # fmt: skip


class UnsupportedSchemaError(TypeError):
    """A type that a structural schema cannot express; the text names the place."""


def structural_schema(model: type[BaseModel]) -> Schema:
    """The structural schema of a model, with every reference written out."""
    document = model.model_json_schema(by_alias=True, mode="validation")
    return _convert(document, document.get("$defs", {}), path=model.__name__, open_refs=())


def without_defaults(node: Schema) -> Schema:
    """The structural schema with no default anywhere: the server adds nothing to what is stored.

    For a status. Its one writer compares what it would write with what is stored, and a field that the
    server had added would be written again in every pass.
    """
    return _without("default", node)


def without_descriptions(node: Schema) -> Schema:
    """The structural schema for programs alone."""
    return _without("description", node)


def _without(dropped: str, node: Schema) -> Schema:
    result = {key: value for key, value in node.items() if key != dropped}
    if "properties" in result:
        children = result["properties"].items()
        result["properties"] = {name: _without(dropped, child) for name, child in children}
    for key in ("items", "additionalProperties"):
        if isinstance(result.get(key), dict):
            result[key] = _without(dropped, result[key])
    return result


def defaulted(node: Schema, value: Any) -> Any:
    """The value as the API server stores it: with every default filled in, and without what is null."""
    if isinstance(value, dict):
        filled = {key: one for key, one in value.items() if one is not None}
        for key, field in node.get("properties", {}).items():
            if key not in filled and "default" in field:
                filled[key] = copy.deepcopy(field["default"])
        return {key: defaulted(child(node, key) or {}, one) for key, one in filled.items()}
    if isinstance(value, list):
        return [defaulted(node.get("items", {}), one) for one in value]
    return value


def child(node: Schema, key: str) -> Schema | None:
    """The schema of a field or of a map's value; None where it has none."""
    known = node.get("properties", {}).get(key)
    found: Schema | None = known if known is not None else node.get("additionalProperties")
    return found


def _convert(node: Schema, defs: Schema, *, path: str, open_refs: tuple[str, ...]) -> Schema:
    node = _without_null(node, path)
    if "$ref" in node:
        return _resolve(node, defs, path=path, open_refs=open_refs)
    if node.get("x-kubernetes-int-or-string"):
        node = {key: value for key, value in node.items() if key not in ("anyOf", "type")}
    result: Schema = {}
    for key, value in node.items():
        if key in _DROPPED or (key == "default" and value in (None, {}, [])):
            continue
        _put(result, key, value, path)
    _convert_children(result, defs, path=path, open_refs=open_refs)
    return result


def _without_null(node: Schema, path: str) -> Schema:
    """`X | None` as X: in a CRD an optional field is one that may be left out."""
    if "anyOf" not in node or node.get("x-kubernetes-int-or-string"):
        return node
    choices = [choice for choice in node["anyOf"] if choice != {"type": "null"}]
    if len(choices) != 1:
        raise UnsupportedSchemaError(f"{path}: a field has one type; split the union")
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    return {**choices[0], **rest}


def _resolve(node: Schema, defs: Schema, *, path: str, open_refs: tuple[str, ...]) -> Schema:
    name = str(node["$ref"]).rpartition("/")[2]
    if name in open_refs:
        raise UnsupportedSchemaError(f"{path}: {name} contains itself")
    rest = {key: value for key, value in node.items() if key != "$ref"}
    target = _convert(defs[name], defs, path=path, open_refs=(*open_refs, name))
    beside = _convert(rest, defs, path=path, open_refs=open_refs)
    validations = [
        *target.get("x-kubernetes-validations", ()),
        *beside.get("x-kubernetes-validations", ()),
    ]
    merged = {**target, **beside}
    if validations:
        merged["x-kubernetes-validations"] = validations
    return merged


def _put(result: Schema, key: str, value: Any, path: str) -> None:
    if key == "const":
        result["enum"] = [value]
    elif key in ("exclusiveMinimum", "exclusiveMaximum"):
        result[key.replace("exclusiveM", "m")] = value
        result[key] = True
    elif key == "additionalProperties" and value is True:
        result["x-kubernetes-preserve-unknown-fields"] = True
    elif key == "additionalProperties" and value is False:
        return
    elif key in _KEPT or key.startswith("x-kubernetes-"):
        result[key] = value
    else:
        raise UnsupportedSchemaError(f"{path}: {key} has no place in a structural schema")


def _convert_children(
    result: Schema, defs: Schema, *, path: str, open_refs: tuple[str, ...]
) -> None:
    for name, child in result.get("properties", {}).items():
        result["properties"][name] = _convert(
            child, defs, path=f"{path}.{name}", open_refs=open_refs
        )
    for key in ("items", "additionalProperties"):
        if isinstance(result.get(key), dict):
            result[key] = _convert(result[key], defs, path=f"{path}.{key}", open_refs=open_refs)
