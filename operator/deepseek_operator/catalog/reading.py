"""A document of the catalog as plain data, whatever somebody wrote into it: read whole, or refused by line and remedy.

What YAML allows beyond plain data is refused before anything is built of it: libyaml's composer crashes the process on
some ten thousand nested brackets, aliases of aliases stand for more values than there is memory for, of a key that is there
twice PyYAML takes the last, and a tag may ask for types that no field has.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from deepseek_operator.catalog.facts import CatalogError

MOST_DEPTH = 16
"""Of maps and lists in each other; an entry has 4, a ConfigMap as the API server prints it 7."""

MOST_VALUES = 600_000
"""With what aliases stand for; without them a ConfigMap, of at most 1 MiB, holds fewer."""


LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""A safe one: the fast one, if it is there."""


def read(text: str, *, file: str) -> Mapping[str, Any]:
    """The document's map; CatalogError where it is none. One with comments alone adds nothing."""
    try:
        _check_form(yaml.parse(text, Loader=LOADER), file)
        found = yaml.load(text, Loader=LOADER)  # noqa: S506 - a safe loader, the fast one if there
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
        raise _refused(file, where, f"{problem}; write it as YAML") from error
    except ValueError as error:
        # A date that no calendar has, a number of thousands of digits, half a character.
        raise CatalogError(file, "", "", f"{error}; put it in quotes, or correct it") from error
    if not isinstance(found, dict | None):
        raise CatalogError(file, "", "", "expected a map with models, accelerators or engines")
    return found or {}


def too_deep(text: str, most: int) -> int | None:
    """The line on which more than so many maps and lists are in each other; None: nowhere, and it may be composed."""
    events = cast("Iterable[Any]", yaml.parse(text, Loader=LOADER))
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > most:
            return int(event.start_mark.line) + 1
    return None


@dataclass(slots=True)
class _Open:
    """A map or list that is being read."""

    is_map: bool
    anchor: str | None
    values: int = 1
    children: int = 0
    keys: set[str] = field(default_factory=set)

    @property
    def expects_key(self) -> bool:
        return self.is_map and self.children % 2 == 0


def _check_form(events: Iterable[Any], file: str) -> None:
    """CatalogError for what is more than plain data of the size of a ConfigMap."""
    opened: list[_Open] = [_Open(is_map=False, anchor=None)]
    sizes: dict[str, int] = {}
    for event in _nodes(events):
        if isinstance(event, yaml.CollectionEndEvent):
            closed = opened.pop()
            _count(opened[-1], closed.anchor, closed.values, sizes)
            continue
        _check_node(event, opened, sizes, file)
        if isinstance(event, yaml.CollectionStartEvent):
            opened.append(_Open(isinstance(event, yaml.MappingStartEvent), event.anchor))
        else:
            is_alias = isinstance(event, yaml.AliasEvent)
            values = sizes[str(event.anchor)] if is_alias else 1
            _count(opened[-1], None if is_alias else event.anchor, values, sizes)
        if sum(one.values for one in opened) > MOST_VALUES:
            remedy = f"stands for more than {MOST_VALUES} values; write fewer aliases"
            raise _refused(file, event.start_mark, remedy)


def _nodes(events: Iterable[Any]) -> Iterator[Any]:
    kinds = (yaml.NodeEvent, yaml.CollectionEndEvent)
    return (event for event in events if isinstance(event, kinds))


def _check_node(event: Any, opened: list[_Open], sizes: Mapping[str, int], file: str) -> None:
    where = event.start_mark
    if len(opened) > MOST_DEPTH and isinstance(event, yaml.CollectionStartEvent):
        raise _refused(file, where, f"more than {MOST_DEPTH} maps and lists in each other")
    if isinstance(event, yaml.AliasEvent):
        if event.anchor not in sizes:
            raise _refused(file, where, f"*{event.anchor} stands for nothing that is before it")
        return
    if event.tag is not None:
        raise _refused(file, where, f"{event.tag} is a tag; write the plain value")
    if opened[-1].expects_key and isinstance(event, yaml.ScalarEvent):
        if event.value in opened[-1].keys and event.value != "<<":
            raise _refused(file, where, f"{event.value} is there twice; keep one")
        opened[-1].keys.add(event.value)


def _count(parent: _Open, anchor: str | None, values: int, sizes: dict[str, int]) -> None:
    parent.children += 1
    parent.values += values
    if anchor is not None:
        sizes[anchor] = values


def _refused(file: str, where: Any, remedy: str) -> CatalogError:
    line = f"line {where.line + 1}: " if where is not None else ""
    return CatalogError(file, "", "", f"{line}{remedy}")
