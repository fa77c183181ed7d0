"""The whole catalog: what is shipped, and what a platform team adds or corrects. Pure but for reading its own files."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from deepseek_operator.catalog import accelerators, engines, facts, models, reading
from deepseek_operator.catalog.accelerators import Accelerator
from deepseek_operator.catalog.engines import EngineVersion
from deepseek_operator.catalog.facts import CatalogError, Fact
from deepseek_operator.catalog.models import Model

_Entry = TypeVar("_Entry", bound=Fact)

SECTIONS = ("models", "accelerators", "engines")


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that is known, by name."""

    models: Mapping[str, Model]
    accelerators: Mapping[str, Accelerator]
    engines: Mapping[str, EngineVersion]
    refused: tuple[str, ...] = ()
    """Of a platform team's documents, what is wrong with those of which the present text is not taken."""


def may_be_refused(catalog: Catalog) -> str:
    """What to add where a name is not known: it may stand in a document that was refused."""
    return "".join(
        f"; it may stand in a document of the platform team's catalog that was refused: {one}"
        for one in catalog.refused[:1]
    )


@functools.cache
def shipped() -> Catalog:
    """The catalog that comes with the operator."""
    return Catalog(
        models=models.load_models(),
        accelerators=_shipped(Accelerator, accelerators.FILE, "accelerators"),
        engines=_shipped(EngineVersion, engines.FILE, "engines"),
    )


def merged(base: Catalog, extra_text: str, *, file: str = "catalog") -> Catalog:
    """The catalog with a document's entries added, and its fields in place of those of known entries.

    CatalogError names file, entry, field and remedy; nothing of a document with an error is taken.
    """
    extra = reading.read(extra_text, file=file)
    for section, entries in extra.items():
        if section not in SECTIONS:
            close = facts.nearest(str(section), SECTIONS, count=1)[0]
            raise CatalogError(file, str(section), "", f"unknown section; did you mean {close}?")
        if not isinstance(entries, dict | None):
            raise CatalogError(file, section, "", "expected a map of entries by name")
    given = {section: _by_text(extra.get(section)) for section in SECTIONS}
    found = replace(
        base,
        models=_merged(base.models, Model, given["models"], file=file),
        accelerators=_merged(base.accelerators, Accelerator, given["accelerators"], file=file),
        engines=_merged(base.engines, EngineVersion, given["engines"], file=file),
    )
    twice = accelerators.shared_name(found.accelerators)
    _check_once(twice, given["accelerators"], "labels", file)
    _check_once(engines.shared_version(found.engines), given["engines"], "version", file)
    return found


def _by_text(entries: Mapping[Any, Any] | None) -> Mapping[str, Any]:
    """YAML reads a name of digits alone as a number."""
    return {str(name): entry for name, entry in (entries or {}).items()}


def _shipped(kind: type[_Entry], file: str, section: str) -> Mapping[str, _Entry]:
    entries = reading.read(models.data(file), file=file)[section]
    return {name: facts.check(kind, name, entry, file=file) for name, entry in entries.items()}


def _merged(
    known: Mapping[str, _Entry], kind: type[_Entry], extra: Mapping[str, Any], *, file: str
) -> Mapping[str, _Entry]:
    found = dict(known)
    for name, entry in extra.items():
        if not isinstance(entry, dict):
            raise CatalogError(file, name, "", "expected a map of fields")
        before = known[name].model_dump(by_alias=True, exclude_none=True) if name in known else {}
        others = () if before else known
        found[name] = facts.check(kind, name, _over(before, entry), file=file, known=others)
    return found


def _check_once(
    twice: tuple[str, str, str] | None, given: Mapping[str, Any], field: str, file: str
) -> None:
    """CatalogError for an entry of the document that is called by what another one is called by already."""
    if twice is None:
        return
    value, other, name = twice
    if name not in given:
        name, other = other, name
    remedy = f"{value} means {other} already; correct the entry {other}, or give this one a value of its own"
    raise CatalogError(file, name, field, remedy)


def _over(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The one map with the other's values in place of its own, down through maps."""
    both = {
        name: _joined(name, before[name], value)
        if isinstance(value, dict) and isinstance(before.get(name), dict)
        else value
        for name, value in after.items()
    }
    return {**before, **both}


def _joined(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    # A figure is taken whole: with the source of another one it would be said by who never said it.
    return {**before, **after} if name == "benchmarks" else _over(before, after)
