"""The operator killed at any write of a canary, between its status and what follows from it too: it ends the same."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from deepseek_operator.plan import Plan
from tests.unit.samples import Manifest, deepseek
from tests.unit.test_canary import CANARY, NEW, OLD, Service

SHORT: Manifest = {**CANARY, "steps": [{"weight": 50, "minRequests": 20}], "rollbackWindow": "1m"}
NEXT = deepseek(**{**NEW, "rollout": SHORT}, generation=2)
ENDS = ("Succeeded", "RolledBack")
PASSES = 300


@dataclass
class Life(Service):
    """A run, and what its record has allowed the candidate at most so far."""

    allowed: int = 0

    @property
    def run(self) -> Manifest:
        """What status says of it."""
        found: Manifest = self.stored.get("rollout", {})
        return found

    def wake(self) -> Plan:
        """Time goes by as between two passes, and the next one is planned."""
        self.now += timedelta(seconds=5)
        self.start_pods()
        self.serve(5)
        return self.plan(NEXT, now=self.now)

    def follow_on(self) -> None:
        """Pass after pass until the run has ended, and a few more."""
        for _ in range(PASSES):
            if self.run.get("phase") in ENDS:
                break
            self.carry_out(self.wake())
            self.check()
        for _ in range(4):
            self.carry_out(self.wake())
            self.check()

    def check(self) -> None:
        """Nobody is sent where no pod is, and no further than a stored record has said."""
        self.allowed = max(self.allowed, self.run.get("weight", 0))
        assert sum(self.weights.values()) == 100
        assert all(self.replicas[key] > 0 for key in self.weights)
        assert self.weights.get(self.run.get("candidate", ""), 0) <= self.allowed

    @property
    def outcome(self) -> tuple[str, dict[str, int], dict[str, int]]:
        """How it ended."""
        return self.run["phase"], self.weights, self.replicas


def begun(bad: float) -> Life:
    """The old revision serves, and the next one will fail so many of its requests."""
    life = Life(rate=40)
    for _ in range(6):
        life.one_pass(deepseek(**OLD))
    life.bad[life.plan(NEXT, now=life.now).status["desired"]["revision"]] = bad
    return life


def deaths(life: Life, plan: Plan) -> Iterator[int]:
    """Writes after which to die in a pass that decides or changes something: -1 is before its first, the status."""
    decides = plan.status.get("rollout", {}).get("phase") != life.run.get("phase")
    if not decides and life.writes(plan) in ([], ["status"]):
        return
    yield -1
    if plan.records:
        yield 0
    yield from range(1, len(plan.apply) + len(plan.delete))


@pytest.mark.parametrize(
    ("bad", "end"),
    [pytest.param(0.0, "Succeeded", id="good"), pytest.param(0.6, "RolledBack", id="bad")],
)
def test_killed_at_any_write_of_a_run_it_ends_the_same(bad: float, end: str) -> None:
    clean = begun(bad)
    killed: list[Life] = []
    while clean.run.get("phase") != end:
        plan = clean.wake()
        for writes in deaths(clean, plan):
            killed.append(copy.deepcopy(clean))
            if writes >= 0:
                killed[-1].carry_out_part(plan, writes)
            killed[-1].check()
        clean.carry_out(plan)
        clean.check()
    clean.follow_on()

    assert len(killed) > 20
    for number, life in enumerate(killed):
        life.follow_on()
        assert life.outcome == clean.outcome, number
