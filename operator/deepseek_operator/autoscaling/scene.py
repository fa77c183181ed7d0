"""What the number of replicas is decided by: what is asked for, what is seen now, and what was seen before. Data."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

PERIOD = timedelta(seconds=15)
"""Least time between two decisions, and about what there is between two samples."""

SILENCE = timedelta(seconds=60)
"""A longer time without figures begins the history anew."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What the object asks for."""

    least: int
    """At least one: whether there may be none says `sleep`."""
    most: int
    queue: float = 1.0
    """Requests that may wait in the engine of each replica."""
    cache_use: float = 0.8
    """Part of each replica's KV cache that may be in use."""
    delay: timedelta = timedelta(minutes=10)
    """For so long fewer replicas have to be enough before one is let go."""
    sleep: timedelta | None = None
    """For so long nobody has to have asked before the last one is let go; None: it never is."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the replicas do, all together; None for what their engines do not tell."""

    ready: int
    """Replicas that answer."""
    silent: int = 0
    """Replicas that answer, were asked and did not tell; the figures are scaled up to all."""
    running: float | None = None
    """Requests that are computed now."""
    waiting: float | None = None
    """Requests that wait in engines now."""
    cache_use: float | None = None
    """Part of the KV cache that is in use, of the replicas on average."""
    finished: float | None = None
    """Requests a second that ended, between the last two times that engines were asked."""
    first_tokens: int = 0
    """Answers that began in the same time."""
    late: int = 0
    """Of these, those that began after the target."""

    @property
    def tells(self) -> bool:
        """Whether anything is told of how busy the replicas are."""
        figures = (self.running, self.waiting, self.cache_use, self.finished)
        return any(figure is not None for figure in figures)

    @property
    def in_flight(self) -> float | None:
        """Requests that are computed or wait."""
        return None if self.running is None or self.waiting is None else self.running + self.waiting


@dataclass(frozen=True, slots=True)
class Replica:
    """What one replica is made for; None where it was not sized."""

    sequences: int | None = None
    """Requests that it computes at once."""
    requests_per_second: float | None = None
    """As it was sized."""


@dataclass(frozen=True, slots=True)
class Asks:
    """What gateways tell of requests that found no replica."""

    held: int = 0
    """Those that wait now."""
    last: datetime | None = None
    """When the last one came; None where none is known of."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is seen now."""

    now: datetime
    load: Load | None
    """None where nobody tells anything."""
    present: int = 0
    """Replicas that are asked for now, before the first decision."""
    is_leaving: bool = False
    """Whether a pod is on its way out."""
    is_unplaced: bool = False
    """Whether a pod finds no node."""
    run: str = ""
    """The rollout that is under way; empty: none."""
    replica: Replica = Replica()
    warm_seconds: float | None = None
    """From a pod's creation to its first user, as seen; None before one was."""
    needed: str = ""
    """What needs at least one replica whoever asks; empty: nothing."""
    through: int | None = None
    """Requests that gateways have under way; None where one of them does not tell."""
    asks: Asks = Asks()


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen at one time."""

    at: datetime
    flow: float | None
    """Requests a second that came; requests in flight where engines tell of no ends."""
    finished: float | None
    busy: float | None
    """Replicas that would be filled as they may be by what ran; None where engines do not tell."""
    need: float
    """Replicas that were needed then."""
    is_full: bool
    """Whether more requests waited than may."""
    first_tokens: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """What was decided, why, and what the next decision goes on from."""

    replicas: int
    reason: str
    message: str
    since: datetime
    """When the number last changed."""
    at: datetime
    """Of the last decision."""
    need: float = 0.0
    held: str = ""
    """Why the number does not follow the need now; empty: it does."""
    in_flight: float | None = None
    ready: int = 0
    ready_since: datetime | None = None
    """When the number of replicas that answer last changed."""
    pace: float | None = None
    """Requests a second that a replica does when it is as full as it may be, as seen."""
    ceiling: float | None = None
    """Requests a second and replica at which answers began too late, as seen."""
    warm_seconds: float | None = None
    idle_since: datetime | None = None
    """Since when nobody has asked, as seen without a gap; None while somebody does."""
    samples: tuple[Sample, ...] = ()
    """Oldest first."""

    def to(self, replicas: int, reason: str, message: str, *, now: datetime) -> "State":
        """Another number, as of now."""
        changed = replace(self, replicas=replicas, reason=reason, message=message)
        return replace(changed, since=now, held="")

    def last(self, span: timedelta, *, now: datetime) -> tuple[Sample, ...]:
        """The samples of so long ago until now."""
        return tuple(one for one in self.samples if one.at > now - span)
