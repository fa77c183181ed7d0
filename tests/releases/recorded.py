"""What releases have stored, read for tests of what comes after them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dev import releases
from dev.paths import REPOSITORY

Manifest = dict[str, Any]

FOLDER = REPOSITORY / "tests" / "golden" / "releases"
DEFINITION = "crd.yaml"
VALUES = "values.yaml"


def folder_of(version: str) -> Path:
    """Where the files of a release are."""
    return FOLDER / version


@dataclass(frozen=True, slots=True)
class Recorded:
    """One object as a release stored it, with what there was of it."""

    version: str
    scene: str
    now: datetime
    keys: Manifest
    """Revision keys as the release made them: `target`, `from`, and `fallback` as a list."""
    object: Manifest
    children: list[Manifest]
    shared: list[Manifest]


def definition(version: str) -> Manifest:
    """The CustomResourceDefinition of a release."""
    return _copy(_read(folder_of(version) / DEFINITION))


def values(version: str) -> Manifest:
    """The values of a release's chart."""
    return _copy(_read(folder_of(version) / VALUES))


def scenes(version: str) -> Iterator[Recorded]:
    """Every object of a release; each call has copies of its own."""
    for file in sorted(folder_of(version).glob("*.yaml")):
        if file.name not in (DEFINITION, VALUES):
            found = _copy(_read(file))
            yield Recorded(
                version=version,
                scene=file.stem,
                now=datetime.fromisoformat(found["now"]),
                keys=found["keys"],
                object=found["object"],
                children=found["children"],
                shared=found["shared"],
            )


def every() -> list[Recorded]:
    """Every object of every release."""
    return [one for release in releases.all_releases() for one in scenes(release.version)]


def one(version: str, scene: str) -> Recorded:
    """The object of a scene."""
    return next(found for found in scenes(version) if found.scene == scene)


@cache
def _read(file: Path) -> Manifest:
    found: Manifest = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)
    return found


def _copy(value: Manifest) -> Manifest:
    found: Manifest = json.loads(json.dumps(value))
    return found
