"""Who decides: the operator's law, and what HPA and KEDA document of theirs.

HPA (https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/): every 15 s the replicas times
the metric over its target, rounded up; nothing within a tenth; pods that are not ready count as idle before more are
added; at most double or four more in 15 s; down to the most that was recommended in 300 s. KEDA
(https://keda.sh/docs/latest/reference/scaledobject-spec) asks every 30 s and has an HPA of its own decide; its cooldown of
300 s is for the way to 0.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bench.autoscaling.pods import (
    CACHE_SEQUENCES,
    SEQUENCES,
    Second,
)
from deepseek_operator.autoscaling import law
from deepseek_operator.autoscaling.scene import Aim, Asks, Load, Replica, Scene, State

LEAST, MOST = 1, 12
SLEEP = timedelta(minutes=30)
"""The default of scaleToZeroDelay."""


@dataclass(frozen=True, slots=True)
class View:
    """What an autoscaler can see."""

    now: float
    wanted: int
    ready: int
    running: int
    waiting: int
    is_leaving: bool
    since: Second
    """What became of requests since it looked last."""
    seconds: float
    warm_seconds: float | None
    held: int = 0
    """Requests that wait at gateways, for want of a pod."""


@dataclass(slots=True)
class Ours:
    """The very law of the operator."""

    name: str = "autoscaling"
    """The gateway's figures are those of the pods: nothing is on its way between them."""
    every: int = 15
    aim: Aim = field(default_factory=lambda: Aim(LEAST, MOST))
    state: State | None = None

    def decide(self, view: View) -> int:
        """The number."""
        scene = Scene(
            now=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=view.now),
            load=Load(
                ready=view.ready,
                running=view.running,
                waiting=view.waiting,
                cache_use=view.running / (CACHE_SEQUENCES * view.ready) if view.ready else 0.0,
                finished=view.since.ended / view.seconds,
                first_tokens=view.since.began,
                late=view.since.late,
            ),
            present=view.wanted,
            is_leaving=view.is_leaving,
            replica=Replica(sequences=SEQUENCES),
            warm_seconds=view.warm_seconds,
            through=view.running + view.waiting + view.held,
            asks=Asks(view.held),
        )
        self.state = law.decide(self.state, scene, self.aim)
        return self.state.replicas


@dataclass(slots=True)
class Hpa:
    """A HorizontalPodAutoscaler by one metric, an average of the pods."""

    name: str
    metric: Callable[[View], float]
    """Of all ready pods together."""
    target: float
    """Of each."""
    every: int = 15
    is_external: bool = False
    """Whether pods that are not ready are left out of account, as with a metric that is not theirs (KEDA's)."""
    recommended: deque[tuple[float, int]] = field(default_factory=deque)

    def decide(self, view: View) -> int:
        """The number."""
        wanted = self._recommended(view)
        self.recommended.append((view.now, wanted))
        while self.recommended[0][0] < view.now - _STABILIZED_SECONDS:
            self.recommended.popleft()
        if wanted < view.wanted:
            wanted = min(view.wanted, max(number for _, number in self.recommended))
        wanted = min(wanted, max(2 * view.wanted, view.wanted + 4))
        return max(LEAST, min(wanted, MOST))

    def _recommended(self, view: View) -> int:
        total = self.metric(view)
        if self.is_external:
            ratio = total / (self.target * max(1, view.wanted))
            is_near = abs(ratio - 1) <= _TOLERANCE
            return view.wanted if is_near else math.ceil(total / self.target)
        if not view.ready:
            return view.wanted
        ratio = total / (self.target * view.ready)
        if ratio > 1 and view.ready < view.wanted:
            # The others count as idle; where that turns the direction, nothing is changed.
            ratio = total / (self.target * view.wanted)
            if ratio <= 1 + _TOLERANCE:
                return view.wanted
            return math.ceil(ratio * view.wanted)
        if abs(ratio - 1) <= _TOLERANCE:
            return view.wanted
        return math.ceil(ratio * view.ready)


Policy = Ours | Hpa
"""Decides how many replicas there are to be, every so many seconds."""

_STABILIZED_SECONDS = 300.0
_TOLERANCE = 0.1
_USED_FULLY_BY = 8
"""Requests that keep an accelerator busy all the time: its use says nothing of how many more it takes."""


def _waiting(view: View) -> float:
    return float(view.waiting)


def _in_flight(view: View) -> float:
    return float(view.running + view.waiting)


def _use(view: View) -> float:
    return min(float(view.ready), view.running / _USED_FULLY_BY)


def policies() -> list[Policy]:
    """All of them, new."""
    return [
        Ours(),
        Ours("autoscaling, min: 0", aim=Aim(LEAST, MOST, sleep=SLEEP)),
        Hpa("HPA, accelerator use 80 %", _use, 0.8),
        Hpa("HPA, 2 waiting", _waiting, 2.0),
        Hpa("KEDA, 5 waiting", _waiting, 5.0, every=30, is_external=True),
        Hpa("KEDA, 48 in flight", _in_flight, 48.0, every=30, is_external=True),
    ]
