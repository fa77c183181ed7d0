"""spec.autoscaling: between which numbers the operator sets the replicas, and by what; and what status tells of it."""

from typing import Annotated

from pydantic import ConfigDict, Field

from deepseek_operator.api import rules_of_autoscaling
from deepseek_operator.api.analysis import Latency
from deepseek_operator.api.base import ApiModel
from deepseek_operator.api.durations import Duration


class AutoscalingTarget(ApiModel):
    """What each replica is to have at most, as engines tell it."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": rules_of_autoscaling.TARGET}
    )

    queue: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=1,
        description="Requests that wait in the engine of a replica, on average of the replicas. Default: 1.",
    )
    cache_use: Annotated[int, Field(ge=10, le=95)] = Field(
        default=80,
        description="Percent of the KV cache that is in use, on average of the replicas. Default: 80.",
    )
    time_to_first_token: Latency | None = Field(
        default=None,
        description="One in ten answers may begin later than that, as 800ms or 2s; counted by the nearest edge of "
        "the engine's own counters that is not below. Default: that of workload, else none.",
    )


class Hold(ApiModel):
    """Requests that come while no replica answers, at each replica of the gateway."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": rules_of_autoscaling.HOLD}
    )

    requests: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=64,
        description="How many wait at most at each replica of the gateway; more are refused with 429. Default: 64.",
    )
    timeout: Duration = Field(
        default="10m",
        description="For how long each waits at most, as 90s or 10m; then it is refused with 503; from 10s to 30m. "
        "Default: 10m.",
    )


class Autoscaling(ApiModel):
    """The number of replicas by what their engines tell."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": rules_of_autoscaling.AUTOSCALING}
    )

    min: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=1,
        description="The fewest replicas. With 0 there is none once nobody has asked for scaleToZeroDelay, and the first "
        "request is held until one is there; only with gateway.provider Embedded. Default: 1.",
    )
    max: Annotated[int, Field(ge=1, le=1000)] = Field(
        description="The most replicas, of each revision."
    )
    target: AutoscalingTarget = Field(
        default_factory=AutoscalingTarget,
        description="What there are to be enough replicas for. That no more than 75 % of the requests that a replica "
        "computes at once are running is always one of them.",
    )
    scale_down_delay: Duration = Field(
        default="10m",
        description="For so long fewer replicas have to have been enough before one is let go, as 90s or 10m; from 1m to "
        "30m. Default: 10m.",
    )
    scale_to_zero_delay: Duration | None = Field(
        default=None,
        description="With min: 0: for so long nobody has to have asked before the last replica goes, as 30m or 4h; from 1m "
        "to 24h. Default: 30m.",
    )
    hold: Hold | None = Field(
        default=None,
        description="With min: 0: what becomes of requests that come while no replica answers. Default: 64 wait at each "
        "replica of the gateway, for 10 minutes at most.",
    )

    @property
    def may_sleep(self) -> bool:
        """Whether there may be no replica."""
        return self.min == 0


SCALE_TO_ZERO_DELAY = "30m"
"""Where nothing is said."""


class AutoscalingStatus(ApiModel):
    """The number of replicas of one revision, as it was decided."""

    revision: str = Field(max_length=63, description="The revision.")
    replicas: int = Field(description="Replicas that it is to have.")
    min: int = Field(description="The fewest, when it was decided.")
    max: int = Field(description="The most, when it was decided.")
    needed: str = Field(
        max_length=16,
        description="Replicas that were needed last, by the figure that asked for most.",
    )
    reason: str = Field(
        max_length=64,
        description="Why it is this number, in one word: Started, Rollout, Bounds, Use, Requests, Queue, FirstToken, "
        "Spare, Idle or Asked.",
    )
    message: str = Field(max_length=1024, description="The same with the figures.")
    since: str = Field(
        description="When the number last changed.", json_schema_extra={"format": "date-time"}
    )
    held: str = Field(
        default="",
        max_length=1024,
        description="Why the number does not follow what is needed now; empty where it does.",
    )
    record: str = Field(
        default="",
        max_length=32768,
        description="What the operator goes on from; for nobody else.",
    )
