"""Reading the object that is to be planned, and the catalog; errors name the field and the remedy."""

import base64
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from deepseek_operator.api import refusals
from deepseek_operator.api.types import DeepSeekDeploymentSpec
from deepseek_operator.catalog import catalog, facts, reading
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.catalog.facts import CatalogError

_MOST_DEPTH = 128
"""Of maps and lists in each other: schemas of definitions, which a file may hold too, have some forty."""


class InputError(Exception):
    """What is given cannot be used; the text names where and what to change."""


class NotSizedError(InputError):
    """Nothing is derived for what an object asks for, though an operator may serve it."""


def seconds_of(text: str) -> float:
    """A short time as 800ms or 1.5s, in seconds."""
    number, unit = re.fullmatch(r"([0-9.]+)(ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) / (1000 if unit == "ms" else 1)


@dataclass(frozen=True, slots=True)
class Given:
    """The object of a file."""

    manifest: dict[str, Any]
    """As it is written."""
    spec: DeepSeekDeploymentSpec

    @property
    def name(self) -> str:
        """Empty where the file has none."""
        return self._metadata("name")

    @property
    def namespace(self) -> str:
        """Empty where the file has none: then the command line says it, or the context."""
        return self._metadata("namespace")

    def _metadata(self, field: str) -> str:
        metadata = self.manifest.get("metadata")
        return str(metadata.get(field) or "") if isinstance(metadata, dict) else ""


def read(filename: str) -> Given:
    """The one DeepSeekDeployment in a file, which may hold other kinds too."""
    text = sys.stdin.read() if filename == "-" else _text(filename)
    found = [
        item for item in _documents(text, filename) if item.get("kind") == "DeepSeekDeployment"
    ]
    if len(found) != 1:
        names = ", ".join(name or "without a name" for name in map(_name, found))
        raise InputError(
            f"{filename}: {len(found)} objects of kind DeepSeekDeployment{f' ({names})' if names else ''}; a plan is of "
            "exactly one: give a file that has one"
        )
    manifest = found[0]
    spec = manifest.get("spec")
    if not isinstance(spec, dict):
        raise InputError(f"{filename}: spec: missing; it needs at least model")
    for path, name, known in unknown_fields(DeepSeekDeploymentSpec, spec, "spec"):
        close = facts.nearest(name, known, count=1)[0]
        raise InputError(f"{filename}: {path}.{name}: unknown field; did you mean {close}?")
    try:
        return Given(manifest, DeepSeekDeploymentSpec.model_validate(spec))
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(map(str, ("spec", *first["loc"])))
        said = first["msg"][0].lower() + first["msg"][1:]
        raise InputError(f"{filename}: {path}: {said}") from error


def check(given: Given, filename: str) -> None:
    """By the rules of the definition, which only an API server asks otherwise."""
    for one in refusals.refusals(given.manifest):
        place = f"{one.path}: " if one.path else ""
        raise InputError(f"{filename}: {place}{one.message}")


def unknown_fields(
    kind: type[BaseModel], given: Mapping[str, Any], path: str
) -> Iterator[tuple[str, str, list[str]]]:
    """Where a field stands that its type does not have, its name, and the names that there are."""
    known = {str(field.alias): field.annotation for field in kind.model_fields.values()}
    for name, value in given.items():
        if name not in known:
            yield path, str(name), list(known)
            continue
        inner = _model_in(known[name])
        if inner is None:
            continue
        items = value if isinstance(value, list) else [value]
        for index, item in enumerate(items):
            if isinstance(item, dict):
                place = f"{path}.{name}[{index}]" if isinstance(value, list) else f"{path}.{name}"
                yield from unknown_fields(inner, item, place)


def read_catalog(filenames: Sequence[str]) -> Catalog:
    """The shipped catalog with these files' entries."""
    found = catalog.shipped()
    for filename in filenames:
        text = _text(filename)
        document = reading.read(text, file=filename)
        parts: Mapping[str, str] = {filename: text}
        if document.get("kind") == "ConfigMap":
            parts = _parts(document, filename)
        for name, part in parts.items():
            found = catalog.merged(found, part, file=name)
    return found


def _parts(config_map: Mapping[str, Any], filename: str) -> Mapping[str, str]:
    """Its documents in the order in which the operator takes them: by the names of their keys."""
    texts = {key: ("data", value) for key, value in _section(config_map, "data", filename)}
    for key, value in _section(config_map, "binaryData", filename):
        texts[key] = ("binaryData", _decoded(value, f"{filename}: binaryData.{key}"))
    parts = {f"{filename}: {section}.{key}": text for key, (section, text) in sorted(texts.items())}
    for place, text in parts.items():
        if not isinstance(text, str):
            raise CatalogError(place, "", "", "not text; write a YAML document behind |")
    return parts


def _section(config_map: Mapping[str, Any], name: str, filename: str) -> list[tuple[str, Any]]:
    section = config_map.get(name) or {}
    if not isinstance(section, dict):
        raise CatalogError(filename, name, "", "expected a map of documents by key")
    return [(str(key), value) for key, value in section.items()]


def _decoded(value: Any, place: str) -> str:
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except ValueError as error:
        raise CatalogError(place, "", "", "not text; put a YAML document under data") from error


def _text(filename: str) -> str:
    try:
        return Path(filename).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "not text"
        raise InputError(f"{filename}: {said}; give a file with YAML") from error


def _documents(text: str, filename: str) -> list[dict[str, Any]]:
    import yaml  # noqa: PLC0415 - facts has loaded it by now

    try:
        deep = reading.too_deep(text, _MOST_DEPTH)
        if deep is not None:
            raise InputError(
                f"{filename}: line {deep}: more than {_MOST_DEPTH} maps and lists in each other; give a file with objects"
            )
        found = list(yaml.load_all(text, Loader=reading.LOADER))
    except ValueError as error:
        # A date that no calendar has, a number of thousands of digits.
        raise InputError(f"{filename}: {error}; put it in quotes, or correct it") from error
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" line {where.line + 1}:" if where else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise InputError(f"{filename}:{line} {problem}") from error
    objects = [item for item in found if isinstance(item, dict)]
    return [inner for item in objects for inner in _items(item)]


def _items(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Itself, or what it holds, where it is a list as `kubectl get -o yaml` writes one."""
    items = document.get("items") if document.get("kind") == "List" else None
    return [document] if items is None else [item for item in items if isinstance(item, dict)]


def _name(manifest: Mapping[str, Any]) -> str:
    metadata = manifest.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The type of an object, a list of objects or an object that may be left out."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, BaseModel) else None
    inner = (_model_in(part) for part in getattr(annotation, "__args__", ()))
    return next((found for found in inner if found is not None), None)
