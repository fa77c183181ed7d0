"""Requests that are divided otherwise than gateways were told, through whole passes."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.rollout import record
from deepseek_operator.rollout.run import Run
from tests.unit.samples import Manifest, deepseek
from tests.unit.test_canary import CANARY, NEW, OLD, Service


@dataclass
class Leaking(Service):
    """Gateways that send the candidate more than they were told to."""

    leak: int = 0
    """Points."""
    leaves: dict[str, float] = field(default_factory=dict)
    """Of requests to a revision, how many their clients give up."""
    slow: str = ""
    """A revision whose answers take a minute and a half."""
    begun: dict[datetime, int] = field(default_factory=dict)
    """How many requests that had had by then."""

    def serve(self, seconds: int) -> None:
        super().serve(seconds)
        [one] = self.gateways
        if self.slow and one.report:
            self.gateways = (replace(one, report=self._running(one.report)),)
        if self.leaves and one.report:
            counted = one.report["counted"]
            requests = [part for whole in counted["requests"] for part in self._parted(whole)]
            report = {**one.report, "counted": {**counted, "requests": requests}}
            self.gateways = (replace(one, report=report),)

    def _running(self, report: Manifest) -> Manifest:
        """As counted now, without those that still run."""
        began = self.begun[self.now] = of_candidate(self, self.slow)
        long_ago = self.now - timedelta(seconds=90)
        ended = max((count for at, count in self.begun.items() if at <= long_ago), default=0)
        requests = [
            {**one, "count": ended if one["chosen"] == self.slow else one["count"]}
            for one in report["counted"]["requests"]
        ]
        active = {self.slow: began - ended}
        return {**report, "counted": {"requests": requests, "active": active}}

    def _parted(self, whole: Manifest) -> list[Manifest]:
        gone = int(whole["count"] * self.leaves.get(whole["chosen"], 0.0))
        return [
            {**whole, "count": whole["count"] - gone},
            {**whole, "count": gone, "flags": "DC"},
        ]

    def shares(self, weights: list[int]) -> list[int]:
        if len(weights) < 2:
            return weights
        return [weights[0] + self.leak, weights[1] - self.leak]

    def pass_by(self, deployment: DeepSeekDeployment, *, seconds: int) -> Manifest:
        """As the operator does while a run is under way: one pass each two seconds; the rollout at the end."""
        for _ in range(seconds // 2):
            self.one_pass(deployment, seconds=2)
        found: Manifest = self.stored["rollout"]
        return found

    @property
    def run(self) -> Run:
        found = record.load(self.stored["rollout"]["record"]).rollout.run
        assert found is not None
        return found


@pytest.fixture
def service() -> Leaking:
    """The old revision serves."""
    made = Leaking()
    for _ in range(6):
        made.one_pass(deepseek(**OLD))
    return made


def test_what_is_divided_otherwise_is_held_until_it_is_not_any_more(service: Leaking) -> None:
    new = deepseek(**NEW, generation=2)
    service.leak = 15
    service.until(new, "Held")

    for _ in range(60):
        run = service.pass_by(new, seconds=2)
        assert (run["phase"], run["reason"], run["weight"]) == ("Held", "SplitUnverified", 20)
        assert "instead of 20 %" in run["message"]
    service.leak = 0

    service.until(new, "Analyzing", passes=20)
    service.until(new, "Watching")


def test_what_stays_divided_otherwise_goes_back(service: Leaking) -> None:
    new = deepseek(**{**NEW, "rollout": {**CANARY, "holdTimeout": "5m"}}, generation=2)
    service.leak = 15

    run = service.until(new, "RolledBack", "Promoting")["rollout"]

    assert (run["phase"], run["reason"]) == ("RolledBack", "HeldTooLong")
    assert "SplitUnverified" in run["message"]


def test_whose_clients_go_away_has_its_share_all_the_same(service: Leaking) -> None:
    """A slower model sees more clients leave: they were its share, though nobody can judge by them."""
    new = deepseek(**NEW, generation=2)
    service.until(new, "Starting")
    service.leaves = {service.stored["rollout"]["candidate"]: 0.6}

    service.until(new, "Watching")

    assert "Held" not in {status.get("rollout", {}).get("phase") for status in service.history}


def test_whose_answers_take_long_has_its_share_at_once(service: Leaking) -> None:
    new = deepseek(**NEW, generation=2)
    service.until(new, "Starting")
    service.slow = service.stored["rollout"]["candidate"]

    service.until(new, "Watching")

    assert "Held" not in {status.get("rollout", {}).get("phase") for status in service.history}


def test_with_a_sticky_header_a_share_is_one_of_clients(service: Leaking) -> None:
    sticky = {**NEW, "gateway": {"stickyHeader": "x-conversation-id"}}
    service.leak = 15

    service.until(deepseek(**sticky, generation=2), "Watching")

    assert "Held" not in {status.get("rollout", {}).get("phase") for status in service.history}


@pytest.mark.parametrize("rate", [1, 3, 50])
def test_nothing_of_before_a_weight_had_settled_is_evidence(service: Leaking, rate: int) -> None:
    """Nor does what came after it wait for the end of a stretch that is mostly of before, as where few requests come."""
    steps_of_several = [{"weight": 20, "minRequests": 100}, {"weight": 50, "minRequests": 100}]
    new = deepseek(**{**NEW, "rollout": {**CANARY, "steps": steps_of_several}}, generation=2)
    service.rate = rate
    service.until(new, "Starting")
    asked = dict[datetime, int]()
    steps = set[int]()
    for _ in range(2000):
        assert service.pass_by(new, seconds=2)["phase"] in ("Starting", "Shifting", "Analyzing")
        run = service.run
        asked[service.now] = of_candidate(service, run.candidate)
        if run.phase != "Analyzing" or run.settled is None or not run.requests:
            continue
        if run.step not in steps:
            settled = min(at for at in asked if at >= run.settled)
            assert run.requests == asked[service.now] - asked[settled]
            steps.add(run.step)
        if len(steps) == 2:
            return
    raise AssertionError(service.run)


def of_candidate(service: Service, key: str) -> int:
    return sum(count for (chosen, _), count in service.counted.items() if chosen == key)


def test_requests_that_come_after_a_rollback_are_told_of(service: Leaking) -> None:
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    candidate = service.run.candidate
    service.bad, service.running = {candidate: 0.6}, {candidate: 2}
    service.until(new, "Draining")
    service.bad = {}
    assert service.pass_by(new, seconds=30)["reason"] == "BreakerTripped"

    service.counted[candidate, 200] += 3
    run = service.pass_by(new, seconds=2)

    assert (run["phase"], run["reason"]) == ("Draining", "RollbackStalled")
    assert run["message"].startswith("3 requests were sent to it after every gateway had left it")
    assert "RollbackStalled" in {event["reason"] for event in service.events}
    service.running = {}
    assert service.until(new, "RolledBack")["rollout"]["reason"] == "BreakerTripped"
