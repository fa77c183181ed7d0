"""A copy of the weights for each pod, where no volume can be shared between nodes.

The copy is an ephemeral volume: it is made with its pod, filled by an init container, and goes with it.
"""

from typing import Any

from deepseek_operator.api import names
from deepseek_operator.build.metadata import Manifest
from deepseek_operator.build.template import WEIGHTS_VOLUME


def is_copied(template: Manifest) -> bool:
    """Whether each pod of a template has a copy of its own."""
    return "ephemeral" in _weights_volume(template)


def volume_of(template: Manifest) -> Manifest:
    """How the copies of such a template are stored: the spec of their claims."""
    spec: Manifest = _weights_volume(template)["ephemeral"]["volumeClaimTemplate"]["spec"]
    return spec


def volume(*, size: str, storage_class_name: str | None) -> Manifest:
    """The spec of the claim of one copy."""
    spec: Manifest = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
    }
    if storage_class_name:
        spec["storageClassName"] = storage_class_name
    return spec


def with_copies(template: Manifest, fetch: Manifest, *, volume: Manifest) -> Manifest:
    """The template with a copy for each pod; `fetch` is the pod spec that would fill a shared claim."""
    if is_copied(template):
        return template
    pod = template["spec"]
    present = {item["name"] for item in pod["volumes"]}
    return {
        **template,
        "spec": {
            **pod,
            "initContainers": [*fetch["containers"], *pod["initContainers"]],
            "volumes": [
                *(_copied(item, volume) for item in pod["volumes"]),
                *(item for item in fetch["volumes"] if item["name"] not in present),
            ],
        },
    }


def _copied(item: Manifest, volume: Manifest) -> Manifest:
    if item["name"] != WEIGHTS_VOLUME:
        return item
    metadata = {"labels": {names.MANAGED_BY_LABEL: names.MANAGED_BY}}
    claim = {"metadata": metadata, "spec": volume}
    return {"name": WEIGHTS_VOLUME, "ephemeral": {"volumeClaimTemplate": claim}}


def _weights_volume(template: Manifest) -> dict[str, Any]:
    volumes = template["spec"].get("volumes", [])
    return next((item for item in volumes if item["name"] == WEIGHTS_VOLUME), {})
