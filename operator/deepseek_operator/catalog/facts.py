"""What every kind of catalog entry has in common: strict types, and errors that say what to change."""

import difflib
import reprlib
from collections.abc import Iterable
from typing import Any, TypeGuard, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

_Entry = TypeVar("_Entry", bound="Fact")


class Fact(BaseModel):
    """Base of catalog entries: every field is checked, none may be misspelt."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid"
    )


class CatalogError(Exception):
    """An entry that cannot be used; the text names file, entry, field and remedy."""

    def __init__(self, file: str, entry: str, field: str, remedy: str) -> None:
        self.file, self.entry, self.field, self.remedy = file, entry, field, remedy
        super().__init__(": ".join(part for part in (file, entry, field, remedy) if part))


def check(
    kind: type[_Entry], name: str, entry: Any, *, file: str, known: Iterable[str] = ()
) -> _Entry:
    """The entry as its type; CatalogError with the first thing that is wrong with it.

    `known` are entries that it may be meant to correct, of which it would need a part alone.
    """
    try:
        return kind.model_validate(entry)
    except ValidationError as error:
        # Of a field that is misspelt both are true: it is unknown, and the one that was meant is missing.
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        field = ".".join(map(str, first["loc"]))
        remedy = _remedy(kind, first)
        if first["type"] == "missing":
            close = (one for one in nearest(name, known, count=1) if _likeness(name, one) >= 0.6)
            remedy += "".join(f"; or did you mean {one}?" for one in close)
        raise CatalogError(file, name, field, remedy) from error


def nearest(name: str, known: Iterable[str], *, count: int = 3) -> list[str]:
    """The known names most like `name`, most alike first, however unlike they are."""
    return sorted(known, key=lambda other: (-_likeness(name, other), other))[:count]


def _likeness(name: str, other: str) -> float:
    return difflib.SequenceMatcher(None, name.lower(), other.lower()).ratio()


def _remedy(kind: type[Fact], error: Any) -> str:
    if error["type"] == "extra_forbidden":
        fields = _fields_at(kind, error["loc"][:-1])
        close = nearest(str(error["loc"][-1]), fields, count=1)
        meant = f"did you mean {close[0]}?" if close else "remove it"
        return f"unknown field; {meant}"
    if error["type"] == "missing":
        return "missing; every entry needs it"
    said = error["msg"][0].lower() + error["msg"][1:]
    # Not all of it: what is wrong may be a whole document.
    return f"{said.removeprefix('value error, ')}, got {reprlib.repr(error['input'])}"


def _fields_at(kind: type[Fact], path: tuple[str | int, ...]) -> list[str]:
    """Names of the fields of the object at a path; none where the path leads out of types."""
    for step in path:
        inner = {field.alias: field.annotation for field in kind.model_fields.values()}.get(
            str(step)
        )
        found = [one for one in (inner, *_arguments(inner)) if _is_fact(one)]
        if not found:
            return []
        kind = found[0]
    return [str(field.alias) for field in kind.model_fields.values()]


def _arguments(annotation: Any) -> tuple[Any, ...]:
    return getattr(annotation, "__args__", ())


def _is_fact(annotation: Any) -> TypeGuard[type[Fact]]:
    return isinstance(annotation, type) and issubclass(annotation, Fact)
