"""What an engine tells of the requests that it has had, whatever the engine's own names are. Counted since its start."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

Histogram = Mapping[float, int]
"""By upper edge, in order, how many were at most that; the last edge is infinity and counts all."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a page of metrics."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Decoded:
    """Steps of decode as each request had them: how many, and the seconds that they took, all requests added up."""

    steps: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """What an engine did between two of its pages."""

    sequences: float
    """That were decoding at once, on average over the time."""
    step_seconds: float
    """Of one step, on average."""


def stretch(before: Decoded | None, after: Decoded | None, *, seconds: float) -> Stretch | None:
    """Of so many seconds, by Little's law: each request is decoding while its steps last; None where nothing was decoded."""
    if before is None or after is None or seconds <= 0 or after.steps <= before.steps:
        return None
    decoded = after.seconds - before.seconds
    return Stretch(decoded / seconds, decoded / (after.steps - before.steps))


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """All that is read of one engine; None for what its page does not have."""

    started: str = ""
    """Of its process; empty where the page does not say."""
    first_token: Histogram | None = None
    """Requests by the seconds from their arrival to their first token."""
    per_output_token: Histogram | None = None
    """Finished requests by the mean seconds between their tokens."""
    generated: Histogram | None = None
    """Finished requests by the tokens of their answer."""
    finished: Mapping[str, int] | None = None
    """Requests by what ended their answer, as OpenAI's API calls it."""
    preemptions: int | None = None
    """How often a request lost its place in the engine to another."""
    asked: Histogram | None = None
    """Finished requests by the tokens of their prompt."""
    answered: Mapping[str, int] | None = None
    """Requests of the API by the class of their answer's status: 2xx, 4xx, 5xx."""
    decoded: Decoded | None = None
    running: float | None = None
    """Requests that it computes now."""
    waiting: float | None = None
    """Requests that wait in it now."""
    cache_use: float | None = None
    """Part of its KV cache that is in use now, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One pod's engine; without figures where it did not answer, or was not asked."""

    pod: str
    revision: str
    is_ready: bool
    restarts: int = 0
    figures: EngineFigures | None = None
    address: str = ""
    """Of its pod; empty while it has none."""
    stretch: Stretch | None = None
    """Between the last two of its pages; None before there are two, or of an engine that does not count it."""
    earlier: EngineFigures | None = None
    """Of the page before; None where there was none lately."""
    apart_seconds: float = 0.0
    """Between that page and this one."""
    ready_after: float | None = None
    """Seconds from its pod's creation to when users were sent to it; None while they are not."""

    @property
    def source(self) -> str:
        """Another one for each process: its counters begin anew."""
        started = self.figures.started if self.figures else ""
        return f"{self.pod}/{started or self.restarts}"


def total(histogram: Histogram) -> int:
    """How many there are in all."""
    return histogram[math.inf]


def above(histogram: Histogram, edge: float) -> int | None:
    """How many are above an edge; None where there is no such edge."""
    return None if edge not in histogram else total(histogram) - histogram[edge]


def edge_for(limit: float, edges: tuple[float, ...]) -> float:
    """The nearest edge that is not below a limit: what engines do not tell apart cannot be counted."""
    return next((edge for edge in edges if edge >= limit), edges[-1])
