"""How well a Canary has to answer: a reference prompt set, and a judge of the user's own."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from deepseek_operator.api import rules_of_quality
from deepseek_operator.api.base import ApiModel
from deepseek_operator.api.durations import Duration, seconds_of

Percent = Annotated[int, Field(ge=1, le=100)]


class PromptSet(ApiModel):
    """A ConfigMap of the object's namespace with prompts and what their answers have to be like."""

    name: str = Field(
        min_length=1,
        max_length=253,
        description="Name of the ConfigMap. Each of its values is a document `prompts: [...]` in "
        "YAML or JSON; docs/canaries.md has its fields.",
    )


class KeyRef(ApiModel):
    """One key of a Secret or ConfigMap of the object's namespace."""

    name: str = Field(min_length=1, max_length=253, description="Its name.")
    key: str = Field(
        min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$", description="The key."
    )


class QualityWebhook(ApiModel):
    """A judge of the user's own, asked before each weight and before the promotion."""

    url: str = Field(
        min_length=9,
        max_length=1024,
        description="https:// only, without user and query. A Job in the object's namespace posts "
        'the run there and reads {"pass": true, "reason": "..."}; it follows no redirect.',
    )
    timeout: Duration = Field(
        default="10s", description="Longest wait for the answer, at most 5m. Default: 10s."
    )
    token: KeyRef | None = Field(
        default=None,
        description="Key of a Secret; sent as a bearer token, and read by the Job alone. Default: none.",
    )
    ca: KeyRef | None = Field(
        default=None,
        description="Key of a ConfigMap with certificates (PEM) to trust in place of the public ones. "
        "Default: the public ones.",
    )

    @property
    def seconds(self) -> int:
        """The time-out of the answer."""
        return seconds_of(self.timeout)


class Quality(ApiModel):
    """How well a Canary has to answer before users meet it."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": rules_of_quality.QUALITY}
    )

    prompts: PromptSet | None = Field(
        default=None,
        description="Prompts that the warm pods of the new revision are asked before its first "
        "user's request.",
    )
    min_passing_percent: Percent | None = Field(
        default=None,
        description="Percent of the prompts whose answers have to be as expected; with fewer it goes "
        "back. Default: 90.",
    )
    max_drop_percent: Annotated[int, Field(ge=0, le=100)] | None = Field(
        default=None,
        description="By how many percentage points fewer prompts than the serving revision it may "
        "pass; pods of that one are then asked too. Default: they are not compared.",
    )
    every_step: bool | None = Field(
        default=None,
        description="Ask the prompts again before each further weight and before the promotion. "
        "Default: false.",
    )
    webhook: QualityWebhook | None = Field(
        default=None, description="A judge of your own. Default: none."
    )
    timeout: Duration = Field(
        default="10m",
        description="Longest time of one examination; one that takes longer is tried again, and the "
        "Canary is held meanwhile. At most 2h. Default: 10m.",
    )

    @property
    def seconds(self) -> int:
        """The time-out of an examination."""
        return seconds_of(self.timeout)


class QualityStatus(ApiModel):
    """The last examination of a Canary: numbers and names, never prompts or answers."""

    before: str = Field(max_length=32, description="What it decides on: `step N` or `promotion`.")
    verdict: Literal["Good", "Bad", "Unknown"] = Field(
        description="Good, Bad, or Unknown while there is no result."
    )
    message: str = Field(default="", max_length=1024, description="Why, with the figures.")
    failed: list[Annotated[str, Field(max_length=128)]] = Field(
        default_factory=list,
        max_length=16,
        description="The first prompts whose answers were not as expected, each with the property.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
