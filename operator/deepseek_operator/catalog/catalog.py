"""The whole catalog: what is shipped, and what a platform team adds or corrects. Pure but for reading its own files."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from deepseek_operator.catalog import accelerators, engines, facts, models
from deepseek_operator.catalog.accelerators import Accelerator
from deepseek_operator.catalog.engines import EngineVersion
from deepseek_operator.catalog.facts import CatalogError, Fact
from deepseek_operator.catalog.models import Model

_Entry = TypeVar("_Entry", bound=Fact)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that is known, by name."""

    models: Mapping[str, Model]
    accelerators: Mapping[str, Accelerator]
    engines: Mapping[str, EngineVersion]


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
    extra = facts.read(extra_text, file=file)
    known = ("models", "accelerators", "engines")
    for section, entries in extra.items():
        if section not in known:
            close = facts.nearest(str(section), known, count=1)[0]
            raise CatalogError(file, str(section), "", f"unknown section; did you mean {close}?")
        if not isinstance(entries, dict):
            raise CatalogError(file, section, "", "expected a map of entries by name")
    return replace(
        base,
        models=_merged(base.models, Model, extra.get("models", {}), file=file),
        accelerators=_merged(
            base.accelerators, Accelerator, extra.get("accelerators", {}), file=file
        ),
        engines=_merged(base.engines, EngineVersion, extra.get("engines", {}), file=file),
    )


def _shipped(kind: type[_Entry], file: str, section: str) -> Mapping[str, _Entry]:
    entries = facts.read(models.data(file), file=file)[section]
    return {name: facts.check(kind, name, entry, file=file) for name, entry in entries.items()}


def _merged(
    known: Mapping[str, _Entry], kind: type[_Entry], extra: Mapping[str, Any], *, file: str
) -> Mapping[str, _Entry]:
    found = dict(known)
    for name, entry in extra.items():
        if not isinstance(entry, dict):
            raise CatalogError(file, str(name), "", "expected a map of fields")
        before = known[name].model_dump(by_alias=True, exclude_none=True) if name in known else {}
        found[str(name)] = facts.check(kind, str(name), _over(before, entry), file=file)
    return found


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
