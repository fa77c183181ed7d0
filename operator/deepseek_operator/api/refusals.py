"""What the API server refuses of a new object by the definition, told without one: forms, and rules in CEL. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from deepseek_operator.api import cel, forms, rules, schema
from deepseek_operator.api.schema import Schema


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that is refused."""

    path: str
    """Of the value; empty: the object's own."""
    message: str
    """A rule's own words: a field and the remedy."""


def refusals(manifest: Mapping[str, Any]) -> Iterator[Refusal]:
    """Of an object as it is written in YAML; rules about what it was before are of one that is there."""
    metadata = manifest.get("metadata")
    if isinstance(metadata, dict) and metadata.get("name"):
        yield from _of(rules.OBJECT, manifest, "")
    node = _spec_schema()
    spec = schema.defaulted(node, manifest["spec"])
    faults = [Refusal(*fault) for fault in forms.faults(node, spec, "spec")]
    # Rules are written for values of the right form; the server does not ask them of others either.
    yield from faults or _broken(node, spec, "spec")


@cache
def _spec_schema() -> Schema:
    """As `make generate` wrote it: to make it of the types anew takes an eighth of the time of a plan."""
    written = resources.files("deepseek_operator.api") / "data" / "spec.json"
    found: Schema = json.loads(written.read_text())
    return found


def _broken(node: Schema, value: Any, path: str) -> Iterator[Refusal]:
    yield from _of(node.get("x-kubernetes-validations", ()), value, path)
    if isinstance(value, dict):
        for name, one in value.items():
            child = schema.child(node, name)
            if child is not None:
                yield from _broken(child, one, f"{path}.{name}")
    elif isinstance(value, list):
        yield from _repeated(node, value, path)
        for number, one in enumerate(value):
            yield from _broken(node["items"], one, f"{path}[{number}]")


def _repeated(node: Schema, items: list[Any], path: str) -> Iterator[Refusal]:
    """Items of a list that is a set, or a map by some of its fields."""
    if node.get("x-kubernetes-list-type") not in ("map", "set"):
        return
    fields = node.get("x-kubernetes-list-map-keys")
    keys = [{name: one.get(name) for name in fields} if fields else one for one in items]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            yield Refusal(f"{path}[{number}]", f"{json.dumps(key)} is there twice; remove one")


def _of(checked: Any, value: Any, path: str) -> Iterator[Refusal]:
    scope = {"self": value}
    for rule in checked:
        if "oldSelf" not in rule["rule"] and not _holds(rule["rule"], scope):
            said = rule.get("message") or cel.read(rule["messageExpression"])(scope)
            yield Refusal(path, said)


def _holds(rule: str, scope: cel.Scope) -> bool:
    """Not where it cannot be told: the API server refuses such a value too."""
    try:
        return cel.read(rule)(scope) is True
    except cel.FAULTS:
        return False
