"""Replicas of a simple kind under a steady hand: each computes so many requests at once, and each takes so long."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from deepseek_operator.autoscaling import law
from deepseek_operator.autoscaling.scene import PERIOD, Aim, Asks, Load, Replica, Scene, State
from tests.unit.samples import NOW

SEQUENCES = 40
"""Requests that a replica computes at once."""
SECONDS = 10.0
"""Of an answer: a replica does four requests a second at most, three as it is planned with."""
AIM = Aim(least=1, most=10)


@dataclass
class Fleet:
    """Decides every 15 seconds, with replicas that answer a while after they were asked for."""

    aim: Aim = AIM
    warm: int = 20
    """Decisions until a replica answers."""
    now: datetime = NOW
    ready: int = 1
    state: State | None = None
    waiting: float = 0.0
    starting: list[int] = field(default_factory=list)
    scene: Scene = field(default_factory=lambda: Scene(NOW, None))
    asked: datetime | None = None
    """When the last request came."""
    late: float = 0.0
    """Part of the answers that begin too late."""

    @property
    def replicas(self) -> int:
        """As decided last."""
        assert self.state is not None
        return self.state.replicas

    def load(self, rate: float) -> Load:
        """What is seen of so many requests a second; what is too much waits."""
        most = self.ready * SEQUENCES / SECONDS
        asked = rate + self.waiting / PERIOD.total_seconds()
        done = min(asked, most)
        self.waiting = max(0.0, (asked - done) * PERIOD.total_seconds())
        running = done * SECONDS
        return Load(
            ready=self.ready,
            running=running,
            waiting=self.waiting,
            cache_use=0.9 * running / (self.ready * SEQUENCES) if self.ready else None,
            finished=done,
            first_tokens=round(done * PERIOD.total_seconds()),
            late=round(self.late * done * PERIOD.total_seconds()),
        )

    def step(self, rate: float, **changes: object) -> State:
        """One decision; `changes` of what is seen."""
        self.starting = [left - 1 for left in self.starting]
        self.ready += sum(left <= 0 for left in self.starting)
        self.starting = [left for left in self.starting if left > 0]
        load = self.load(rate)
        self.asked = self.now if rate else self.asked
        scene = Scene(
            now=self.now,
            load=load,
            present=self.ready,
            replica=Replica(sequences=SEQUENCES),
            warm_seconds=self.warm * PERIOD.total_seconds(),
            through=round(load.in_flight or 0),
            asks=Asks() if self.ready else Asks(round(self.waiting), self.asked),
        )
        self.scene = replace(scene, **changes)  # type: ignore[arg-type]
        self.state = law.decide(self.state, self.scene, self.aim)
        there = self.ready + len(self.starting)
        self.starting += [self.warm] * max(0, self.state.replicas - there)
        self.ready -= max(0, there - self.state.replicas)
        self.now += PERIOD
        return self.state

    def run(self, rate: float, minutes: float, **changes: object) -> list[int]:
        """The numbers that were decided meanwhile."""
        steps = round(timedelta(minutes=minutes) / PERIOD)
        return [self.step(rate, **changes).replicas for _ in range(steps)]
