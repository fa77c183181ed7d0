"""Long requests: from which size on a request is one, and how many of them an engine may have at once."""

from typing import Annotated

from pydantic import Field, JsonValue

from deepseek_operator.api.base import ApiModel

DEFAULT_MOST_REQUESTS = 1024
"""Of an engine replica, of any size (gateway.maxRequestsPerReplica)."""
DEFAULT_MOST_BYTES = 4 * 1024 * 1024
"""Of a request's body (gateway.maxRequestBytes)."""

BYTES_PER_TOKEN = 4
"""Of a prompt: DeepSeek says 0.3 tokens an English character and 0.6 a Chinese one, which UTF-8 writes in
three bytes: 3.3 and 5 (https://api-docs.deepseek.com/quick_start/token_usage)."""
TIMES_LONGER = 4
"""A request is long from so many times the expected prompt on."""


def from_bytes(input_tokens: int, most_bytes: int | None) -> int:
    """From how many bytes on a request is long where that is not set: never more than half of what is taken."""
    found = TIMES_LONGER * BYTES_PER_TOKEN * input_tokens
    return max(1024, min(found, (most_bytes or DEFAULT_MOST_BYTES) // 2))


class LongRequests(ApiModel):
    """Long requests are bounded apart, so that short ones find room beside them."""

    from_bytes: Annotated[int, Field(ge=1024, le=256 * 1024 * 1024)] | None = Field(
        default=None,
        description="A request with a body of so many bytes is long. Default: 16 times "
        "workload.inputTokens, which is four times the expected prompt at 4 bytes a token: 16384 where no "
        "workload is given; at most half of maxRequestBytes.",
    )
    max_requests_per_replica: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None,
        description="Long requests at once for each engine replica, running or queued; more are answered "
        "429 with Retry-After by the engine, where no other replica or fallback takes them. Default: what "
        "each replica was sized for (status.sizing, longRequests); where nothing was derived, a "
        "sixteenth of gateway.maxRequestsPerReplica.",
    )


GATEWAY: list[JsonValue] = [
    {
        "rule": "!has(self.longRequests) || !has(self.longRequests.maxRequestsPerReplica) || "
        "self.longRequests.maxRequestsPerReplica < (has(self.maxRequestsPerReplica) ? "
        f"self.maxRequestsPerReplica : {DEFAULT_MOST_REQUESTS})",
        "message": "gateway.longRequests.maxRequestsPerReplica: not below gateway.maxRequestsPerReplica "
        f"({DEFAULT_MOST_REQUESTS} where it is not given) it bounds nothing; lower it, or raise that",
    },
    {
        "rule": "!has(self.longRequests) || !has(self.longRequests.fromBytes) || "
        "self.longRequests.fromBytes <= (has(self.maxRequestBytes) ? self.maxRequestBytes : "
        f"{DEFAULT_MOST_BYTES})",
        "message": "gateway.longRequests.fromBytes: above gateway.maxRequestBytes "
        f"({DEFAULT_MOST_BYTES} where it is not given) no request is long; lower it, or raise that",
    },
]
"""Numbers that would do nothing."""
