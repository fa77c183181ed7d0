"""Copies of users' requests for the new revision of a Canary, before one of them is its own to answer."""

from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue

from deepseek_operator.api.base import ApiModel
from deepseek_operator.api.durations import Duration

RULES: list[JsonValue] = [
    {
        "rule": "duration(has(self.minDuration) ? self.minDuration : '2m') <= "
        "duration(has(self.maxDuration) ? self.maxDuration : '30m')",
        "message": "rollout.mirror.minDuration: above maxDuration (30m where it is not given); lower it, "
        "or raise maxDuration",
    },
    {
        "rule": "!has(self.maxDuration) || duration(self.maxDuration) <= duration('24h')",
        "message": "rollout.mirror.maxDuration: at most 24h; lower it",
    },
]


class Mirror(ApiModel):
    """A phase before the first step: the new revision computes copies, and nobody reads its answers."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": RULES})

    percent: Annotated[int, Field(ge=1, le=100)] = Field(
        description="Percent of the chat completions, completions and embeddings of which a copy is "
        "made; of none with the header x-dsd-no-mirror or x-dsd-pin, with a body above 1 MiB or "
        "without a Content-Length."
    )
    min_requests: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=100,
        description="So many copies have to be answered before the first step. Default: 100.",
    )
    min_duration: Duration = Field(
        default="2m", description="Copies are made for so long at least. Default: 2m."
    )
    max_duration: Duration = Field(
        default="30m",
        description="With fewer than minRequests by then the first step begins all the same, if more "
        "copies were answered than were not. Default: 30m.",
    )
    max_concurrent: Annotated[int, Field(ge=1, le=128)] = Field(
        default=16,
        description="Copies at once at each gateway replica; what would be more is not made, and "
        "counted as dropped. Default: 16.",
    )


class MirrorStatus(ApiModel):
    """Copies of users' requests, as gateways count them."""

    percent: int = Field(description="Percent of the requests of which copies are made.")
    answered: int = Field(default=0, description="Copies that were answered, rejected ones too.")
    rejected: int = Field(
        default=0, description="Of these, those with a 4xx but 429; nothing is decided by them."
    )
    failed: int = Field(
        default=0, description="Copies that failed: 429, 5xx, no connection, no answer in time."
    )
    dropped: int = Field(
        default=0, description="Copies that were not made: there were maxConcurrent already."
    )
