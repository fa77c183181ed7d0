"""How many replicas each figure asks for, as named checks in a list. Pure."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from deepseek_operator.autoscaling import seeing
from deepseek_operator.autoscaling.scene import Aim, Load, Scene, State

LATE = 0.1
"""Part of the answers that may begin after the target."""
LEAST_ANSWERS = 20
"""Of which that is read."""
_LATE_WITHIN = timedelta(minutes=2)
_STEP = 1.25
"""Times as many replicas where answers are late and nothing says how many are needed."""
_DRAINED = timedelta(minutes=5)
"""In which what waits is to be caught up with."""
_HEADROOM = 0.9
"""Part of the ceiling that replicas are planned with."""


@dataclass(frozen=True, slots=True)
class Need:
    """Replicas that are needed, and why, for people."""

    replicas: float
    reason: str
    said: str


@dataclass(frozen=True, slots=True)
class Sight:
    """What every check looks at."""

    state: State
    """With the present sample, but with what was learned before it."""
    load: Load
    scene: Scene
    aim: Aim
    growth: float

    @property
    def flow(self) -> float | None:
        """Requests a second that came lately."""
        return seeing.mean(one.flow for one in self.state.last(seeing.SMOOTHED, now=self.scene.now))

    @property
    def pace(self) -> float | None:
        """Requests a second of a replica that is as full as it may be: as seen, else as it was sized."""
        if self.state.pace is not None:
            return self.state.pace
        sized = self.scene.replica.requests_per_second
        return None if sized is None else sized * seeing.FILLED

    @property
    def ahead(self) -> str:
        """What of it is a forecast, in words."""
        if self.growth == 1.0:
            return ""
        seconds = seeing.horizon(self.state).total_seconds()
        return f", and {self.growth:.2f} times as many requests are expected in {seconds:.0f} s"


def of_use(sight: Sight) -> Need | None:
    """By how full replicas are: their KV cache, and the requests that they compute at once."""
    found = seeing.mean(one.busy for one in sight.state.last(seeing.SMOOTHED, now=sight.scene.now))
    if found is None:
        return None
    parts = []
    if sight.load.cache_use is not None:
        parts.append(f"{sight.load.cache_use:.0%} of the KV cache is in use")
    if sight.load.running is not None and sight.scene.replica.sequences:
        most = sight.load.ready * sight.scene.replica.sequences
        parts.append(f"{sight.load.running:.0f} of {most} requests at once are running")
    return Need(found * sight.growth, "Use", " and ".join(parts) + sight.ahead)


def of_flow(sight: Sight) -> Need | None:
    """By the requests that come, and those that wait, where it is known what a replica does."""
    flow, pace = sight.flow, sight.pace
    if not pace or flow is None or sight.load.finished is None:
        return None
    waiting = sight.load.waiting or 0.0
    is_full = seeing.is_full(sight.load, sight.aim)
    beside = waiting / _DRAINED.total_seconds() if is_full else 0.0
    said = f"{flow:.3g} requests/s come and a replica does {pace:.3g}"
    if is_full:
        said = f"{waiting:.0f} requests wait; {said}"
    reason = "Queue" if is_full else "Requests"
    return Need((flow * sight.growth + beside) / pace, reason, said + sight.ahead)


def of_queue(sight: Sight) -> Need | None:
    """By a queue alone, where it is not known what a replica does: more, as long as all that were asked for answer."""
    if sight.pace or not seeing.is_full(sight.load, sight.aim) or is_starting(sight):
        return None
    said = f"{sight.load.waiting:.0f} requests wait in {sight.load.ready} replicas"
    return Need(_STEP * sight.load.ready, "Queue", said)


def of_late_answers(sight: Sight) -> Need | None:
    """By the time to the first token: more, as long as all that were asked for answer."""
    if is_starting(sight) or not is_late(sight.state) or _is_queued(sight.state):
        return None
    late, total = answers(sight.state)
    said = f"{late} of {total} answers began after the target"
    return Need(_STEP * sight.load.ready, "FirstToken", said)


def of_ceiling(sight: Sight) -> Need | None:
    """By the requests at which answers began too late before."""
    ceiling, flow = sight.state.ceiling, sight.flow
    if not ceiling or flow is None or sight.load.finished is None:
        return None
    said = f"{flow:.3g} requests/s come, and with {ceiling:.3g} a replica answers began too late"
    return Need(flow * sight.growth / (_HEADROOM * ceiling), "FirstToken", said + sight.ahead)


CHECKS: tuple[Callable[[Sight], Need | None], ...] = (
    of_use,  # what fills a replica
    of_flow,  # what comes, also while replicas cannot be fuller
    of_queue,  # what waits, before it is known what a replica does
    of_late_answers,  # what users see
    of_ceiling,  # what they saw
)
"""The one that asks for most decides."""

TELLING: tuple[Callable[[Sight], Need | None], ...] = (of_use, of_flow)
"""Those that can tell that fewer are enough."""


def strongest(sight: Sight) -> Need | None:
    """The need that asks for most; None where nothing can be told."""
    found = [need for check in CHECKS if (need := check(sight)) is not None]
    return max(found, key=lambda need: need.replicas, default=None)


def can_tell_enough(sight: Sight) -> bool:
    """Whether it is known how many are enough."""
    return any(check(sight) is not None for check in TELLING)


def is_starting(sight: Sight) -> bool:
    """Whether replicas that were asked for do not answer yet: they may be what is needed."""
    return sight.load.ready < sight.state.replicas


def _is_queued(state: State) -> bool:
    """Whether answers are late because they waited in a queue lately, which said itself how many replicas were needed."""
    before = state.last(seeing.QUEUED, now=state.at)[:-1]
    return any(one.is_full for one in before)


def answers(state: State) -> tuple[int, int]:
    """Late ones and all, since the number of replicas that answer is what it is, of the last minutes."""
    since = state.ready_since or state.at
    counted = [one for one in state.last(_LATE_WITHIN, now=state.at) if one.at > since]
    return sum(one.late for one in counted), sum(one.first_tokens for one in counted)


def is_late(state: State) -> bool:
    """Whether too many answers begin after the target."""
    late, total = answers(state)
    return total >= LEAST_ANSWERS and late > math.floor(LATE * total)
