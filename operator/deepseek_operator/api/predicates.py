"""Predicates on an object's fields, each both as a function and as CEL: what is warned of is decided in one place. Pure.

A field that is not there has the default that its predicate names. The functions read a spec as it is written in YAML.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue


class Predicate(Protocol):
    """Something that holds of a value or not."""

    def holds(self, value: JsonValue) -> bool:
        """Of this value."""
        ...

    def cel(self, root: str) -> str:
        """The same of the expression `root`."""
        ...


@dataclass(frozen=True, slots=True)
class Is:
    """A field has this value."""

    path: str
    value: str | int | bool
    default: str | int | bool | None = None
    """Of a field that is not there; None: it is not so then."""

    def holds(self, value: JsonValue) -> bool:
        """Equal, and not only as Python has it: true is no number."""
        found = _found(value, self.path)
        found = self.default if found is None else found
        return type(found) is type(self.value) and found == self.value

    def cel(self, root: str) -> str:
        """With the default where there is none."""
        there, field = _there(root, self.path), _field(root, self.path)
        if self.default is None:
            return f"({there} && {field} == {_literal(self.value)})"
        return f"({there} ? {field} : {_literal(self.default)}) == {_literal(self.value)}"


@dataclass(frozen=True, slots=True)
class Has:
    """A field is there."""

    path: str

    def holds(self, value: JsonValue) -> bool:
        """Whatever it is."""
        return _found(value, self.path) is not None

    def cel(self, root: str) -> str:
        """As CEL's own macro has it."""
        return f"({_there(root, self.path)})"


@dataclass(frozen=True, slots=True)
class Matches:
    """A text, or a field of one, has a part that matches. The pattern means the same to Python and to RE2."""

    path: str
    """Empty: the value itself."""
    pattern: str

    def holds(self, value: JsonValue) -> bool:
        """Of a text that is there."""
        found = _found(value, self.path)
        return isinstance(found, str) and re.search(self.pattern, found) is not None

    def cel(self, root: str) -> str:
        """Of a text that is there."""
        matches = f"{_field(root, self.path)}.matches({_literal(self.pattern)})"
        return f"({_there(root, self.path)} && {matches})" if self.path else matches


@dataclass(frozen=True, slots=True)
class Some:
    """A list has an item of which the predicate holds."""

    path: str
    predicate: Predicate

    def holds(self, value: JsonValue) -> bool:
        """Of one item at least."""
        found = _found(value, self.path)
        return isinstance(found, list) and any(map(self.predicate.holds, found))

    def cel(self, root: str) -> str:
        """With a name for the item that no other list around it has."""
        item = f"{self.path.rpartition('.')[2]}Item"
        exists = f"{_field(root, self.path)}.exists({item}, {self.predicate.cel(item)})"
        return f"({_there(root, self.path)} && {exists})"


@dataclass(frozen=True, slots=True)
class Not:
    """The predicate does not hold."""

    predicate: Predicate

    def holds(self, value: JsonValue) -> bool:
        """The other way round."""
        return not self.predicate.holds(value)

    def cel(self, root: str) -> str:
        """The other way round."""
        return f"!({self.predicate.cel(root)})"


@dataclass(frozen=True, slots=True)
class All:
    """Every predicate holds."""

    predicates: Sequence[Predicate]

    def holds(self, value: JsonValue) -> bool:
        """Of the same value."""
        return all(one.holds(value) for one in self.predicates)

    def cel(self, root: str) -> str:
        """Of the same value."""
        return "(" + " && ".join(one.cel(root) for one in self.predicates) + ")"


@dataclass(frozen=True, slots=True)
class Any:
    """One predicate holds at least."""

    predicates: Sequence[Predicate]

    def holds(self, value: JsonValue) -> bool:
        """Of the same value."""
        return any(one.holds(value) for one in self.predicates)

    def cel(self, root: str) -> str:
        """Of the same value."""
        return "(" + " || ".join(one.cel(root) for one in self.predicates) + ")"


def _found(value: JsonValue, path: str) -> JsonValue:
    """What is at the path; None where nothing is."""
    for part in path.split(".") if path else ():
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def _field(root: str, path: str) -> str:
    return f"{root}.{path}" if path else root


def _there(root: str, path: str) -> str:
    parts = path.split(".")
    return " && ".join(f"has({root}.{'.'.join(parts[: end + 1])})" for end in range(len(parts)))


def _literal(value: str | int | bool) -> str:
    """A string of JSON is one of CEL: both escape alike."""
    return json.dumps(value)
