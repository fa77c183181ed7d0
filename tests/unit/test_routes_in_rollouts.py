"""A Canary on a Gateway of somebody else, through whole passes: engines count, and a fake controller answers."""

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import http_route
from tests.unit.fake_gateway_controller import FakeGatewayController
from tests.unit.rollout.played import PlayedEngine
from tests.unit.samples import CPU_SPEC, NOW, Manifest, deepseek
from tests.unit.world import World

EDGE: Manifest = {"provider": "GatewayAPI", "parentRef": {"name": "edge"}}
STEPS = [{"weight": 20, "minRequests": 20}, {"weight": 50, "minRequests": 50}]
CANARY: Manifest = {
    "strategy": "Canary", "steps": STEPS, "rollbackWindow": "10m", "drainTimeout": "5m",
}  # fmt: skip
OLD = {**CPU_SPEC, "replicas": 2, "gateway": EDGE, "rollout": CANARY}
NEW = {**OLD, "engine": {"args": ["--max-model-len=4096"]}}
OURS = {**NEW, "gateway": {}}


@dataclass
class Edge(World):
    """A world whose Gateway sends as the route says, once its controller has seen it."""

    controller: FakeGatewayController = field(default_factory=FakeGatewayController)
    bad: dict[str, float] = field(default_factory=dict)
    """Share of requests that an engine fails, by revision."""
    past: float = 0.0
    """Share of requests that come by the Service, past the Gateway."""
    silent: set[str] = field(default_factory=set)
    """Revisions whose engines do not tell."""
    followed: dict[str, int] = field(default_factory=dict)
    engines: dict[str, list[PlayedEngine]] = field(default_factory=dict)
    phases: list[str] = field(default_factory=list)
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.chance = random.Random(1)

    def serve(self, requests: int) -> None:
        route = self.children.get(("HTTPRoute", "chat"))
        if route is not None:
            route["status"] = self.controller.answer(route)
        if route is not None and not self.controller.is_deaf:
            self.followed = {
                name.removeprefix("chat-"): weight
                for name, weight in http_route.backends(route).items()
            }
        keys, weights = list(self.followed), list(self.followed.values())
        for _ in range(requests):
            [key] = self.chance.choices(keys, weights)
            if self.chance.random() < self.past:
                key = self.stored["serving"]["revision"]
            engine = self.chance.choice(self.of(key))
            if self.chance.random() < self.bad.get(key, 0.0):
                engine.fail(1)
            else:
                engine.answer(1)

    def of(self, key: str) -> list[PlayedEngine]:
        made = [PlayedEngine(f"{key}-{number}", key) for number in range(2)]
        return self.engines.setdefault(key, made)

    def tell(self) -> None:
        for key in self.revisions:
            for engine in self.of(key):
                engine.is_silent = key in self.silent
        self.told = tuple(engine.tell() for key in self.revisions for engine in self.of(key))

    def one_pass(self, deployment: DeepSeekDeployment, *, seconds: int = 5) -> Manifest:
        self.now += timedelta(seconds=seconds)
        self.start_pods()
        if ("HTTPRoute", "chat") in self.children or self.followed:
            self.serve(50 * seconds)
        self.tell()
        self.carry_out(self.plan(deployment, now=self.now))
        phase = self.stored.get("rollout", {}).get("phase")
        if phase and phase not in self.phases[-1:]:
            self.phases.append(phase)
        return self.stored

    def until(self, deployment: DeepSeekDeployment, *phases: str) -> Manifest:
        for _ in range(600):
            status = self.one_pass(deployment)
            if status.get("rollout", {}).get("phase") in phases:
                return status
        raise AssertionError(f"not {phases}: {self.stored.get('rollout')}")

    @property
    def revisions(self) -> list[str]:
        return [
            child["metadata"]["labels"]["serving.deepseek.dev/revision"]
            for (kind, name), child in self.children.items()
            if kind == "Deployment" and name != "chat-gateway"
        ]

    @property
    def weights(self) -> dict[str, int]:
        backends = http_route.backends(self.children["HTTPRoute", "chat"])
        return {name.removeprefix("chat-"): weight for name, weight in backends.items()}


@pytest.fixture
def edge() -> Edge:
    """The old revision serves."""
    made = Edge()
    for _ in range(6):
        made.one_pass(deepseek(**OLD))
    return made


def started(edge: Edge, *, phase: str = "Analyzing") -> tuple[DeepSeekDeployment, str, str]:
    """The object, the stable revision, and the candidate that has come so far."""
    [old] = edge.revisions
    new = deepseek(**NEW, generation=2)
    run = edge.until(new, phase)["rollout"]
    return new, old, run["candidate"]


def test_a_good_candidate_is_promoted_by_what_engines_count(edge: Edge) -> None:
    new, old, candidate = started(edge)
    assert edge.weights == {candidate: 20, old: 80}

    metrics = {
        one["name"]: one for one in edge.until(new, "Promoting", "RolledBack")["rollout"]["metrics"]
    }
    assert {"errors", "rejections", "empty"} <= set(metrics)
    assert metrics["errors"]["candidateRequests"] > 50
    status = edge.until(new, "Watching", "RolledBack")
    assert status["rollout"]["phase"] == "Watching"
    assert status["serving"]["revision"] == candidate
    assert edge.weights == {candidate: 100}
    edge.until(new, "Succeeded")
    for _ in range(3):
        edge.one_pass(new)
    assert edge.revisions == [candidate]


@pytest.mark.parametrize(
    ("share", "reason"),
    [
        pytest.param(0.1, "EvidenceBad", id="often"),
        pytest.param(0.8, "BreakerTripped", id="mostly"),
    ],
)
def test_a_candidate_that_fails_requests_goes_back(edge: Edge, share: float, reason: str) -> None:
    new, old, candidate = started(edge)
    edge.bad[candidate] = share

    run = edge.until(new, "RolledBack", "Watching")["rollout"]

    assert (run["phase"], run["reason"]) == ("RolledBack", reason)
    assert edge.weights == {old: 100}


def test_after_a_rollback_pods_stay_for_as_long_as_answers_may_take(edge: Edge) -> None:
    new, old, candidate = started(edge)
    edge.bad[candidate] = 0.8
    edge.until(new, "Draining")
    began = edge.now

    edge.until(new, "RolledBack")

    assert edge.now - began >= timedelta(minutes=5)
    edge.one_pass(new)
    assert edge.revisions == [old]


def test_no_weight_counts_as_set_before_the_controller_has_seen_it(edge: Edge) -> None:
    new, _, candidate = started(edge, phase="Starting")
    edge.controller.is_deaf = True

    run = edge.until(new, "Held")["rollout"]

    assert run["reason"] == "NotAcknowledged"
    assert edge.weights[candidate] == 20
    edge.controller.is_deaf = False
    assert edge.until(new, "Analyzing")["rollout"]["weight"] == 20


def test_a_controller_that_does_not_take_it_back_leaves_pods_and_services(edge: Edge) -> None:
    new, old, candidate = started(edge)
    edge.bad[candidate] = 0.8
    edge.until(new, "RollingBack")
    edge.controller.is_deaf = True

    for _ in range(40):
        edge.one_pass(new)

    assert edge.stored["rollout"]["phase"] == "RollingBack"
    assert edge.weights == {old: 100}
    assert ("Service", f"chat-{candidate}") in edge.children
    assert candidate in edge.revisions


@pytest.mark.parametrize("who", ["stable", "candidate"])
def test_engines_that_do_not_count_hold_the_run_and_it_goes_back(edge: Edge, who: str) -> None:
    new, old, candidate = started(edge)
    edge.silent = {old if who == "stable" else candidate}

    run = edge.until(new, "Held", "Watching")["rollout"]

    assert (run["phase"], run["reason"]) == ("Held", "NoData")
    assert "does not answer with its figures" in run["message"]
    assert edge.until(new, "RollingBack", "Watching")["rollout"]["reason"] == "HeldTooLong"


def test_where_not_every_engine_is_asked_the_share_is_not_known(edge: Edge) -> None:
    new, old, _ = started(edge)
    edge.engines[old].pop()

    run = edge.until(new, "Held", "Watching")["rollout"]

    assert (run["phase"], run["reason"]) == ("Held", "NoData")
    assert f"1 of 2 engines of revision {old} tell how many requests came" in run["message"]


def test_requests_that_pass_by_the_gateway_hold_the_run(edge: Edge) -> None:
    edge.past = 0.5
    new, *_ = started(edge)

    run = edge.until(new, "Held", "Watching")["rollout"]

    assert (run["phase"], run["reason"]) == ("Held", "SplitUnverified")


def test_a_run_whose_gateways_are_given_away_is_held() -> None:
    """What it compares nobody counts any more."""
    from_ours = Edge()
    for _ in range(6):
        from_ours.start_pods()
        from_ours.carry_out(from_ours.plan(deepseek(**{**OLD, "gateway": {}})))
    from_ours.carry_out(from_ours.plan(deepseek(**OURS, generation=2)))
    assert from_ours.stored["rollout"]["phase"] == "Starting"

    run = from_ours.until(deepseek(**NEW, generation=3), "Held", "Watching")["rollout"]

    assert (run["phase"], run["reason"]) == ("Held", "NoData")
    assert "the run compares what gateways counted, and the object has none" in run["message"]


def test_each_request_is_counted_once_though_two_count_it(edge: Edge) -> None:
    """A run that engines count for goes on so when the object gets gateways of its own."""
    _, old, _ = started(edge)
    ours = deepseek(**OURS, generation=3)
    for times in range(1, 20):
        edge.one_pass(ours)
        edge.follow()
        [told] = edge.gateways
        request = {"chosen": old, "served": old, "code": 200, "flags": "", "attempts": 1}
        counted = {"requests": [{**request, "count": times * 10**6}], "active": {}}
        report = {**(told.report or {}), "envoy": "1", "counted": counted}
        edge.gateways = (replace(told, report=report),)

    [entry] = [one for one in edge.stored["rollout"]["metrics"] if one["name"] == "rejections"]
    assert 0 < entry["stableRequests"] < 10**6
