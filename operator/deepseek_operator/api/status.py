"""The observed state of a DeepSeekDeployment."""

from typing import Literal

from pydantic import Field

from deepseek_operator.api.analysis import RolloutMetric
from deepseek_operator.api.autoscaling import AutoscalingStatus
from deepseek_operator.api.base import ApiModel
from deepseek_operator.api.conditions import ConditionType
from deepseek_operator.api.mirror import MirrorStatus
from deepseek_operator.api.quality import QualityStatus


class RevisionStatus(ApiModel):
    """One revision as the object reports it."""

    revision: str = Field(max_length=63, description="Revision key: equal keys are equal pods.")
    model: str = Field(max_length=96, description="Model of the revision.")
    source: str = Field(default="", max_length=1024, description="Where its weights come from.")
    image: str = Field(default="", max_length=512, description="Image of its engine.")
    nodes: int | None = Field(
        default=None, description="Nodes of one replica, where it is on several."
    )
    replicas: int = Field(default=0, description="Replicas that it should have.")
    ready_replicas: int = Field(default=0, description="Replicas that answer.")


class FallbackStatus(RevisionStatus):
    """A revision that stands in for the serving one, or is to."""

    reason: str = Field(default="", max_length=64, description="How far it is, in one word.")
    message: str = Field(default="", max_length=1024, description="The same in a sentence.")


class WeightsStatus(ApiModel):
    """The weights of one source, as far as they are there; sizes in bytes."""

    claim: str = Field(max_length=253, description="PersistentVolumeClaim that holds them.")
    source: str = Field(max_length=1024, description="Where they come from.")
    phase: Literal["Sizing", "Waiting", "Fetching", "Verifying", "Failed", "Ready", "PerPod"] = (
        Field(
            description="Sizing (the source is asked for its size), Waiting (for the volume or a "
            "node), Fetching, Verifying, Failed (tried again later), Ready, or PerPod (no volume can "
            "be shared between nodes: each pod fetches a copy of its own)."
        )
    )
    bytes_done: int | None = Field(default=None, description="Bytes that are there.")
    bytes_total: int | None = Field(default=None, description="Bytes that there will be.")
    bytes_per_second: int | None = Field(default=None, description="Rate of the last 10 seconds.")
    seconds_left: int | None = Field(default=None, description="At that rate.")


class WarmupFigure(ApiModel):
    """One kind of warm-up request: its first round and its last, in milliseconds."""

    name: str = Field(max_length=128, description="The kind of request.")
    cold_first_token: int = Field(description="Time to first token of the first round, ms.")
    warm_first_token: int = Field(description="Time to first token of the last round, ms.")
    cold_next_token: int | None = Field(
        default=None, description="Time between tokens of the first round, ms."
    )
    warm_next_token: int | None = Field(
        default=None, description="Time between tokens of the last round, ms."
    )


class WarmupStatus(ApiModel):
    """The last warm-up of one pod."""

    pod: str = Field(max_length=253, description="The pod.")
    revision: str = Field(max_length=63, description="Revision key of the pod.")
    at: str = Field(description="When it had ended.", json_schema_extra={"format": "date-time"})
    seconds: int = Field(description="How long the warm-up took.")
    requests: int = Field(description="Requests that it sent.")
    failure: str | None = Field(
        default=None,
        max_length=1024,
        description="Why it failed although the pod serves (warmup.onFailure: Serve).",
    )
    figures: list[WarmupFigure] = Field(
        default_factory=list,
        max_length=32,
        description="Its kinds of requests, cold and warm.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class ConditionStatus(ApiModel):
    """A condition as Kubernetes stores it (meta/v1 Condition)."""

    type: str = Field(
        max_length=316,
        description=f"One of: {', '.join(ConditionType)}.",
    )
    status: Literal["True", "False", "Unknown"] = Field(description="True, False or Unknown.")
    reason: str = Field(min_length=1, max_length=1024, description="Why, in one word.")
    message: str = Field(max_length=32768, description="Why, in a sentence.")
    observed_generation: int = Field(description="Generation of the spec that this speaks of.")
    last_transition_time: str = Field(
        description="When the status last changed.", json_schema_extra={"format": "date-time"}
    )


class GatewayStatus(ApiModel):
    """The gateway as the object reports it."""

    replicas: int = Field(default=0, description="Replicas that it should have.")
    ready_replicas: int = Field(default=0, description="Replicas that take requests.")
    version: str = Field(
        default="", max_length=63, description="Version of what they are told to do."
    )


class RouteStatus(ApiModel):
    """The HTTPRoute on a Gateway that somebody else runs, as the object reports it."""

    name: str = Field(default="", max_length=253, description="Name of the HTTPRoute.")
    gateway: str = Field(
        default="", max_length=320, description="Namespace and name of the Gateway."
    )
    accepted: bool = Field(
        default=False, description="Whether its controller has accepted it, backends included."
    )
    controller: str = Field(default="", max_length=253, description="Who has answered for it.")


class RolloutStatus(ApiModel):
    """The last run, as people read it, and what the operator goes on from."""

    run: str = Field(default="", max_length=80, description="Its name: number and candidate.")
    at: str = Field(
        default="",
        max_length=96,
        description="Run and step as a command names them: `<verb>:<at>`.",
    )
    phase: str = Field(default="", max_length=32, description="Where it is.")
    reason: str = Field(default="", max_length=64, description="Why, in one word.")
    message: str = Field(
        default="", max_length=1024, description="Why, with the figures that decided."
    )
    step: int = Field(default=0, description="The present step, from 1.")
    steps: int = Field(default=0, description="How many steps there are; a Replace has none.")
    weight: int = Field(
        default=0, description="Percent of the requests that the candidate is to have."
    )
    candidate: str = Field(default="", max_length=63, description="The new revision.")
    stable: str = Field(
        default="", max_length=63, description="The revision that it is compared with."
    )
    strategy: str = Field(
        default="",
        max_length=16,
        description="With strategy Auto: Canary or Replace, as it was chosen when the run began.",
    )
    chosen: str = Field(
        default="", max_length=1024, description="With strategy Auto: why, with the figures."
    )
    since: str | None = Field(
        default=None,
        description="When the phase began.",
        json_schema_extra={"format": "date-time"},
    )
    decision_seconds: int | None = Field(
        default=None,
        description="About how long until it is decided, at the present rate of requests and if the "
        "new revision is as good as the other; none where that is not known, or not within "
        "maxDuration.",
    )
    command: str = Field(default="", max_length=256, description="What became of the last command.")
    metrics: list[RolloutMetric] = Field(
        default_factory=list,
        max_length=16,
        description="What is compared, and what was seen of it in this run until it was promoted.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
    not_compared: list[str] = Field(
        default_factory=list,
        max_length=8,
        description="What cannot be compared: the engine of one of the two does not tell it.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    quality: QualityStatus | None = Field(
        default=None, description="The last examination of the candidate; none where nobody asks."
    )
    mirror: MirrorStatus | None = Field(
        default=None, description="What became of copies of requests; none where none are made."
    )
    record: str = Field(
        default="",
        max_length=65536,
        description="What the operator goes on from; for nobody else.",
    )


class SizedValue(ApiModel):
    """One value that was derived."""

    name: str = Field(max_length=32, description="What it is of.")
    value: str = Field(max_length=64, description="The value.")
    why: str = Field(max_length=512, description="Why it is so, in a sentence.")
    set: bool = Field(default=False, description="Whether the object sets it.")


class LiveStatus(ApiModel):
    """The time of a step of decode while users' requests filled the replicas, beside the computed one."""

    sequences: int = Field(
        description="Sequences that a replica was decoding, on average over the time."
    )
    milliseconds: int = Field(description="Of one step, on average; the median of busy replicas.")
    computed_milliseconds: int = Field(
        description="Of one step with so many, as sizing has it for requests as workload says."
    )
    ratio: str = Field(max_length=16, description="Measured over computed.")


class MeasuredStatus(ApiModel):
    """The time between tokens that warm-ups of the revision's pods measured, beside the one it was sized with."""

    sequences: int = Field(description="Sequences that a replica computed at once.")
    milliseconds: int = Field(description="Between two tokens, measured; the median of the pods.")
    computed_milliseconds: int = Field(description="Between two tokens, as sizing has it.")
    ratio: str = Field(max_length=16, description="Measured over computed.")
    message: str = Field(
        max_length=512,
        description="What a new revision would be given if it were sized with that, and how to have it. "
        "Nothing is changed by itself.",
    )
    live: LiveStatus | None = Field(
        default=None,
        description="The same of users' own requests, seen while a Canary or Replace ran, or with autoscaling, "
        "and replicas were busy; none before.",
    )


class SizingStatus(ApiModel):
    """What was derived of the revision that the spec asks for, when it was made."""

    revision: str = Field(max_length=63, description="The revision.")
    accelerator: str = Field(
        default="", max_length=63, description="The product, as the catalog calls it."
    )
    engine: str = Field(default="", max_length=64, description="Engine and version it is for.")
    not_derived: str = Field(
        default="", max_length=512, description="Why nothing was derived; empty where it was."
    )
    values: list[SizedValue] = Field(
        default_factory=list,
        max_length=24,
        description="Every value with its reason.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    missed: list[str] = Field(
        default_factory=list,
        max_length=4,
        description="Targets of workload that no replica on one node keeps, with the figures.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    measured: MeasuredStatus | None = Field(
        default=None,
        description="What warm-ups measured of it; none before the first, or where nothing was derived.",
    )


class DeepSeekDeploymentStatus(ApiModel):
    """The observed state of a DeepSeekDeployment."""

    observed_generation: int = Field(
        default=0, description="Generation of the spec that the status speaks of."
    )
    url: str = Field(
        default="",
        max_length=512,
        description="Base URL of the OpenAI API: inside the cluster, or at the Gateway of provider "
        "GatewayAPI; empty while that has no address.",
    )
    served_name: str = Field(default="", max_length=96, description='What clients send as "model".')
    replicas: int = Field(default=0, description="Replicas of the serving revision that exist.")
    network_policies: int | None = Field(
        default=None,
        description="NetworkPolicies that say who reaches the object's pods, if the cluster enforces any; none where the "
        "operator makes none.",
    )
    selector: str = Field(
        default="",
        max_length=1024,
        description="Label selector of the serving revision's pods, for the scale subresource.",
    )
    serving: RevisionStatus | None = Field(
        default=None, description="The revision that answers users; none before the first."
    )
    desired: RevisionStatus | None = Field(
        default=None, description="The revision that the spec asks for."
    )
    fallback: list[FallbackStatus] = Field(
        default_factory=list,
        max_length=16,
        description="Who stands in for the serving revision, in the order in which they are asked; "
        "with those whose entry has changed, until what takes their place is ready.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    sizing: SizingStatus | None = Field(
        default=None,
        description="What was derived of the desired revision; none where its record is lost.",
    )
    autoscaling: list[AutoscalingStatus] = Field(
        default_factory=list,
        max_length=2,
        description="With spec.autoscaling: the number of replicas of the desired revision, and of the one that serves "
        "while that is another.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["revision"],
        },
    )
    rollout: RolloutStatus | None = Field(
        default=None, description="The last Canary or Replace; none before the first."
    )
    gateway: GatewayStatus | None = Field(
        default=None, description="The object's own gateway; only with gateway.provider Embedded."
    )
    route: RouteStatus | None = Field(
        default=None, description="The HTTPRoute; only with gateway.provider GatewayAPI."
    )
    weights: list[WeightsStatus] = Field(
        default_factory=list,
        max_length=16,
        description="The fetched weights of the revisions that have pods or are to have them.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["claim"],
        },
    )
    warmup: list[WarmupStatus] = Field(
        default_factory=list,
        max_length=16,
        description="The last warm-ups, of each pod its last.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["pod"],
        },
    )
    conditions: list[ConditionStatus] = Field(
        default_factory=list,
        max_length=16,
        description="Ready, Reconciling, Stalled, RolledOut, WeightsReady, Warm; in a rollout DataHealthy and "
        "RollbackReady, with a fallback FallbackReady, and with Secrets of the gateway SecretsReady.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
