"""Whether an answer is as expected: the first property that it does not have, by name."""

import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from deepseek_serving.quality.prompts import Expected

PATTERN_SECONDS = 1.0
"""Some expressions take longer than a model's life on some texts: that is no match."""

ANSWERED = "answered"
"""The property of an answer to be one: an engine that refuses has not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine said."""

    text: str
    tokens: int
    finish_reason: str


def failing(answer: Answer, expected: Expected, *, seconds: float = PATTERN_SECONDS) -> str | None:
    """The name of the first property that is missing; None for an answer that is as expected."""
    for name, holds in _checks(answer, expected, seconds=seconds):
        if not holds():
            return name
    return None


def _checks(
    answer: Answer, expected: Expected, *, seconds: float
) -> Iterator[tuple[str, Callable[[], bool]]]:
    text, stripped = answer.text, answer.text.strip()
    if expected.equals is not None:
        wanted = expected.equals.strip()
        yield "equals", lambda: stripped == wanted
    yield "contains", lambda: all(part in text for part in expected.contains)
    yield "doesNotContain", lambda: not any(part in text for part in expected.does_not_contain)
    if expected.valid_json:
        yield "validJson", lambda: _is_json(stripped)
    yield from _bounds(answer, expected)
    if expected.finish_reason is not None:
        yield "finishReason", lambda: answer.finish_reason == expected.finish_reason
    yield "matches", lambda: all(_found(one, text, seconds) for one in expected.matches)


def _bounds(answer: Answer, expected: Expected) -> Iterator[tuple[str, Callable[[], bool]]]:
    characters, tokens = len(answer.text), answer.tokens
    if expected.min_characters is not None:
        yield "minCharacters", lambda: characters >= (expected.min_characters or 0)
    if expected.max_characters is not None:
        yield "maxCharacters", lambda: characters <= (expected.max_characters or 0)
    if expected.min_tokens is not None:
        yield "minTokens", lambda: tokens >= (expected.min_tokens or 0)
    if expected.max_tokens is not None:
        yield "maxTokens", lambda: tokens <= (expected.max_tokens or 0)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _found(pattern: str, text: str, seconds: float) -> bool:
    try:
        with _limited_to(seconds):
            return re.search(pattern, text) is not None
    except TimeoutError:
        return False


@contextmanager
def _limited_to(seconds: float) -> Iterator[None]:
    """TimeoutError after so many seconds, in the main thread.

    A search looks for signals now and then (CPython's Modules/_sre/sre_lib.h), so a handler that raises
    ends it; nothing else can.
    """

    def out_of_time(_: int, __: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, out_of_time)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
