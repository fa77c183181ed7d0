"""What the API server does with the committed definition: fill in defaults, and refuse what does not fit.

Only what our schemas use; `tests/cluster` asks the real one.
"""

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

from deepseek_operator.api import crd, forms

Schema = dict[str, Any]


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
    for place, said in forms.faults(schema, value, path):
        yield f"{place}: {said}"


def _child(schema: Schema, key: str) -> Schema | None:
    known = schema.get("properties", {}).get(key)
    found: Schema | None = known if known is not None else schema.get("additionalProperties")
    return found
