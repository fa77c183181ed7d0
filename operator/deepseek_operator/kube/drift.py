"""Whether an object still is as it was last applied: decides if a pass has to write at all."""

import json
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from deepseek_operator.api import names
from deepseek_operator.api.names import FIELD_MANAGER
from deepseek_operator.kube import additions

Manifest = dict[str, Any]

_OF_POLICIES = frozenset({"podSelector", "policyTypes", "ingress", "egress"})
_ATOMIC = _OF_POLICIES | frozenset({"selector", "labelSelector", "nodeSelector", "rules", "parentRefs"})  # fmt: skip
"""Maps and lists that the server replaces as a whole: what somebody added is ours to remove."""


def with_digest(desired: Manifest) -> Manifest:
    """The manifest with an annotation that identifies its content and, after a dot, its fields."""
    metadata = desired["metadata"]
    annotations = {
        **metadata.get("annotations", {}),
        names.APPLIED_ANNOTATION: f"{_digest_of(desired)}.{_digest_of(_field_names(desired))}",
    }
    return {**desired, "metadata": {**metadata, "annotations": annotations}}


def differs(observed: Manifest, desired: Manifest) -> bool:
    """Whether applying `desired` (with its digest) would change `observed`.

    The digest tells that something was dropped from what we want; the comparison tells that
    somebody changed what we had applied. Fields that we never set are not ours and do not count, but
    for what is added to the pods of a template (see `additions`).
    """
    return not _covers(observed, desired) or bool(additions.removal(observed, desired))


def belongs_to(manifest: Manifest, owner: str, owner_uid: str) -> bool:
    """Whether the manifest is a child of the object with this name and uid.

    Its controller decides. One without any controller is a child that was orphaned, if it still
    carries the marks that only we give: then it is taken back, so that no pod restarts.
    """
    metadata = manifest["metadata"]
    controllers = [item for item in metadata.get("ownerReferences", []) if item.get("controller")]
    if controllers:
        return bool(controllers[0].get("uid") == owner_uid)
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    return labels.get(names.DEPLOYMENT_LABEL) == owner and names.APPLIED_ANNOTATION in annotations


def adopt_fields(manifest: Manifest, desired: Manifest) -> list[Manifest] | None:
    """JSON patch of what has to be done before `desired` (with its digest) is applied; None: nothing.

    It turns the fields we created an object with into fields we applied, and takes away what others added
    to pods: neither does an apply do.
    """
    operations = [*_turned(manifest, desired), *additions.removal(manifest, desired)]
    if not operations:
        return None
    version = manifest["metadata"]["resourceVersion"]
    # Replaced and not tested: the server answers 409 to another version, to a failed test 422.
    return [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        *operations,
    ]


def _turned(manifest: Manifest, desired: Manifest) -> list[Manifest]:
    """A create is recorded as an `Update` of our manager. Left so, a field that we stop applying would
    stay for ever, since that entry still owns it. Nothing where nothing is to be turned, or where
    `desired` sets the very fields that were set last.
    """
    if _applied_fields(manifest) == _applied_fields(desired):
        return []
    entries = manifest["metadata"].get("managedFields", [])
    created = [
        index
        for index, entry in enumerate(entries)
        if entry.get("manager") == FIELD_MANAGER
        and entry.get("operation") == "Update"
        and not entry.get("subresource")
    ]
    if not created:
        return []
    applied = any(
        entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
        for entry in entries
    )
    # One manager has one Apply entry: beside it, the entry of the create is dropped.
    turned = [
        {**entry, "operation": "Apply"} if index in created else entry
        for index, entry in enumerate(entries)
        if not (applied and index in created)
    ]
    return [{"op": "replace", "path": "/metadata/managedFields", "value": turned}]


def _applied_fields(manifest: Manifest) -> str:
    annotations = manifest["metadata"].get("annotations") or {}
    return str(annotations.get(names.APPLIED_ANNOTATION, "")).partition(".")[2]


def _field_names(value: Any) -> Any:
    """What is set, without the values: lists stay whole, as their items are fields of some."""
    if isinstance(value, dict):
        return {key: _field_names(child) for key, child in value.items()}
    return value if isinstance(value, list) else None


def _digest_of(value: Any) -> str:
    return names.digest(json.dumps(value, sort_keys=True, separators=(",", ":")))


def _covers(observed: Any, desired: Any) -> bool:
    if isinstance(desired, dict):
        if not isinstance(observed, dict):
            return not desired
        return all(_field_covers(observed, key, value) for key, value in desired.items())
    if isinstance(desired, list):
        return _list_covers(observed or [], desired)
    if observed is None:
        # The server leaves out empty text; where we set false or 0 it keeps that.
        return desired in (None, "")
    return observed == desired or _equal_quantities(observed, desired)


def _field_covers(observed: Manifest, key: str, value: Any) -> bool:
    if key in _ATOMIC:
        found = observed.get(key)
        # An empty list is left out as a whole; an empty map is kept, and means something else than none.
        found = found or [] if isinstance(value, list) else found
        return bool(_stored(found) == _stored(value))
    return _covers(observed.get(key), value)


def _stored(value: Any) -> Any:
    """Without what the server leaves out: empty maps and lists below (`omitempty` of Kubernetes' types)."""
    if isinstance(value, dict):
        parts = {key: _stored(part) for key, part in value.items()}
        return {key: part for key, part in parts.items() if part not in ({}, [])}
    return [_stored(part) for part in value] if isinstance(value, list) else value


def _list_covers(observed: list[Any], desired: list[Any]) -> bool:
    key = _merge_key(desired)
    if key is None:
        return len(observed) == len(desired) and all(map(_covers, observed, desired))
    by_key = {item.get(key): item for item in observed if isinstance(item, dict)}
    return all(item[key] in by_key and _covers(by_key[item[key]], item) for item in desired)


def _merge_key(items: list[Any]) -> str | None:
    """The key by which the server merges a list of this content, if it merges it."""
    for key in ("name", "uid", "mountPath"):
        if items and all(isinstance(item, dict) and key in item for item in items):
            values = [item[key] for item in items]
            if len(set(values)) == len(values):
                return key
    return None


def _equal_quantities(observed: Any, desired: Any) -> bool:
    if not (isinstance(observed, str) and isinstance(desired, str)):
        return False
    try:
        return bool(parse_quantity(observed) == parse_quantity(desired))
    except ValueError:
        return False
