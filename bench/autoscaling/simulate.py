"""One day of one kind under one policy."""

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from bench.autoscaling.days import Day
from bench.autoscaling.pods import FULL_PER_SECOND, Pod, Second
from bench.autoscaling.policies import LEAST, Policy, View

WARM_SECONDS = 300.0
"""From a pod that is asked for to its first user: weights are loaded, the engine starts, and is warmed up."""
HELD = 128
"""Requests that may wait for a pod: 64 at each of two gateways, as by default."""
LATE_SHARE = 0.05
"""Of a minute's answers that have to be late for the minute to miss the target."""


@dataclass(slots=True)
class Outcome:
    """What came of a day."""

    day: str
    policy: str
    missed_minutes: int = 0
    pod_seconds: float = 0.0
    more: int = 0
    fewer: int = 0
    requests: int = 0
    late: int = 0
    held: int = 0
    """Requests that waited for a pod, as none was there."""
    refused: int = 0
    """Of requests those that found no pod and no room to wait for one."""
    longest_wait: float = 0.0
    """Seconds that one of them waited for a pod."""

    @property
    def accelerator_hours(self) -> float:
        """Of pods with one accelerator each, from when they were asked for until they were gone."""
        return self.pod_seconds / 3600

    @property
    def changes(self) -> int:
        """Of the number."""
        return self.more + self.fewer


@dataclass(slots=True)
class Fleet:
    """The pods of the day."""

    chance: np.random.Generator
    warm_seconds: float
    pods: list[Pod] = field(default_factory=list)
    wanted: int = LEAST
    held: deque[tuple[float, int]] = field(default_factory=deque)
    """When how many came for whom there was no pod."""
    refused: int = 0

    def want(self, number: int, now: float) -> None:
        """Another number: of too many those that are not warm go first, then those with the fewest requests."""
        staying = [pod for pod in self.pods if not pod.is_leaving]
        for _ in range(number - len(staying)):
            self.pods.append(Pod(now + self.warm_seconds))
        order = sorted(staying, key=lambda pod: (pod.is_ready(now), pod.in_flight))
        for pod in order[: max(0, len(staying) - number)]:
            pod.is_leaving = True
        self.wanted = number

    def ready(self, now: float) -> list[Pod]:
        """Those that requests are sent to."""
        return [pod for pod in self.pods if pod.is_ready(now)]

    def second(self, now: float, arrivals: int) -> Second:
        """A second of all pods; each request goes to the pod with the fewest."""
        ready, found = self.ready(now), Second()
        if not ready:
            room = HELD - sum(count for _, count in self.held)
            self.refused += max(0, arrivals - room)
            if arrivals and room:
                self.held.append((now, min(arrivals, room)))
            arrivals = 0
        while ready and self.held:
            min(ready, key=lambda pod: pod.in_flight).take(*self.held.popleft())
        given = dict.fromkeys(range(len(ready)), 0)
        load = [pod.in_flight for pod in ready]
        for _ in range(arrivals):
            place = load.index(min(load))
            load[place] += 1
            given[place] += 1
        for place, count in given.items():
            if count:
                ready[place].take(now, count)
        for pod in self.pods:
            found.add(pod.second(now, self.chance))
        self.pods = [pod for pod in self.pods if not pod.is_leaving or pod.in_flight]
        return found


def one_day(day: Day, policy: Policy, *, seed: int, seconds: int, begin: int = 0) -> Outcome:
    """The day from a second on, with as many pods at first as the day's first minute needs."""
    fleet = Fleet(np.random.default_rng(seed + 1), WARM_SECONDS)
    fleet.want(
        max(LEAST, math.ceil(day.rate(float(begin)) / FULL_PER_SECOND)), begin - WARM_SECONDS
    )
    outcome, since, minute = Outcome(day.name, policy.name), Second(), Second()
    for at, arrivals in enumerate(day.arrivals(begin + seconds, seed)[begin:], begin):
        waited = list(fleet.held)
        found = fleet.second(float(at), arrivals)
        outcome.held += max(
            0, sum(count for _, count in fleet.held) - sum(count for _, count in waited)
        )
        if waited and not fleet.held:
            outcome.longest_wait = max(outcome.longest_wait, at - waited[0][0])
        since.add(found)
        minute.add(found)
        outcome.pod_seconds += len(fleet.pods)
        outcome.requests += arrivals
        # The first request that finds no pod is noticed at once.
        is_asked = fleet.wanted == 0 and bool(fleet.held)
        if (at + 1) % policy.every == 0 or is_asked:
            _decide(fleet, policy, outcome, since, at=at)
            since = Second()
        if (at + 1) % 60 == 0:
            outcome.late += minute.late
            outcome.missed_minutes += minute.late > LATE_SHARE * minute.began
            minute = Second()
    outcome.refused = fleet.refused
    return outcome


def _decide(fleet: Fleet, policy: Policy, outcome: Outcome, since: Second, *, at: int) -> None:
    ready = fleet.ready(float(at))
    before = fleet.wanted
    view = View(
        now=float(at),
        wanted=before,
        ready=len(ready),
        running=sum(pod.running for pod in ready),
        waiting=sum(pod.waiting for pod in ready),
        is_leaving=any(pod.is_leaving for pod in fleet.pods),
        since=since,
        seconds=float(policy.every),
        warm_seconds=fleet.warm_seconds,
        held=sum(count for _, count in fleet.held),
    )
    number = policy.decide(view)
    if number != before:
        fleet.want(number, float(at))
        outcome.more += number > before
        outcome.fewer += number < before
