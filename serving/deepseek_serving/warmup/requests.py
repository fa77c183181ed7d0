"""The requests of a warm-up as data: groups, what their answers must hold, and whether they are legal."""

import enum
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"

FIRST_TOKEN_ID, LAST_TOKEN_ID = 100, 999
"""Of random prompts: ordinary tokens in each of DeepSeek's vocabularies (their special ones stand
below 100 or above 100,000) and in small ones."""

TEMPLATE_TOKENS = 64
"""What a chat template adds to the messages at most: marks of turns, an opening `<think>`, a date."""

Body = Mapping[str, Any]


class Check(enum.Enum):
    """What an answer must hold besides the right model's name."""

    TOKENS = "at least one token: after random tokens even a good answer may be no text"
    TEXT = "text, thought or said"
    LOG_PROBABILITIES = "text, and finite log-probabilities"


class Rank(enum.IntEnum):
    """Which groups are left out first when there are too many requests: the highest."""

    PATH = 0
    TOP = 1
    SYSTEM = 2
    PREFILL = 3
    EXTRA = 4
    BETWEEN = 5


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request."""

    endpoint: str
    body: Body
    check: Check

    @property
    def streams(self) -> bool:
        """Whether the answer comes token by token."""
        return bool(self.body.get("stream"))

    def encode(self) -> bytes:
        """The body as it is sent."""
        return json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Requests of one kind: `count` of them a round, `concurrency` at a time.

    More than one round means: until two rounds in a row take about as long. `bodies` and
    `prompt_tokens` take turns; the latter are random prompts of so many tokens, each of them new in
    each round, because the prefix cache would hide the work of one that was seen.
    """

    name: str
    endpoint: str
    bodies: tuple[Body, ...]
    prompt_tokens: tuple[int, ...] = ()
    count: int = 1
    concurrency: int = 1
    rounds: int = 1
    check: Check = Check.TOKENS
    rank: Rank = Rank.PATH
    essential: bool = True
    """If not, an engine that refuses such a request is warmed without it."""
    seed: int = 0

    def request(self, round_number: int, index: int) -> Request:
        """One of the requests of a round, both counted from 0."""
        body = self.bodies[index % len(self.bodies)]
        if self.prompt_tokens:
            length = self.prompt_tokens[index % len(self.prompt_tokens)]
            source = f"{self.seed}/{self.name}/{round_number}/{index}"
            body = {**body, "prompt": random_prompt(length, source=source)}
        return Request(self.endpoint, body, self.check)


def random_prompt(length: int, *, source: str) -> list[int]:
    """So many token ids that follow from `source` alone."""
    ids = range(FIRST_TOKEN_ID, LAST_TOKEN_ID + 1)
    return random.Random(source).choices(ids, k=length)  # noqa: S311 - the same each time


def is_legal(group: Group, model_length: int) -> bool:
    """Whether prompt and answer are certain to fit into the model's length."""
    return all(_bound(group, body) <= model_length for body in group.bodies)


def _bound(group: Group, body: Body) -> int:
    """The most tokens that prompt and answer may have."""
    answer = int(body["max_tokens"])
    if group.prompt_tokens:
        return max(group.prompt_tokens) + answer
    return text_bound(body) + answer


def text_bound(body: Body) -> int:
    """The most tokens that a prompt of text may have: no tokenizer makes more of them than bytes."""
    texts = [message["content"] for message in body.get("messages", ())] or [body["prompt"]]
    return sum(len(text.encode()) for text in texts) + TEMPLATE_TOKENS
