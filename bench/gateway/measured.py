"""What was measured, and the figures that follow from it. Pure."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.gateway.loading import Load
from bench.weights.statistics import Interval, ratio

NOISY_CORES = 0.3
"""A run beside which others used more is repeated."""
OVERLOADED = 0.99
"""Who serves a smaller part of what is offered has no latency worth telling."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A kind of load."""

    name: str
    title: str
    flags: tuple[str, ...]
    """Of `gwload load`, but for how long."""
    streams: bool = False
    offered: float = 0.0
    """Requests a second; 0: as many as are answered."""


PLAIN = Scene(
    "plain",
    "1000 requests/s, JSON answers of 1 KB",
    ("-rate", "1000", "-clients", "512", "-chunks", "64"),
    offered=1000.0,
)
SHORT_STREAMS = Scene(
    "streams/s",
    "1000 streams/s of 16 chunks, 20 ms apart",
    ("-rate", "1000", "-clients", "1000", "-stream", "-chunks", "16"),
    streams=True,
    offered=1000.0,
)
STREAMS = Scene(
    "streams",
    "100 streams at once of 64 chunks, 20 ms apart",
    ("-clients", "100", "-stream", "-chunks", "64"),
    streams=True,
)
FULL = Scene("full", "As fast as 64 clients get answers", ("-clients", "64", "-chunks", "64"))
SCENES = (PLAIN, SHORT_STREAMS, STREAMS, FULL)


@dataclass(frozen=True, slots=True)
class Run:
    """One proxy under one load."""

    load: Load
    cpu_seconds: float
    """Of the proxy."""
    rss_mib: float
    foreign_cores: float

    @property
    def per_request(self) -> float:
        """CPU milliseconds of the proxy for each request that was served."""
        return 1000 * self.cpu_seconds / self.load.served if self.load.served else math.inf

    @property
    def per_thousand_chunks(self) -> float:
        """CPU milliseconds of the proxy for a thousand chunks."""
        return 1e6 * self.cpu_seconds / self.load.chunks if self.load.chunks else math.inf

    def rate(self, offered: float) -> float:
        """Requests served a second; of a rate that was offered, the part that was served."""
        if offered:
            return offered * self.load.served / self.load.begun
        return self.load.served / self.load.seconds


Runs = Mapping[str, Sequence[Run]]
"""The runs of one scene by proxy, one a round."""


def cost(scene: Scene) -> Callable[[Run], float]:
    """What a scene's CPU is told by: requests, or chunks where there are streams."""
    return (lambda run: run.per_thousand_chunks) if scene.streams else (lambda run: run.per_request)


def beside(runs: Runs, first: str, second: str, scene: Scene) -> Interval | None:
    """Cost of one proxy to that of another in the same rounds, and its 95 % interval.

    None where there is none: a proxy is not there, or served nothing in a round.
    """
    of = cost(scene)
    if not {first, second} <= set(runs):
        return None
    pairs = [(of(a), of(b)) for a, b in zip(runs[first], runs[second], strict=True)]
    if not all(0 < one < math.inf for pair in pairs for one in pair):
        return None
    return ratio(pairs)


def is_overloaded(run: Run, scene: Scene) -> bool:
    """Whether the proxy fell behind what it was offered."""
    return run.load.served < OVERLOADED * run.load.begun if scene.offered else False


def added(
    runs: Runs, name: str, direct: str, of: Callable[[Run], Sequence[float]]
) -> tuple[float, ...]:
    """The medians over rounds of what a proxy adds to the load's own times, in milliseconds."""
    later = [
        [more - less for more, less in zip(of(one), of(alone), strict=True)]
        for one, alone in zip(runs[name], runs[direct], strict=True)
    ]
    return tuple(statistics.median(part) for part in zip(*later, strict=True))


@dataclass(frozen=True, slots=True)
class Sustained:
    """A rate that was held for long."""

    load: Load
    cpu_cores: float
    """Used of the one core."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Weights that were turned over under load."""

    effect_ms: tuple[float, ...]
    """From just before the document changed to the last request that reached the old revision."""
    acknowledged_ms: tuple[float, ...]
    """Until the agent's report named the change."""
    plain: Load
    streams: Load

    @property
    def lost(self) -> int:
        """Requests and streams that failed."""
        return self.plain.failures + self.streams.failures


@dataclass(frozen=True, slots=True)
class Memory:
    """What Envoy and agent hold after each part of many requests."""

    requests: tuple[int, ...]
    """Served so far."""
    rss_mib: tuple[float, ...]
    failures: int

    @property
    def growth(self) -> float:
        """Memory at the end to that after the first part."""
        return self.rss_mib[-1] / self.rss_mib[0]

    @property
    def kib_per_million(self) -> float:
        """Slope from the first part to the end, KiB for each million requests."""
        if len(self.requests) < 2:
            return 0.0
        millions = [count / 1e6 for count in self.requests]
        line = statistics.linear_regression(millions, [one * 1024 for one in self.rss_mib])
        return line.slope
