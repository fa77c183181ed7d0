"""What engines are asked before users may reach them."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from deepseek_operator.api import rules
from deepseek_operator.api.base import ApiModel
from deepseek_operator.api.durations import Duration, seconds_of
from deepseek_operator.api.pod import ConfigMapReference

DEFAULT_TIMEOUT = "10m"


class WorkShape(ApiModel):
    """One kind of request that users are expected to send."""

    input_tokens: Annotated[int, Field(ge=1, le=1_048_576)] = Field(
        description="Tokens of the prompt."
    )
    output_tokens: Annotated[int, Field(ge=1, le=65_536)] = Field(
        description="Tokens of the answer."
    )
    concurrency: Annotated[int, Field(ge=1, le=4096)] = Field(
        default=1, description="Such requests at once. Default: 1."
    )


class Warmup(ApiModel):
    """What every engine process is asked before the first user may reach it."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": rules.WARMUP})

    enabled: bool = Field(
        default=True,
        description="Warm up every pod. Pods that are not warmed up have no locks, so this makes a "
        "revision of its own. Default: true.",
    )
    prompts: ConfigMapReference | None = Field(
        default=None,
        description="ConfigMap of the object's namespace; each of its values is a system prompt of "
        "the users, which fills the prefix cache.",
    )
    shapes: list[WorkShape] = Field(
        default_factory=list,
        max_length=16,
        description="Requests to send in place of the ladder of prompt lengths, which is derived "
        "from the engine's limits.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    concurrency: list[Annotated[int, Field(ge=1, le=4096)]] = Field(
        default_factory=list,
        max_length=16,
        description="Requests at once, step by step, in place of the ladder up to the engine's "
        "most.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    timeout: Duration | None = Field(
        default=None,
        description="Longest time of one warm-up, as 90s, 5m or 1h30m. Default: 10m.",
    )
    on_failure: Literal["Fail", "Serve"] | None = Field(
        default=None,
        description="Fail keeps users away from a pod whose warm-up failed and tries again. Serve "
        "lets them in when it took too long or a request was refused, and the conditions say so; a "
        "pod that answers garbage is never let in. Default: Fail.",
    )

    @property
    def seconds(self) -> int:
        """The time-out."""
        return seconds_of(self.timeout or DEFAULT_TIMEOUT)

    @property
    def policy(self) -> Literal["Fail", "Serve"]:
        """What becomes of a pod whose warm-up failed."""
        return self.on_failure or "Fail"
