"""What the API server does with the committed definition: fill in defaults, and refuse what does not fit.

Only what our schemas use; `tests/cluster` asks the real one.
"""

import copy
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from deepseek_operator.api import crd

Schema = dict[str, Any]

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


@cache
def schema_of(part: str) -> Schema:
    """The schema of `spec` or `status`."""
    [version] = crd.build_crd()["spec"]["versions"]
    found: Schema = version["schema"]["openAPIV3Schema"]["properties"][part]
    return found


def defaulted(schema: Schema, value: Any) -> Any:
    """The value with every default of the schema filled in, as it is stored."""
    if isinstance(value, dict):
        filled = {key: copy.deepcopy(one) for key, one in value.items()}
        for key, child in schema.get("properties", {}).items():
            if key not in filled and "default" in child:
                filled[key] = copy.deepcopy(child["default"])
        return {key: defaulted(_child(schema, key) or {}, one) for key, one in filled.items()}
    if isinstance(value, list):
        return [defaulted(schema.get("items", {}), one) for one in value]
    return value


def faults(schema: Schema, value: Any, path: str = "") -> Iterator[str]:
    """Where a value does not fit its schema, a field that the server would drop included."""
    if schema.get("x-kubernetes-int-or-string"):
        return
    kind = schema.get("type")
    if kind and not _is(kind, value):
        yield f"{path}: {value!r} is no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    if isinstance(value, dict):
        yield from _of_object(schema, value, path)
    elif isinstance(value, list):
        yield from _of_size(schema, len(value), path, "Items")
        for number, item in enumerate(value):
            yield from faults(schema["items"], item, f"{path}[{number}]")
    elif isinstance(value, str):
        yield from _of_size(schema, len(value), path, "Length")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{path}: {value!r} does not match {schema['pattern']}"
    elif not isinstance(value, bool) and value is not None:
        yield from _of_size(schema, value, path, "imum")


def _of_object(schema: Schema, value: dict[str, Any], path: str) -> Iterator[str]:
    missing = [key for key in schema.get("required", ()) if key not in value]
    yield from (f"{path}.{key}: is required" for key in missing)
    yield from _of_size(schema, len(value), path, "Properties")
    for key, one in value.items():
        child = _child(schema, key)
        if child is not None:
            yield from faults(child, one, f"{path}.{key}")
        elif not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield f"{path}.{key}: is not in the schema"


def _of_size(schema: Schema, size: float, path: str, unit: str) -> Iterator[str]:
    if size < schema.get(f"min{unit}", size):
        yield f"{path}: {size} is less than {schema[f'min{unit}']}"
    if size > schema.get(f"max{unit}", size):
        yield f"{path}: {size} is more than {schema[f'max{unit}']}"


def _child(schema: Schema, key: str) -> Schema | None:
    known = schema.get("properties", {}).get(key)
    found: Schema | None = known if known is not None else schema.get("additionalProperties")
    return found


def _is(kind: str, value: Any) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
