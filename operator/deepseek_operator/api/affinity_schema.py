"""Kubernetes' own Affinity as types, so that a field it does not know is refused. Only their schema is used.

https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.35/#affinity-v1-core.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from deepseek_operator.api.base import ApiModel

_ATOMIC: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}
_KEY = Field(min_length=1, max_length=316, description="Label key.")


class NodeSelectorRequirement(ApiModel):
    """What a label or field of a node must be."""

    key: str = _KEY
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] = Field(
        description="How the value is compared with `values`."
    )
    values: list[str] = Field(
        default_factory=list,
        max_length=1024,
        description="Of In and NotIn one at least, of Gt and Lt one whole number, of the others none.",
        json_schema_extra=_ATOMIC,
    )


class NodeSelectorTerm(ApiModel):
    """Requirements that a node must fulfil together."""

    match_expressions: list[NodeSelectorRequirement] = Field(
        default_factory=list,
        max_length=64,
        description="Requirements by labels.",
        json_schema_extra=_ATOMIC,
    )
    match_fields: list[NodeSelectorRequirement] = Field(
        default_factory=list,
        max_length=64,
        description="Requirements by fields.",
        json_schema_extra=_ATOMIC,
    )


class NodeSelector(ApiModel):
    """Terms of which a node must fulfil one."""

    node_selector_terms: list[NodeSelectorTerm] = Field(
        min_length=1,
        max_length=64,
        description="The terms.",
        json_schema_extra=_ATOMIC,
    )


class PreferredSchedulingTerm(ApiModel):
    """A term and what it counts."""

    weight: Annotated[int, Field(ge=1, le=100)] = Field(description="What a match counts.")
    preference: NodeSelectorTerm = Field(description="The term.")


class LabelSelectorRequirement(ApiModel):
    """What a label of a pod must be."""

    key: str = _KEY
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = Field(
        description="How the value is compared with `values`."
    )
    values: list[str] = Field(
        default_factory=list,
        max_length=1024,
        description="Of In and NotIn one at least, of the others none.",
        json_schema_extra=_ATOMIC,
    )


class LabelSelector(ApiModel):
    """Which pods or namespaces are meant; an empty one means all."""

    match_labels: Annotated[dict[str, str], Field(max_length=64)] = Field(
        default_factory=dict, description="Labels that they must have."
    )
    match_expressions: list[LabelSelectorRequirement] = Field(
        default_factory=list,
        max_length=64,
        description="Requirements that they must fulfil together.",
        json_schema_extra=_ATOMIC,
    )


class PodAffinityTerm(ApiModel):
    """Which pods to be near to or far from, and what near means."""

    label_selector: LabelSelector | None = Field(
        default=None, description="Which pods. Default: none."
    )
    namespace_selector: LabelSelector | None = Field(
        default=None, description="Namespaces of those pods, by label. Default: `namespaces`."
    )
    namespaces: list[str] = Field(
        default_factory=list,
        max_length=1024,
        description="Namespaces of those pods. Default: the object's own.",
        json_schema_extra=_ATOMIC,
    )
    topology_key: str = Field(
        min_length=1, max_length=316, description="Node label: near is where it has the same value."
    )
    match_label_keys: list[str] = Field(
        default_factory=list,
        max_length=64,
        description="Labels in which those pods must equal the new one.",
        json_schema_extra=_ATOMIC,
    )
    mismatch_label_keys: list[str] = Field(
        default_factory=list,
        max_length=64,
        description="Labels in which those pods must differ from the new one.",
        json_schema_extra=_ATOMIC,
    )


class WeightedPodAffinityTerm(ApiModel):
    """A term and what it counts."""

    weight: Annotated[int, Field(ge=1, le=100)] = Field(description="What a match counts.")
    pod_affinity_term: PodAffinityTerm = Field(description="The term.")


class NodeAffinity(ApiModel):
    """Which nodes the pods run on."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = Field(
        default=None, description="What a node must be."
    )
    preferred_during_scheduling_ignored_during_execution: list[PreferredSchedulingTerm] = Field(
        default_factory=list,
        max_length=64,
        description="What a node had better be.",
        json_schema_extra=_ATOMIC,
    )


class PodAffinity(ApiModel):
    """Near which pods, or far from which, the pods run."""

    required_during_scheduling_ignored_during_execution: list[PodAffinityTerm] = Field(
        default_factory=list,
        max_length=64,
        description="What must hold.",
        json_schema_extra=_ATOMIC,
    )
    preferred_during_scheduling_ignored_during_execution: list[WeightedPodAffinityTerm] = Field(
        default_factory=list,
        max_length=64,
        description="What had better hold.",
        json_schema_extra=_ATOMIC,
    )


class AffinitySchema(ApiModel):
    """Node and pod affinity, as in a PodSpec."""

    node_affinity: NodeAffinity | None = Field(
        default=None, description="Which nodes the pods run on."
    )
    pod_affinity: PodAffinity | None = Field(
        default=None, description="Near which pods the pods run."
    )
    pod_anti_affinity: PodAffinity | None = Field(
        default=None, description="Far from which pods the pods run."
    )
