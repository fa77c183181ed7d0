"""What is expected of a revision's users: the shape of their requests, how many, and how fast they want answers."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from deepseek_operator.api import rules_of_sizing
from deepseek_operator.api.analysis import Latency, seconds_of_limit
from deepseek_operator.api.base import ApiModel


class Workload(ApiModel):
    """Requests as they are expected; what they are sized for."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": rules_of_sizing.WORKLOAD}
    )

    input_tokens: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=1024, description="Tokens of a prompt, on average. Default: 1024."
    )
    output_tokens: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=256, description="Tokens of an answer, on average. Default: 256."
    )
    requests_per_second: Annotated[float, Field(ge=0.001, le=1_000_000)] | None = Field(
        default=None,
        description="Requests a second of this shape, all replicas together. It sets the number of "
        "replicas, by what one is estimated to do, of which 75 % are planned with; never what a "
        "replica is. Not together with replicas. Default: replicas sets the number.",
    )
    time_to_first_token: Latency | None = Field(
        default=None,
        description="The longest that the first token may take, as 800ms or 2s. Default: no target.",
    )
    time_per_output_token: Latency = Field(
        default="100ms",
        description="The longest time between tokens that is fine, as 50ms. Default: 100ms.",
    )

    def shape(self) -> dict[str, Any]:
        """What decides how a replica is made, in tokens and milliseconds; what is default is left out."""
        given = {
            "inputTokens": self.input_tokens,
            "outputTokens": self.output_tokens,
            "timeToFirstToken": _milliseconds(self.time_to_first_token),
            "timePerOutputToken": _milliseconds(self.time_per_output_token),
        }
        return {name: value for name, value in given.items() if value != _DEFAULTS[name]}


def _milliseconds(latency: str | None) -> int | None:
    return None if latency is None else round(1000 * seconds_of_limit(latency))


_DEFAULTS: dict[str, int | None] = {
    "inputTokens": 1024,
    "outputTokens": 256,
    "timeToFirstToken": None,
    "timePerOutputToken": 100,
}
