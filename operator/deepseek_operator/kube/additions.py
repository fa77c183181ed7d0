"""What others added to the pods of a Deployment or LeaderWorkerSet, and how it is taken away.

Equal revisions are equal pods, so what a template lists is exactly ours. Server-side apply removes only what its
manager owns: what others added goes by a JSON patch. Elements are known by their keys, since the server adds
defaults inside them. Labels and annotations, also those of a template, stay whose they are.
"""

import json
from dataclasses import dataclass
from typing import Any

from deepseek_operator.api import names

Manifest = dict[str, Any]

TIMES = 3
"""How often one addition is taken away. What comes back each time is a webhook's or a controller's, and pods that
restart without end are worse than pods with somebody's container."""

_REMEMBERED = 20
"""Of so many additions it is known how often they were taken away."""

_TEMPLATES = {
    "Deployment": (("template",),),
    "LeaderWorkerSet": (
        ("leaderWorkerTemplate", "leaderTemplate"),
        ("leaderWorkerTemplate", "workerTemplate"),
    ),
}
_CONTAINERS = ("initContainers", "containers")
_KEYED = {"env": "name", "volumeMounts": "mountPath"}
_UNKEYED = ("command", "args", "envFrom")
"""Where we set one of these it is compared as a whole; where we set none there is to be none."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something is in a child."""

    path: str
    """JSON pointer in the child as it was observed."""
    name: str
    """The same by keys instead of numbers: for people, and for the child as it is later."""

    def at(self, step: str | int, key: str | None = None) -> "_Place":
        return _Place(f"{self.path}/{step}", f"{self.name}/{step if key is None else key}")


_Item = tuple[_Place, Manifest]


def removal(observed: Manifest, desired: Manifest) -> list[Manifest]:
    """JSON patch operations that take away what is added; none where nothing is, or where it came back TIMES times.

    How often each was taken away stands in an annotation of the child: whoever deletes that has it start anew.
    """
    counts = _counts(observed)
    due = _due(observed, desired, counts)
    if not due:
        return []
    told = {**counts, **{one.name: counts.get(one.name, 0) + 1 for one in due}}
    text = json.dumps(dict(list(told.items())[-_REMEMBERED:]))
    annotations = observed["metadata"].get("annotations") or {}
    marked = {**annotations, names.REMOVED_ANNOTATION: text}
    return [
        *({"op": "remove", "path": one.path} for one in due),
        {"op": "add", "path": "/metadata/annotations", "value": marked},
    ]


def _counts(observed: Manifest) -> dict[str, int]:
    """How often each was taken away; nothing where the annotation is not as we write it."""
    annotations = observed["metadata"].get("annotations") or {}
    try:
        found = json.loads(annotations.get(names.REMOVED_ANNOTATION, "{}"))
    except ValueError:
        return {}
    pairs = found.items() if isinstance(found, dict) else ()
    return {name: count for name, count in pairs if isinstance(count, int)}


def _due(observed: Manifest, desired: Manifest, counts: dict[str, int]) -> list[_Place]:
    """What is to be taken away, in an order in which no removal moves what a later one means."""
    found: list[_Place] = []
    kind, spec = desired.get("kind"), _Place("/spec", "spec")
    there, wanted = observed.get("spec") or {}, desired.get("spec") or {}
    if kind == "Deployment" and there.get("paused"):
        found += _not_worn_out([spec.at("paused")], counts)
    for words in _TEMPLATES.get(str(kind), ()):
        place, pods, ours = spec, there, wanted
        for word in (*words, "spec"):
            place, pods, ours = place.at(word), pods.get(word) or {}, ours.get(word) or {}
        found += _due_of_pods(place, pods, ours, counts)
    return found


def _due_of_pods(
    place: _Place, observed: Manifest, desired: Manifest, counts: dict[str, int]
) -> list[_Place]:
    """Of one template: elements of containers, then containers, then volumes that nothing that stays mounts."""
    inner, whole = [], []
    for field in _CONTAINERS:
        there, wanted = observed.get(field), desired.get(field)
        whole += [one for one, _ in _added(place.at(field), there, wanted, "name")]
        by_name = {one["name"]: one for one in wanted or []}
        for one, container in _items(place.at(field), there, "name"):
            if container["name"] in by_name:
                inner += _added_to_container(one, container, by_name[container["name"]])
    due = _not_worn_out([*inner, *whole], counts)
    mounted = _mounted(place, observed, without={one.path for one in due})
    volumes = _added(place.at("volumes"), observed.get("volumes"), desired.get("volumes"), "name")
    unused = [one for one, volume in volumes if volume["name"] not in mounted]
    return [*due, *_not_worn_out(unused, counts)]


def _added_to_container(place: _Place, observed: Manifest, desired: Manifest) -> list[_Place]:
    found = [
        place.at(field) for field in _UNKEYED if observed.get(field) and not desired.get(field)
    ]
    for field, key in _KEYED.items():
        added = _added(place.at(field), observed.get(field), desired.get(field), key)
        found += [one for one, _ in added]
    return found


def _added(
    place: _Place, observed: list[Manifest] | None, desired: list[Manifest] | None, key: str
) -> list[_Item]:
    """Elements of a list that are not wanted, the last one first."""
    wanted = {item[key] for item in desired or []}
    return [one for one in reversed(_items(place, observed, key)) if one[1][key] not in wanted]


def _items(place: _Place, observed: list[Manifest] | None, key: str) -> list[_Item]:
    return [(place.at(index, item[key]), item) for index, item in enumerate(observed or [])]


def _mounted(place: _Place, pods: Manifest, *, without: set[str]) -> set[str]:
    """Volumes that are mounted once these are gone: one that is ours to be moved back by the apply, too."""
    return {
        mount["name"]
        for field in _CONTAINERS
        for container, of_it in _items(place.at(field), pods.get(field), "name")
        if container.path not in without
        for one, mount in _items(
            container.at("volumeMounts"), of_it.get("volumeMounts"), "mountPath"
        )
        if one.path not in without
    }


def _not_worn_out(found: list[_Place], counts: dict[str, int]) -> list[_Place]:
    return [one for one in found if counts.get(one.name, 0) < TIMES]
