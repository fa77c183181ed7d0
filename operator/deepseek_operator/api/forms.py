"""Where a value does not have the form that a structural schema says, as the API server would find it. Pure.

Only what our schemas use. Most of it reading a spec into its types finds first, and says better.
"""

import re
from collections.abc import Iterator
from typing import Any

from deepseek_operator.api.schema import Schema, child

Fault = tuple[str, str]
"""The path of a value, and what is wrong with it."""

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def faults(schema: Schema, value: Any, path: str = "") -> Iterator[Fault]:
    """All of them; a field that the server would drop is one too."""
    if not _is(schema, value):
        yield path, f"{value!r} is no {schema.get('type', 'number or text')}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield path, f"{value!r} is none of {schema['enum']}"
    if isinstance(value, dict):
        yield from _of_object(schema, value, path)
    elif isinstance(value, list):
        yield from _of_size(schema, len(value), path, "Items")
        for number, item in enumerate(value):
            yield from faults(schema["items"], item, f"{path}[{number}]")
    elif isinstance(value, str):
        yield from _of_size(schema, len(value), path, "Length")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield path, f"{value!r} does not match {schema['pattern']}"
    elif not isinstance(value, bool) and value is not None:
        yield from _of_size(schema, value, path, "imum")


def _of_object(schema: Schema, value: dict[str, Any], path: str) -> Iterator[Fault]:
    missing = [key for key in schema.get("required", ()) if key not in value]
    yield from ((f"{path}.{key}", "is required") for key in missing)
    yield from _of_size(schema, len(value), path, "Properties")
    for key, one in value.items():
        known = child(schema, key)
        if known is not None:
            yield from faults(known, one, f"{path}.{key}")
        elif not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield f"{path}.{key}", "is not in the schema"


def _of_size(schema: Schema, size: float, path: str, unit: str) -> Iterator[Fault]:
    if size < schema.get(f"min{unit}", size):
        yield path, f"{size} is less than {schema[f'min{unit}']}"
    if size > schema.get(f"max{unit}", size):
        yield path, f"{size} is more than {schema[f'max{unit}']}"


def _is(schema: Schema, value: Any) -> bool:
    """Of its type, of which 2.0 is an integer too; a number or a text where the schema takes both."""
    if schema.get("x-kubernetes-int-or-string"):
        return isinstance(value, int | str) and not isinstance(value, bool)
    kind = schema.get("type")
    if kind is None:
        return True
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
