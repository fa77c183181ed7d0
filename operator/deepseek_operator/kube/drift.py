"""Whether an object still is as it was last applied: decides if a pass has to write at all."""

import json
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from deepseek_operator.api import names
from deepseek_operator.api.names import FIELD_MANAGER

Manifest = dict[str, Any]


def with_digest(desired: Manifest) -> Manifest:
    """The manifest with an annotation that identifies its content."""
    text = json.dumps(desired, sort_keys=True, separators=(",", ":"))
    metadata = desired["metadata"]
    annotations = {
        **metadata.get("annotations", {}),
        names.APPLIED_ANNOTATION: names.digest(text),
    }
    return {**desired, "metadata": {**metadata, "annotations": annotations}}


def differs(observed: Manifest, desired: Manifest) -> bool:
    """Whether applying `desired` (with its digest) would change `observed`.

    The digest tells that something was dropped from what we want; the comparison tells that
    somebody changed what we had applied. Fields that we never set are not ours and do not count.
    """
    return not _covers(observed, desired)


def is_controlled(manifest: Manifest, owner_uid: str) -> bool:
    """Whether the object with this uid is the manifest's controller."""
    references = manifest["metadata"].get("ownerReferences", [])
    return any(item.get("controller") and item.get("uid") == owner_uid for item in references)


def adopt_fields(manifest: Manifest) -> list[Manifest] | None:
    """JSON patch that turns the fields we created an object with into fields we applied.

    A create is recorded as an `Update` of our manager. Left so, a field that we later stop applying
    would stay for ever, since that entry still owns it. None where there is nothing to turn.
    """
    entries = manifest["metadata"].get("managedFields", [])
    created = [
        index
        for index, entry in enumerate(entries)
        if entry.get("manager") == FIELD_MANAGER
        and entry.get("operation") == "Update"
        and not entry.get("subresource")
    ]
    if not created:
        return None
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
    version = manifest["metadata"]["resourceVersion"]
    return [
        {"op": "test", "path": "/metadata/resourceVersion", "value": version},
        {"op": "replace", "path": "/metadata/managedFields", "value": turned},
    ]


def _covers(observed: Any, desired: Any) -> bool:
    if isinstance(desired, dict):
        if not isinstance(observed, dict):
            return not desired
        return all(_covers(observed.get(key), value) for key, value in desired.items())
    if isinstance(desired, list):
        return _list_covers(observed or [], desired)
    if observed is None:
        # The server leaves out empty text; where we set false or 0 it keeps that.
        return desired in (None, "")
    return observed == desired or _equal_quantities(observed, desired)


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
