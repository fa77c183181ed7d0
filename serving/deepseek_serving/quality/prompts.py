"""The reference prompts: their documents, as a ConfigMap is mounted, and what is refused of them."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from deepseek_serving.quality.failures import Failure, Reason

MOST_PROMPTS = 200

Text = Annotated[str, Field(min_length=1, max_length=1024)]
Pattern = Annotated[str, Field(min_length=1, max_length=512)]
Length = Annotated[int, Field(ge=0, le=1_000_000)]


class _Strict(BaseModel):
    """A field that is not known is refused: what is misspelt would be checked by nobody."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid"
    )


class Message(_Strict):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, Field(max_length=65_536)]


class Expected(_Strict):
    """What an answer has to be like; all that is given has to hold."""

    contains: Annotated[tuple[Text, ...], Field(max_length=16)] = ()
    does_not_contain: Annotated[tuple[Text, ...], Field(max_length=16)] = ()
    matches: Annotated[tuple[Pattern, ...], Field(max_length=8)] = ()
    """Python's regular expressions, found anywhere in the answer; each has one second."""
    equals: str | None = None
    """The whole answer, white space at both ends left out."""
    valid_json: bool = False
    min_characters: Length | None = None
    max_characters: Length | None = None
    min_tokens: Length | None = None
    max_tokens: Length | None = None
    finish_reason: Literal["stop", "length", "tool_calls"] | None = None

    @field_validator("matches")
    @classmethod
    def _compiles(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except (re.error, RecursionError, OverflowError):
                raise ValueError("it is no regular expression") from None
        return patterns

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        given = [getattr(self, name) for name in self.model_fields_set]
        if not any(value not in (None, ()) and value is not False for value in given):
            raise ValueError("give at least one property that the answer has to have")
        return self


class Prompt(_Strict):
    """One conversation, and what its answer has to be like."""

    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    messages: Annotated[tuple[Message, ...], Field(min_length=1, max_length=32)]
    max_tokens: Annotated[int, Field(ge=1, le=8192)] = 256
    expect: Expected


class _Documents(_Strict):
    prompts: Annotated[tuple[Prompt, ...], Field(min_length=1, max_length=MOST_PROMPTS)]


def load(directory: Path | None, *, name: str) -> tuple[Prompt, ...]:
    """The prompts of a mounted ConfigMap, in the order of its keys; Failure says what is wrong, and where.

    Names that begin with a dot are the kubelet's.
    """
    files: list[Path] = []
    if directory is not None and directory.is_dir():
        files = sorted(file for file in directory.iterdir() if not file.name.startswith("."))
    if not files:
        raise Failure(Reason.PROMPTS_MISSING, _missing(name))
    found = tuple(prompt for file in files for prompt in _read(file, name=name))
    names = [prompt.name for prompt in found]
    if len(names) > MOST_PROMPTS:
        message = f"ConfigMap {name}: {len(names)} prompts, and at most {MOST_PROMPTS} are asked"
        raise Failure(Reason.PROMPTS_UNREADABLE, message)
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        message = f"ConfigMap {name}: prompt {twice[0]} is there twice; names have to differ"
        raise Failure(Reason.PROMPTS_UNREADABLE, message)
    return found


def _missing(name: str) -> str:
    if not name:
        return (
            "rollout.analysis.quality.prompts is not set any more; set it again, or abort the run"
        )
    return f"ConfigMap {name} is not there or is empty; create it, with a document `prompts: [...]`"


def _read(file: Path, *, name: str) -> tuple[Prompt, ...]:
    place = f"ConfigMap {name}, key {file.name}"
    try:
        document: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        return _Documents.model_validate(document).prompts
    except ValidationError as error:
        # Neither the input nor its value: that may be a prompt.
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the document"
        raise Failure(Reason.PROMPTS_UNREADABLE, f"{place}: {field}: {first['msg']}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark is not None else ""
        message = f"{place}: it is no YAML{line}"
        raise Failure(Reason.PROMPTS_UNREADABLE, message) from None
    except OSError as error:
        raise Failure(Reason.PROMPTS_MISSING, f"{place}: {error.strerror}") from None
