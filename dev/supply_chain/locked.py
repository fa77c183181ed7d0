"""What uv.lock says is passed on: the wheel's dependencies, with those of its extras, and theirs. Pure."""

from collections.abc import Mapping
from typing import Any

PROJECT = "deepseek-operator"

Graph = Mapping[str, tuple[str, ...]]
"""Of each package the names of those that it needs."""


def graph(lock: Mapping[str, Any]) -> Graph:
    """What each package of the lock needs; of our own with every extra, and never its groups."""
    return {name: _needs(packages) for name, packages in _by_name(lock).items()}


def passed_on(lock: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of all packages that our own needs, on any platform, in order."""
    needs, found, left = graph(lock), set[str](), [PROJECT]
    while left:
        for name in needs[left.pop()]:
            if name not in found:
                found.add(name)
                left.append(name)
    return tuple(sorted(found))


def _by_name(lock: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """One package may be locked in several versions, for several Pythons."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for package in lock["package"]:
        found.setdefault(package["name"], []).append(package)
    return found


def _needs(packages: list[Mapping[str, Any]]) -> tuple[str, ...]:
    needed = {
        entry["name"]
        for package in packages
        for entries in (
            package.get("dependencies", ()),
            *package.get("optional-dependencies", {}).values(),
        )
        for entry in entries
    }
    return tuple(sorted(needed))
