"""The shipped catalog with a platform team's documents: each is taken whole, or not at all. Pure."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from deepseek_operator.catalog.catalog import SECTIONS, Catalog, merged
from deepseek_operator.catalog.facts import CatalogError

Documents = Mapping[str, str | CatalogError]
"""By name what was found: a text, or why there is none."""


@dataclass(frozen=True, slots=True)
class Added:
    """What came of the documents."""

    catalog: Catalog
    taken: Mapping[str, str] = field(default_factory=dict)
    """The text of each document that is in it: the present one, or the last without an error."""
    refused: tuple[CatalogError, ...] = ()
    """What is wrong with the present texts of the others, and of those that stand by their last one."""


def add(base: Catalog, documents: Documents, *, last: Mapping[str, str]) -> Added:
    """The documents over the catalog in the order of their names; `last` are the texts that were taken before.

    A document with an error stands as it was taken last; it keeps no other from being taken.
    """
    found, taken, refused = base, dict[str, str](), list[CatalogError]()
    for name, document in sorted(documents.items()):
        try:
            if isinstance(document, CatalogError):
                raise document
            found, taken[name] = merged(found, document, file=name), document
        except CatalogError as error:
            refused.append(error)
            if name in last:
                # What it stood upon may be gone meanwhile.
                with contextlib.suppress(CatalogError):
                    found, taken[name] = merged(found, last[name], file=name), last[name]
    return Added(replace(found, refused=tuple(map(str, refused))), taken, tuple(refused))


def difference(before: Catalog, after: Catalog) -> str:
    """What is another one now, in words; empty where nothing is."""
    parts = []
    for section in SECTIONS:
        old, new = getattr(before, section), getattr(after, section)
        for what, names in (
            ("added", [name for name in new if name not in old]),
            ("changed", [name for name in new if name in old and new[name] != old[name]]),
            ("removed", [name for name in old if name not in new]),
        ):
            if names:
                parts.append(f"{section} {what}: {', '.join(sorted(names))}")
    return "; ".join(parts)
