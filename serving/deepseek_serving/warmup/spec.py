"""What a warm-up is told: the document WarmupSpec, written by the operator, read by the runner."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Tokens = Annotated[int, Field(ge=1, le=16_777_216)]
Concurrency = Annotated[int, Field(ge=1, le=100_000)]

ASSUMED_MODEL_LENGTH = 2048
"""Tokens; where neither the document nor the engine says how long a sequence may be."""


class Document(BaseModel):
    """Base of the documents: camelCase in JSON, immutable, lenient about fields of newer versions."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore"
    )


class WorkShape(Document):
    """One kind of request that users are expected to send."""

    input_tokens: Tokens
    output_tokens: Tokens
    concurrency: Concurrency = 1


class WarmupSpec(Document):
    """Everything that the plan follows from; the same document always gives the same requests."""

    model: str = Field(min_length=1, description="Name under which the engine serves.")
    engine: Literal["vllm", "tensorrt-llm"] = "vllm"
    max_model_length: Annotated[int, Field(ge=32)] | None = Field(
        default=None, description="Tokens of prompt and answer together; the engine may say less."
    )
    max_concurrent_sequences: Concurrency = Field(
        description="Sequences that one data-parallel rank runs at once."
    )
    max_batched_tokens: Annotated[int, Field(ge=16, le=1_048_576)] = Field(
        description="Tokens that one step computes: the size of a chunk of prefill."
    )
    data_parallel: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=1, description="Ranks behind the one address; each has to meet every batch size."
    )
    api_servers: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="HTTP processes behind the one address."
    )
    thinks: bool = Field(default=False, description="Whether the model thinks before it answers.")
    structured_output: bool = Field(
        default=False, description="Whether users may ask for answers that follow a JSON schema."
    )
    system_prompts: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), max_length=32, description="The users'; they stay in the prefix cache."
    )
    shapes: tuple[WorkShape, ...] = Field(
        default=(), max_length=16, description="In place of the ladder of prompt lengths."
    )
    concurrency: tuple[Concurrency, ...] = Field(
        default=(), max_length=16, description="In place of the ladder of concurrencies."
    )
    max_seconds: Annotated[float, Field(gt=0)] = Field(
        default=300, description="Hard limit, from the engine's first answer on."
    )
    max_requests: Annotated[int, Field(ge=1)] = Field(default=2000, description="Hard limit.")
    wait_seconds: Annotated[float, Field(gt=0)] = Field(
        default=60, description="How long engine and warden may take to answer at all."
    )
    on_failure: Literal["Fail", "Serve"] = Field(
        default="Fail",
        description="Serve opens the lock although the warm-up was refused or took too long.",
    )
    seed: int = Field(default=0, description="Of the random prompts.")

    @property
    def model_length(self) -> int:
        """Tokens that prompt and answer may have together."""
        return self.max_model_length or ASSUMED_MODEL_LENGTH

    def limited_to(self, engine_length: int | None) -> Self:
        """The same with the engine's own limit, where that is known and smaller."""
        known = [length for length in (self.max_model_length, engine_length) if length is not None]
        return self.model_copy(update={"max_model_length": min(known, default=None)})
