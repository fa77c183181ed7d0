"""Objects that several DeepSeekDeployments use together: each adds itself to their owners and leaves.

Server-side apply would not do: one manager applies for all of them, and what one applies would drop the
others. Each change is of the version that was read, so that none is lost.
"""

from typing import Any

from kubernetes.utils.quantity import parse_quantity

from deepseek_operator.api import names

Manifest = dict[str, Any]
Operations = list[dict[str, Any]]


def is_shared(present: Manifest, desired: Manifest) -> bool:
    """Whether what has the name is ours to share: it carries the marks that only we give."""
    labels = present["metadata"].get("labels") or {}
    return all(
        labels.get(mark) == desired["metadata"]["labels"][mark]
        for mark in (names.MANAGED_BY_LABEL, names.WEIGHTS_LABEL)
    )


def join(present: Manifest, desired: Manifest) -> Operations | None:
    """JSON patch by which an object comes to use what is there; None where it does already.

    Owners and annotations are added, a volume grows. What anyone wants kept has no owners.
    """
    operations = [
        *_owners(present, desired),
        *_annotations(present, desired),
        *_growth(present, desired),
    ]
    return [*_of_this_version(present), *operations] if operations else None


def leave(present: Manifest, uid: str) -> Operations | None:
    """JSON patch by which an object stops using it; None where it was the last: then it goes."""
    others = [owner for owner in _owners_of(present) if owner.get("uid") != uid]
    if not others:
        return None
    return [*_of_this_version(present), _put("/metadata/ownerReferences", others)]


def _owners(present: Manifest, desired: Manifest) -> Operations:
    owners, wanted = _owners_of(present), _owners_of(desired)
    if names.RETAIN_ANNOTATION in {**_annotations_of(present), **_annotations_of(desired)}:
        return [_put("/metadata/ownerReferences", [])] if owners else []
    known = {owner.get("uid") for owner in owners}
    missing = [owner for owner in wanted if owner["uid"] not in known]
    return [_put("/metadata/ownerReferences", [*owners, *missing])] if missing else []


def _annotations(present: Manifest, desired: Manifest) -> Operations:
    merged = {**_annotations_of(present), **_annotations_of(desired)}
    changed = merged != _annotations_of(present)
    return [_put("/metadata/annotations", merged)] if changed else []


def _growth(present: Manifest, desired: Manifest) -> Operations:
    wanted = desired["spec"].get("resources", {}).get("requests", {}).get("storage")
    if desired["kind"] != "PersistentVolumeClaim" or wanted is None:
        return []
    current = present["spec"].get("resources", {}).get("requests", {}).get("storage", "0")
    if parse_quantity(wanted) <= parse_quantity(current):
        return []
    return [{"op": "replace", "path": "/spec/resources/requests/storage", "value": wanted}]


def _of_this_version(present: Manifest) -> Operations:
    """Replaced and not tested: the server answers 409 to another version, to a failed test 422."""
    version = present["metadata"]["resourceVersion"]
    return [{"op": "replace", "path": "/metadata/resourceVersion", "value": version}]


def _put(path: str, value: Any) -> dict[str, Any]:
    """An `add` replaces what is there."""
    return {"op": "add", "path": path, "value": value}


def _owners_of(manifest: Manifest) -> list[dict[str, Any]]:
    return list(manifest["metadata"].get("ownerReferences") or [])


def _annotations_of(manifest: Manifest) -> dict[str, str]:
    return dict(manifest["metadata"].get("annotations") or {})
