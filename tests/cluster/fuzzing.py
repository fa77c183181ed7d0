"""Specs that nobody would think of: known ones, mixed, cut, and with odd values. The same for the same seed."""

import copy
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from dev.paths import REPOSITORY
from tests.unit import structural

Spec = dict[str, Any]
Path = tuple[str | int, ...]

ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 0.5, -0.0, 1e300, 2**31, 2**53 + 1, 2**63 - 1, -(2**63),
    "", " ", "0", "-", "a", "A" * 300, "ä", "\u202e", "\n", "\t--port=9", "{{ .Values }}", "${HOME}", "$(id)", "%s", "../..",
    "1m", "0s", "24h", "-5s", "1e3", "1Ki", "500m", "16xH200", "NaN", "inf", "null", "~", "2026-03-01",
    "pvc://models", "hf://a/b@c", "https://host/x#sha256=0", "s3://bucket/x", "DeepSeek-V3", "DeepSeek-R1-Distill-Qwen-7B",
    [], {}, [None], [[]], {"": ""}, {"a": {"b": {"c": 1}}},
)  # fmt: skip
"""Values that are right somewhere and wrong nearly everywhere."""


@dataclass(frozen=True, slots=True)
class Fuzzer:
    """Makes specs out of known ones."""

    good: Sequence[Spec]
    """Specs that can be served."""
    bad: Sequence[Spec]
    """Specs that are refused, each for one thing."""
    schema: structural.Schema

    def spec(self, chance: random.Random) -> Spec:
        """One spec: a known one with parts of others, or with changes that nobody means."""
        if chance.random() < 0.5:
            made = copy.deepcopy(chance.choice(self.good))
            for _ in range(chance.choice((0, 1, 2, 3))):
                _graft(made, chance.choice(self.good), chance)
            return made
        made = copy.deepcopy(chance.choice((*self.good, *self.bad)))
        for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5))):
            self._change(made, chance)
        return made

    def _change(self, made: Spec, chance: random.Random) -> None:
        paths = [path for path in _paths(made) if path]
        if not paths:
            made["model"] = "DeepSeek-V3"
            return
        path = chance.choice(paths)
        match chance.randrange(6):
            case 0:
                _delete(made, path)
            case 1:
                _set(made, path, copy.deepcopy(chance.choice(ODD)))
            case 2:
                _set(made, path, self._bounds(path, chance))
            case 3:
                _graft(made, chance.choice((*self.good, *self.bad)), chance)
            case 4:
                _set(made, (*path[:-1], _misspelt(path[-1], chance)), _at(made, path))
            case _:
                self._add(made, chance)

    def _add(self, made: Spec, chance: random.Random) -> None:
        """A field of the definition that the spec does not have, with a value of the right type."""
        field = chance.choice(sorted(self.schema["properties"]))
        made[field] = self._value(self.schema["properties"][field], chance)

    def _value(self, schema: structural.Schema, chance: random.Random) -> Any:
        if "enum" in schema:
            return chance.choice(schema["enum"])
        if "default" in schema and chance.random() < 0.2:
            return copy.deepcopy(schema["default"])
        match schema.get("type"):
            case "object":
                fields = schema.get("properties", {})
                needed = set(schema.get("required", ()))
                return {
                    name: self._value(child, chance)
                    for name, child in fields.items()
                    if name in needed or chance.random() < 0.4
                }
            case "array":
                return [
                    self._value(schema["items"], chance)
                    for _ in range(chance.choice((0, 1, 1, 2, 3)))
                ]
            case _:
                return self._scalar(schema, chance)

    def _scalar(self, schema: structural.Schema, chance: random.Random) -> Any:
        match schema.get("type"):
            case "integer" | "number":
                low, high = schema.get("minimum", 0), schema.get("maximum", 100)
                return chance.choice((low, high, low + 1, (low + high) // 2, low - 1, high + 1))
            case "boolean":
                return chance.random() < 0.5
            case _:
                return chance.choice([word for word in ODD if isinstance(word, str)])

    def _bounds(self, path: Path, chance: random.Random) -> Any:
        schema = self.schema
        for step in path:
            child = (
                schema.get("items")
                if isinstance(step, int)
                else schema.get("properties", {}).get(step) or schema.get("additionalProperties")
            )
            if not isinstance(child, dict):
                return chance.choice(ODD)
            schema = child
        return self._value(schema, chance)


def examples() -> list[Spec]:
    """The specs of all examples."""
    return [
        document["spec"]
        for file in sorted((REPOSITORY / "examples").glob("*.yaml"))
        for document in yaml.safe_load_all(file.read_text())
        if document and document.get("kind") == "DeepSeekDeployment"
    ]


def _graft(made: Spec, other: Spec, chance: random.Random) -> None:
    """A part of another spec, at its own place."""
    if other:
        field = chance.choice(sorted(other))
        made[field] = copy.deepcopy(other[field])


def _paths(value: Any, above: Path = ()) -> Iterator[Path]:
    yield above
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _paths(child, (*above, key))
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from _paths(child, (*above, number))


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return copy.deepcopy(value)


def _set(value: Any, path: Path, new: Any) -> None:
    *above, last = path
    for step in above:
        value = value[step]
    if isinstance(value, list) and isinstance(last, int):
        value[last] = new
    elif isinstance(value, list):
        value.append(new)
    else:
        value[last] = new


def _delete(value: Any, path: Path) -> None:
    *above, last = path
    for step in above:
        value = value[step]
    del value[last]


def _misspelt(step: str | int, chance: random.Random) -> str | int:
    if isinstance(step, int) or len(step) < 2:
        return step
    place = chance.randrange(len(step) - 1)
    return step[:place] + step[place + 1] + step[place] + step[place + 2 :]
