"""What an examination is told: the document ExamSpec, written by the operator, read by the program."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Document(BaseModel):
    """Base of the documents: camelCase in JSON, immutable, lenient about fields of newer versions."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore"
    )


class WebhookSpec(Document):
    """The user's judge."""

    url: str = Field(pattern=r"^https://", description="Where the review is posted.")
    timeout_seconds: Annotated[float, Field(gt=0)] = Field(description="Longest wait.")
    review: dict[str, Any] = Field(description="What is posted; what came of the prompts is added.")


class Targets(Document):
    """Base URLs of the pods that are asked, in turn; of whom none are is not asked."""

    candidate: tuple[str, ...] = ()
    stable: tuple[str, ...] = ()


class ExamSpec(Document):
    """Everything that an examination needs beside the prompts."""

    model: str = Field(min_length=1, description="Name under which the engines serve.")
    prompts_name: str = Field(default="", description="Of the ConfigMap, for messages.")
    max_seconds: Annotated[float, Field(gt=0)] = Field(default=600, description="Hard limit.")
    targets: Targets = Targets()
    webhook: WebhookSpec | None = None
