"""PlayedEngines: what engines would tell of the requests that a test sends them; they compute nothing."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deepseek_operator.engines.figures import Engine, EngineFigures, Histogram
from deepseek_operator.engines.vllm_figures import FIRST_TOKEN_EDGES, PER_OUTPUT_TOKEN_EDGES

TOKEN_EDGES = (1.0, 2.0, 5.0, 10.0)
PROMPT_EDGES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0)


def histogram(values: Mapping[float, int], edges: Iterable[float]) -> Histogram:
    """So many of each value, counted by edges."""
    return {
        edge: sum(count for value, count in values.items() if value <= edge)
        for edge in (*edges, math.inf)
    }


def figures(
    *,
    first_token: Mapping[float, int] | None = None,
    per_output_token: Mapping[float, int] | None = None,
    tokens: Mapping[float, int] | None = None,
    finished: Mapping[str, int] | None = None,
    preemptions: int | None = 0,
    asked: Mapping[float, int] | None = None,
    started: str = "1",
    answered: Mapping[str, int] | None = None,
) -> EngineFigures:
    """Of values and how often each of them came."""
    return EngineFigures(
        started=started,
        first_token=histogram(first_token or {}, FIRST_TOKEN_EDGES),
        per_output_token=histogram(per_output_token or {}, PER_OUTPUT_TOKEN_EDGES),
        generated=histogram(tokens or {}, TOKEN_EDGES),
        finished=finished or {},
        preemptions=preemptions,
        asked=histogram(asked or {}, PROMPT_EDGES),
        answered=answered,
    )


@dataclass
class Pace:
    """How a revision answers: seconds, and the length of its answers."""

    first_token: float = 0.2
    slow_first_token: float = 0.9
    slow_share: float = 0.05
    """Of requests whose first token is slow."""
    per_output_token: float = 0.02
    tokens: float = 5.0
    ends: str = "stop"
    preempted: float = 0.0
    """Preemptions of a request."""
    prompt: float = 40.0
    long_prompt: float = 800.0
    long_share: float = 0.2
    """Of requests whose prompt is long."""


@dataclass
class PlayedEngine:
    """One process of one pod."""

    pod: str
    revision: str
    pace: Pace = field(default_factory=Pace)
    started: str = "1"
    first_token: Counter[float] = field(default_factory=Counter)
    per_output_token: Counter[float] = field(default_factory=Counter)
    tokens: Counter[float] = field(default_factory=Counter)
    finished: Counter[str] = field(default_factory=Counter)
    prompts: Counter[float] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    preemptions: int = 0
    is_silent: bool = False
    restarts: int = 0

    def answer(self, count: int) -> None:
        """So many requests, the slow ones spread evenly."""
        pace, before = self.pace, self.finished.total()
        slow = int((before + count) * pace.slow_share) - int(before * pace.slow_share)
        long = int((before + count) * pace.long_share) - int(before * pace.long_share)
        self.prompts[pace.long_prompt] += long
        self.prompts[pace.prompt] += count - long
        self.first_token[pace.slow_first_token] += slow
        self.first_token[pace.first_token] += count - slow
        self.per_output_token[pace.per_output_token] += count
        self.tokens[pace.tokens] += count
        self.finished[pace.ends] += count
        self.answered["2xx"] += count
        self.preemptions += int((before + count) * pace.preempted) - int(before * pace.preempted)

    def fail(self, count: int, status: str = "5xx") -> None:
        """So many requests that it says no to."""
        self.answered[status] += count

    def restart(self) -> None:
        """Another process, which counts from nothing."""
        self.started += "'"
        for counter in (self.first_token, self.per_output_token, self.tokens, self.prompts):
            counter.clear()
        for ends in (self.finished, self.answered):
            ends.clear()
        self.preemptions = 0

    def tell(self) -> Engine:
        """As a pass sees it."""
        told = figures(
            first_token=self.first_token,
            per_output_token=self.per_output_token,
            tokens=self.tokens,
            finished=self.finished,
            preemptions=self.preemptions,
            asked=self.prompts,
            started=self.started,
            answered=dict(self.answered),
        )
        return Engine(
            self.pod,
            self.revision,
            is_ready=True,
            restarts=self.restarts,
            figures=None if self.is_silent else told,
        )
