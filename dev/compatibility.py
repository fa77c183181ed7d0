"""What of the CustomResourceDefinition breaks the objects or the clients of a release: `python -m dev.compatibility`.

Within a version of the API a schema may only grow (docs/api-versions.md): each field of a release stays, takes whatever it
took, and has the same default. What had to be closed all the same is in `dev/compatibility.yaml`, with the reason.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deepseek_operator.api import crd
from dev import releases, steps
from dev.paths import REPOSITORY

Schema = dict[str, Any]
Check = Callable[[Schema, Schema], Iterator[str]]
"""What of a new schema of a field breaks who goes by the old one, in words."""

ALLOWED = REPOSITORY / "dev" / "compatibility.yaml"
STORED = REPOSITORY / "tests" / "golden" / "releases"
"""The definition of each release is in `VERSION/crd.yaml`."""

_RULES = "x-kubernetes-validations"
_FORM = (
    "type", "format", "nullable", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-embedded-resource", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type",
)  # fmt: skip
_LOWEST = ("minLength", "minItems", "minProperties")
_HIGHEST = ("maxLength", "maxItems", "maxProperties")
_CHILDREN = {"items": "[]", "additionalProperties": "{}"}


@dataclass(frozen=True, slots=True)
class Break:
    """One change that breaks who goes by what was released."""

    path: str
    """As `v1alpha1: spec.engine.args[]`."""
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """A break that is meant."""

    release: str
    path: str
    """Where the path of the break ends: a block has the same fields wherever it stands."""
    text: str
    """What the break says somewhere."""
    reason: str

    def covers(self, found: Break) -> bool:
        """Whether this break is meant."""
        return found.path.endswith(self.path) and self.text in found.what


def breaks(old: Schema, new: Schema) -> list[Break]:
    """What of a definition breaks objects and clients of an older one."""
    versions = {one["name"]: one for one in new["spec"]["versions"]}
    found = [*_of_names(old["spec"], new["spec"])]
    for before in old["spec"]["versions"]:
        name, after = before["name"], versions.get(before["name"])
        if before["served"] and (after is None or not after["served"]):
            found.append(Break(name, "is served no more"))
        elif after is not None:
            found += _of_version(before, after)
    return found


def differing(definition: Schema) -> list[Break]:
    """Where versions of one definition differ, which conversion None may not have: what one lacks is lost on the way."""
    versions = definition["spec"]["versions"]
    return [
        broken
        for one in versions
        for other in versions
        if one is not other
        for broken in _of_version({**one, "name": f"{one['name']} as {other['name']}"}, other)
    ]


def _of_names(old: Schema, new: Schema) -> Iterator[Break]:
    for part in ("group", "scope"):
        if old[part] != new[part]:
            yield Break(part, f"was {old[part]}, is {new[part]}")
    for part in ("kind", "listKind", "plural", "singular"):
        if old["names"][part] != new["names"][part]:
            yield Break(f"names.{part}", f"was {old['names'][part]}, is {new['names'][part]}")
    for part in ("shortNames", "categories"):
        for gone in sorted({*old["names"].get(part, ())} - {*new["names"].get(part, ())}):
            yield Break(f"names.{part}", f"{gone} is gone")


def _of_version(old: Schema, new: Schema) -> Iterator[Break]:
    name = old["name"]
    for sub, before in old.get("subresources", {}).items():
        if before != new.get("subresources", {}).get(sub):
            yield Break(f"{name}: subresources.{sub}", "is gone, or another")
    before, after = (one["schema"]["openAPIV3Schema"] for one in (old, new))
    yield from _walk(before, after, f"{name}:", "")


def _walk(old: Schema, new: Schema, version: str, path: str) -> Iterator[Break]:
    place = f"{version} {path or 'the object'}"
    for check in CHECKS:
        yield from (Break(place, said) for said in check(old, new))
    for name, before in old.get("properties", {}).items():
        below, after = f"{path}.{name}".lstrip("."), new.get("properties", {}).get(name)
        if after is None:
            yield Break(f"{version} {below}", "is gone")
        else:
            yield from _walk(before, after, version, below)
    for key, mark in _CHILDREN.items():
        if isinstance(old.get(key), dict):
            yield from _walk(old[key], new.get(key) or {}, version, path + mark)


def _another_form(old: Schema, new: Schema) -> Iterator[str]:
    for key in _FORM:
        if old.get(key) != new.get(key):
            yield f"{key} was {old.get(key)}, is {new.get(key)}"


def _another_default(old: Schema, new: Schema) -> Iterator[str]:
    if old.get("default") != new.get("default"):
        yield f"default was {old.get('default')}, is {new.get('default')}"


def _fewer_values(old: Schema, new: Schema) -> Iterator[str]:
    if "enum" not in new:
        return
    if "enum" not in old:
        yield f"enum is new: {new['enum']}"
    for gone in [value for value in old.get("enum", ()) if value not in new["enum"]]:
        yield f"enum has {gone} no more"


def _tighter_bounds(old: Schema, new: Schema) -> Iterator[str]:
    for key in _LOWEST:
        if new.get(key, 0) > old.get(key, 0):
            yield f"{key} was {old.get(key, 0)}, is {new[key]}"
    for key in _HIGHEST:
        if key in new and (key not in old or new[key] < old[key]):
            yield f"{key} was {old.get(key)}, is {new[key]}"
    # A bound that is excluded is tighter than the same one that is not.
    for key, exclusive, sign in (
        ("minimum", "exclusiveMinimum", 1),
        ("maximum", "exclusiveMaximum", -1),
    ):
        after, before = (
            [sign * one[key], one.get(exclusive, False)] if key in one else None
            for one in (new, old)
        )
        if after is not None and (before is None or after > before):
            yield f"{key} was {_bound(old, key, exclusive)}, is {_bound(new, key, exclusive)}"


def _bound(schema: Schema, key: str, exclusive: str) -> str:
    return f"{schema.get(key)}{' (excluded)' if schema.get(exclusive) else ''}"


def _another_pattern(old: Schema, new: Schema) -> Iterator[str]:
    """Which of two patterns takes more is not decided here: one that is changed may take less."""
    for key in ("pattern", "multipleOf", "uniqueItems"):
        if key in new and old.get(key) != new[key]:
            yield f"{key} was {old.get(key)}, is {new[key]}"


def _more_required(old: Schema, new: Schema) -> Iterator[str]:
    """A field with a default is never missing: the server fills it in first."""
    for name in sorted({*new.get("required", ())} - {*old.get("required", ())}):
        if "default" not in new.get("properties", {}).get(name, {}):
            yield f"{name} is required"


def _new_rules(old: Schema, new: Schema) -> Iterator[str]:
    known = {one["rule"] for one in old.get(_RULES, ())}
    fresh = {*new.get("properties", {})} - {*old.get("properties", {})}
    for one in new.get(_RULES, ()):
        if one["rule"] not in known and not _asks_of_new_fields_alone(one["rule"], fresh):
            yield f"rule is new: {one['rule']}"


def _asks_of_new_fields_alone(rule: str, fresh: set[str]) -> bool:
    """Whether a rule holds by itself where one of the new fields is not there: `… || !has(self.new) || …`."""
    absent = {f"!has(self.{name})" for name in fresh}
    return not absent.isdisjoint(one.strip() for one in _alternatives(rule))


def _alternatives(rule: str) -> list[str]:
    """What the outermost `||` of a rule stand between; nothing where its outermost is `… ? … : …`, which binds less."""
    found, begin, depth, is_text = [], 0, 0, False
    for place, sign in enumerate(rule):
        if sign == "'" and rule[place - 1] != "\\":
            is_text = not is_text
        elif not is_text:
            depth += (sign in "([{") - (sign in ")]}")
            if depth == 0 and sign == "?":
                return []
            if depth == 0 and rule.startswith("||", place):
                found.append(rule[begin:place])
                begin = place + 2
    return [*found, rule[begin:]]


CHECKS: tuple[Check, ...] = (
    _another_form,
    _another_default,
    _fewer_values,
    _tighter_bounds,
    _another_pattern,
    _more_required,
    _new_rules,
)


def allowances(file: Path = ALLOWED) -> list[Allowed]:
    """The breaks that are meant."""
    return [Allowed(**one) for one in yaml.safe_load(file.read_text())]


def judged(found: Sequence[Break], allowed: Sequence[Allowed]) -> Iterator[str]:
    """What is wrong: breaks that nobody meant, and reasons for what breaks nothing any more."""
    for broken in found:
        if not any(one.covers(broken) for one in allowed):
            yield str(broken)
    for one in allowed:
        if not any(one.covers(broken) for broken in found):
            yield f"{one.path}: allowed for {one.text!r}, and it breaks nothing; remove it from {ALLOWED.name}"


def released(version: str) -> Schema:
    """The definition of a release."""
    found: Schema = yaml.safe_load((STORED / version / "crd.yaml").read_text())
    return found


def program() -> int:
    """The command line."""
    argparse.ArgumentParser(prog="python -m dev.compatibility", description=__doc__).parse_args()
    present, meant = crd.build_crd(), allowances()
    wrong = [f"versions differ: {one}" for one in differing(present)]
    for release in releases.all_releases():
        of_it = [one for one in meant if one.release == release.version]
        found = breaks(released(release.version), present)
        wrong += [f"release {release.version}: {said}" for said in judged(found, of_it)]
    if wrong:
        raise steps.StepError("\n  ".join(("the API breaks what was released:", *wrong)))
    print("objects and clients of every release go on")
    return 0


if __name__ == "__main__":
    steps.main(program)
