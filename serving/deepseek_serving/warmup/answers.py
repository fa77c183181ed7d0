"""What an engine said: reading OpenAI answers, whole or as a stream, and judging them. No I/O."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from deepseek_serving.warmup.failures import Failure, Reason
from deepseek_serving.warmup.requests import Check

LOWEST_LOG_PROBABILITY = -9999.0
"""What engines write instead of minus infinity; the chosen token cannot have been impossible."""

_TEXT_FIELDS = ("content", "reasoning", "reasoning_content", "text")
"""Of a message, a delta or a completion; engines disagree on what they call thinking."""

Position = tuple[tuple[str, float], ...]
"""Tokens and their log-probabilities at one place of an answer; the chosen one first."""


@dataclass(slots=True)
class Answer:
    """One answer; a stream fills it part by part."""

    model: str | None = None
    text: str = ""
    tokens: int = 0
    """As the engine counts them; the parts of a stream where it does not."""
    positions: list[Position] = field(default_factory=list)

    def add(self, document: Any) -> bool:
        """Take a whole answer or a part of a stream; whether it held a token."""
        if not isinstance(document, dict):
            raise Failure(Reason.EMPTY_ANSWER, f"no OpenAI answer: {_short(document)}")
        if "error" in document:
            raise refused(_short(document["error"]))
        self.model = document.get("model", self.model)
        choices = document.get("choices") or []
        spoke = [self._add_choice(choice) for choice in choices if isinstance(choice, dict)]
        self.tokens += any(spoke)
        usage = document.get("usage")
        if isinstance(usage, dict) and usage.get("completion_tokens") is not None:
            self.tokens = int(usage["completion_tokens"])
        return any(spoke)

    def _add_choice(self, choice: dict[str, Any]) -> bool:
        said = choice.get("message") or choice.get("delta") or choice
        text = "".join(said.get(name) or "" for name in _TEXT_FIELDS)
        self.text += text
        self.positions += _positions(choice.get("logprobs"))
        # A chat stream opens with a part that names the role and says nothing.
        return bool(text) or "role" not in said

    def check(self, wanted: Check, *, model: str, asked: str) -> None:
        """Raise Failure unless the answer is one that users could be given."""
        if self.model != model:
            raise Failure(Reason.WRONG_MODEL, f"{asked}: {self.model!r} answered, not {model!r}")
        if not self.tokens or (wanted is not Check.TOKENS and not self.text.strip()):
            raise Failure(Reason.EMPTY_ANSWER, f"{asked}: {self.tokens} tokens without text")
        if wanted is Check.LOG_PROBABILITIES:
            self.check_finite(asked=asked)

    def check_finite(self, *, asked: str) -> None:
        """Raise Failure unless there are log-probabilities, and all of them are numbers."""
        if not self.positions:
            message = f"{asked}: the engine gives no log-probabilities"
            raise Failure(Reason.REFUSED, message, blames_request=True)
        for number, position in enumerate(self.positions, start=1):
            chosen = position[0][1]
            finite = all(math.isfinite(value) for _, value in position)
            if chosen <= LOWEST_LOG_PROBABILITY or not finite:
                raise Failure(Reason.NOT_FINITE, f"{asked}: at token {number}: {_short(position)}")


def refused(message: str, *, status: int | None = None) -> Failure:
    """The failure that an engine's error message stands for."""
    # JSON knows no NaN: an engine that computes one fails where it writes its answer.
    if "not JSON compliant" in message:
        return Failure(Reason.NOT_FINITE, message, status=status)
    client_error = status is not None and 400 <= status < 500
    return Failure(Reason.REFUSED, message, status=status, blames_request=client_error)


def _positions(logprobs: Any) -> Iterator[Position]:
    """Those of a chat's choice."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    for place in content or []:
        chosen = _pair(place)
        others = (_pair(other) for other in place.get("top_logprobs") or [])
        yield (chosen, *(pair for pair in others if pair[0] != chosen[0]))


def _pair(entry: Any) -> tuple[str, float]:
    value = entry.get("logprob")
    # Writers of JSON turn NaN into null, or into a word that Python's reader understands.
    return str(entry.get("token")), math.nan if value is None else float(value)


def _short(document: Any) -> str:
    return json.dumps(document, default=str)[:200]


class EventDecoder:
    """Server-sent events from lines, as far as the OpenAI API uses them."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def take(self, line: bytes) -> str | None:
        """The event's data when this line, an empty one, ends it."""
        text = line.decode(errors="replace").rstrip("\r\n")
        if text:
            name, _, value = text.partition(":")
            if name == "data":
                self._lines.append(value.removeprefix(" "))
            return None
        event = "\n".join(self._lines) if self._lines else None
        self._lines = []
        return event


def parse(text: str | bytes) -> Any:
    """JSON, or the failure that an engine without it is."""
    try:
        return json.loads(text)
    except ValueError as error:
        shown = text.decode(errors="replace") if isinstance(text, bytes) else text
        raise Failure(Reason.EMPTY_ANSWER, f"no JSON: {shown[:200]!r}") from error
