"""Revisions: the key of a serving block, and the pod shape frozen under it."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.api.types import DeepSeekDeploymentSpec
from deepseek_operator.errors import Stalled

KEY_VERSION = 1
KEY_FIELDS = ("model", "source", "engine", "accelerator", "quantization", "batching", "workload", "pod")  # fmt: skip
"""Fields of the serving block that make a revision, in key version 1.

`replicas` is not among them: it changes how many pods there are, not what they are. A field added
later joins the list only if its default leaves the pods as they were, so old keys stay.
"""

SHAPE_FORMAT = 1
GROUP_FIELD = "group"
GROUP_FORMAT = 2
"""Of a replica on several nodes: an operator that reads format 1 alone would start its leader without workers."""


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
    if block.workload is not None:
        # How many requests there are is a number of pods, and 1s is 1000ms.
        chosen["workload"] = block.workload.shape()
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
class Group:
    """What a replica on several nodes has beside its leader, which takes its requests."""

    nodes: int
    worker: dict[str, Any]
    """The pod template of each of the others."""
    topology: str = ""
    """Node label of which all nodes of a group have one value, which no other group has; empty: none."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A revision's pods, fully resolved; frozen in a ControllerRevision when first decided."""

    key: str
    model: str
    source: str
    image: str
    template: dict[str, Any]
    """Of the pods that take requests."""
    sizing: dict[str, Any] | None = None
    """What was derived, as `derivation.frozen` writes it; None where it is not known any more."""
    group: Group | None = None
    """None where one pod is a replica."""

    @property
    def nodes(self) -> int:
        """Nodes, hence pods, of one replica."""
        return 1 if self.group is None else self.group.nodes

    def described(self) -> dict[str, Any]:
        """What status says of it."""
        several = {} if self.group is None else {"nodes": self.nodes}
        return {"model": self.model, "source": self.source, "image": self.image, **several}

    def to_data(self) -> dict[str, Any]:
        """The form stored as a ControllerRevision's data."""
        return {
            "format": SHAPE_FORMAT if self.group is None else GROUP_FORMAT,
            "model": self.model,
            "source": self.source,
            "image": self.image,
            "template": self.template,
            **({} if self.sizing is None else {"sizing": self.sizing}),
            **({} if self.group is None else {GROUP_FIELD: asdict(self.group)}),
        }


def shape_from_data(key: str, data: dict[str, Any]) -> Shape:
    """The shape that a ControllerRevision holds; Stalled for the format of a newer operator."""
    if data.get("format") not in (SHAPE_FORMAT, GROUP_FORMAT):
        raise Stalled(
            Reason.UNREADABLE_REVISION,
            f"the ControllerRevision of revision {key} has format {data.get('format')!r} and this "
            f"operator reads formats up to {GROUP_FORMAT}: upgrade the operator",
        )
    group = data.get(GROUP_FIELD)
    return Shape(
        key=key,
        model=str(data["model"]),
        source=str(data["source"]),
        image=str(data["image"]),
        template=dict(data["template"]),
        sizing=data.get("sizing"),
        group=None if group is None else Group(**group),
    )
