"""Revisions: the key of a serving block, and the pod shape frozen under it."""

import json
from dataclasses import dataclass
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.api.types import DeepSeekDeploymentSpec
from deepseek_operator.errors import Stalled

KEY_VERSION = 1
KEY_FIELDS = ("model", "source", "engine", "accelerator", "batching", "pod")
"""Fields of the serving block that make a revision, in key version 1.

`replicas` is not among them: it changes how many pods there are, not what they are. A field added
later joins the list only if its default leaves the pods as they were, so old keys stay.
"""

SHAPE_FORMAT = 1


def target_key(spec: DeepSeekDeploymentSpec) -> str:
    """The key of the revision that a spec asks for."""
    return revision_key(spec, warmed=spec.warmup.enabled)


def revision_key(block: ServingBlock, *, warmed: bool = True) -> str:
    """Ten hexadecimal digits for what the user set; a field left out and its default are equal.

    Pods without the locks of a warm-up are other pods than those with them.
    """
    chosen = block.model_dump(
        mode="json",
        by_alias=True,
        exclude_defaults=True,
        exclude_none=True,
        include=set(KEY_FIELDS),
    )
    if not warmed:
        chosen["warmup"] = False
    text = json.dumps(_normal(chosen), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return names.digest(f"v{KEY_VERSION}:{text}")


def _normal(value: Any) -> Any:
    """Without empty parts; numbers and their text equal where a quantity may be either."""
    if isinstance(value, dict):
        parts = {key: _normal(child) for key, child in value.items()}
        return {key: child for key, child in parts.items() if child not in ({}, [], None)}
    if isinstance(value, list):
        return [_normal(child) for child in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


@dataclass(frozen=True, slots=True)
class Shape:
    """A revision's pods, fully resolved; frozen in a ControllerRevision when first decided."""

    key: str
    model: str
    source: str
    image: str
    template: dict[str, Any]

    def to_data(self) -> dict[str, Any]:
        """The form stored as a ControllerRevision's data."""
        return {
            "format": SHAPE_FORMAT,
            "model": self.model,
            "source": self.source,
            "image": self.image,
            "template": self.template,
        }


def shape_from_data(key: str, data: dict[str, Any]) -> Shape:
    """The shape that a ControllerRevision holds; Stalled for the format of a newer operator."""
    if data.get("format") != SHAPE_FORMAT:
        raise Stalled(
            Reason.UNREADABLE_REVISION,
            f"the ControllerRevision of revision {key} has format {data.get('format')!r} and this "
            f"operator reads format {SHAPE_FORMAT}: upgrade the operator",
        )
    return Shape(
        key=key,
        model=str(data["model"]),
        source=str(data["source"]),
        image=str(data["image"]),
        template=dict(data["template"]),
    )
