"""What a Canary is judged by beside failures: limits that the user sets, and what is compared."""

import re
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from deepseek_operator.api import rules
from deepseek_operator.api.base import ApiModel
from deepseek_operator.api.quality import Quality

Latency = Annotated[
    str, Field(min_length=2, max_length=8, pattern=r"^([1-9][0-9]{0,5}ms|[1-9][0-9]{0,3}s)$")
]
"""A length of time as people write it of an answer: 800ms, 2s."""

MaxPercent = Annotated[int, Field(ge=1, le=45)]


def seconds_of_limit(latency: str) -> float:
    """A Latency in seconds."""
    count, unit = re.findall(r"^(\d+)(ms|s)$", latency)[0]
    return int(count) / {"ms": 1000, "s": 1}[unit]


class TimeLimit(ApiModel):
    """A time, and how many answers may take longer."""

    limit: Latency = Field(
        description="What takes longer is late, as 800ms or 2s. Counted by the nearest edge of the "
        "engine's own counters that is not below; status says which."
    )
    max_percent: MaxPercent = Field(
        default=5,
        description="Percent of the requests that may be late: up to this the new revision is fine, "
        "from twice as many it goes back. Default: 5.",
    )


class ShareLimit(ApiModel):
    """How many answers may be so."""

    max_percent: MaxPercent = Field(
        description="Percent of the requests: up to this the new revision is fine, from twice as "
        "many it goes back."
    )


class Analysis(ApiModel):
    """What a Canary is judged by beside failed, rejected and empty answers."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": rules.ANALYSIS})

    relative: Literal["Auto", "Always", "Never"] = Field(
        default="Auto",
        description="Whether times, preemptions and truncated answers are compared with those of "
        "the serving revision. Auto does where both run the same model, or two of the same "
        "architecture and size, on the same accelerators; truncated answers only where the model is "
        "the same. Default: Auto.",
    )
    time_to_first_token: TimeLimit | None = Field(
        default=None,
        description="From a request's arrival at the engine to its first token. Default: no limit.",
    )
    time_per_output_token: TimeLimit | None = Field(
        default=None,
        description="Between the tokens of an answer, on average. Default: no limit.",
    )
    truncated: ShareLimit | None = Field(
        default=None,
        description="Answers that end because they may not be longer. Default: no limit.",
    )
    empty: ShareLimit | None = Field(
        default=None,
        description="Answers of one token or none. Default: no limit, and never many times as many "
        "as the serving revision's.",
    )
    preemptions: ShareLimit | None = Field(
        default=None,
        description="Requests that lose their place in the engine to others, and are computed anew. "
        "Default: no limit.",
    )
    quality: Quality | None = Field(
        default=None,
        description="How well it has to answer before its first user's request. Default: nobody asks.",
    )


class RolloutMetric(ApiModel):
    """One thing that is compared, as far as it is."""

    name: str = Field(
        max_length=64,
        description="What is compared; a name that ends in Limit is one of spec.rollout.analysis, "
        "of quality the prompts of the last examination count, and longPrompts is bad of nobody: while "
        "it is Unknown, the two revisions are asked too differently to compare times.",
    )
    verdict: Literal["Good", "Bad", "Unknown"] = Field(
        description="Good, Bad, or Unknown while too little was seen."
    )
    limit_milliseconds: int | None = Field(
        default=None, description="Of a time: what takes longer is bad, in milliseconds."
    )
    limit_tokens: int | None = Field(
        default=None, description="Of longPrompts: what has more tokens is long."
    )
    alarm_percent: int | None = Field(
        default=None,
        description="How far the alarm at which the run goes back has risen, in percent of it; none "
        "of what raises no alarm.",
    )
    candidate_requests: int = Field(description="Requests of the new revision that were judged.")
    candidate_bad: int = Field(description="How many of them were bad.")
    stable_requests: int = Field(description="Requests of the serving revision over the same time.")
    stable_bad: int = Field(description="How many of them were bad.")
