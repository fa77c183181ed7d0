"""A simple model of pods that serve a language model: so many requests at once, each slower beside others.

Requests go to the pod with the fewest, wait there for a place, and stay there: an engine's queue is not moved. How long
an answer takes follows from the step of decode, which takes longer the more are decoding. A pod is warm some minutes
after it was asked for, and ends what it has begun before it goes.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

SEQUENCES = 64
"""Requests that a pod computes at once."""
TOKENS = 256
"""Of an answer."""
PREFILL_SECONDS = 0.2
STEP_SECONDS, STEP_SECONDS_EACH = 0.015, 0.00025
"""Of a step of decode: always, and for each request beside."""
CACHE_SEQUENCES = 70
"""Requests that the KV cache holds."""
FIRST_TOKEN_SECONDS = 2.0
"""The target."""


def answer_seconds(running: int) -> float:
    """How long an answer takes beside so many."""
    return PREFILL_SECONDS + TOKENS * (STEP_SECONDS + STEP_SECONDS_EACH * running)


FULL_PER_SECOND = SEQUENCES / answer_seconds(SEQUENCES)
"""Requests a second that one pod does at most."""


@dataclass(slots=True)
class Pod:
    """One pod."""

    warm_at: float
    running: int = 0
    waiting: int = 0
    queue: deque[tuple[float, int]] = field(default_factory=deque)
    """When how many came that wait, the first first."""
    is_leaving: bool = False

    def is_ready(self, now: float) -> bool:
        """Whether requests are sent to it."""
        return now >= self.warm_at and not self.is_leaving

    @property
    def in_flight(self) -> int:
        """Requests that it computes or has waiting."""
        return self.running + self.waiting

    def take(self, now: float, count: int) -> None:
        """Requests that came."""
        self.queue.append((now, count))
        self.waiting += count

    def second(self, now: float, chance: np.random.Generator) -> "Second":
        """What became of its requests within a second."""
        ended = 0
        if self.running:
            part = 1 - np.exp(-1 / answer_seconds(self.running))
            ended = int(chance.binomial(self.running, part))
            self.running -= ended
        began, late = 0, 0
        while self.queue and self.running < SEQUENCES:
            came, count = self.queue.popleft()
            taken = min(count, SEQUENCES - self.running)
            if taken < count:
                self.queue.appendleft((came, count - taken))
            self.running += taken
            self.waiting -= taken
            began += taken
            late += taken if now - came + PREFILL_SECONDS > FIRST_TOKEN_SECONDS else 0
        return Second(ended, began, late)


@dataclass(slots=True)
class Second:
    """What became of requests, for a while."""

    ended: int = 0
    began: int = 0
    late: int = 0

    def add(self, other: "Second") -> None:
        """Count on."""
        self.ended += other.ended
        self.began += other.began
        self.late += other.late
