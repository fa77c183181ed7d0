"""An object that sleeps, through whole passes: it rests, is asked, wakes; and what rollouts make of it."""

import itertools
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.observed import Gateway
from deepseek_operator.plan import Plan
from tests.unit.samples import CPU_SPEC, Manifest, conditions, deepseek
from tests.unit.test_canary import CANARY, Service
from tests.unit.test_fallbacks import key

LAZY: Manifest = {
    **CPU_SPEC,
    "gateway": {},
    "autoscaling": {
        "min": 0,
        "max": 4,
        "scaleToZeroDelay": "2m",
        "hold": {"requests": 7, "timeout": "90s"},
    },
}
OTHER: Manifest = {**LAZY, "engine": {"args": ["--max-model-len=4096"]}}
SMALL: Manifest = {**CPU_SPEC, "model": "small", "source": "pvc://models/small"}


def with_rollout(spec: Manifest, **rollout: Any) -> Manifest:
    return {**spec, "rollout": rollout}


@dataclass
class Sleeper(Service):
    """A service with few users, whose gateways tell who waits."""

    held: dict[str, int] = field(default_factory=dict)
    asked: dict[str, float] = field(default_factory=dict)
    """Seconds ago, by revision."""
    is_stuck: bool = False
    """Pods do not become ready."""

    def start_pods(self, key: str | None = None, *, ready: int | None = None) -> None:
        super().start_pods(key, ready=ready)
        for (kind, name), child in self.children.items():
            if kind == "Deployment" and name != "chat-gateway" and self.is_stuck:
                child["status"]["readyReplicas"] = 0

    def serve(self, seconds: int) -> None:
        super().serve(seconds)
        [gateway] = self.gateways
        hold = {"held": dict(self.held), "asked": dict(self.asked)}
        report = None if gateway.report is None else {**gateway.report, "hold": hold}
        self.gateways = (Gateway("g", is_ready=True, report=report),)
        busy = 1.0 if self.rate else 0.0
        self.told = tuple(
            replace(one, figures=replace(one.figures, running=busy, waiting=0.0, cache_use=0.1))
            for one in self.told
            if one.figures is not None and not self.is_stuck
        )

    def passes(self, deployment: DeepSeekDeployment, count: int = 6) -> Manifest:
        for _ in range(count):
            self.one_pass(deployment, seconds=15)
        return self.stored

    def plan_of(self, deployment: DeepSeekDeployment) -> Plan:
        return self.plan(deployment, now=self.now)

    def entry(self, revision: str) -> Manifest:
        [found] = [one for one in self.stored["autoscaling"] if one["revision"] == revision]
        return dict(found)


def ready(service: Service) -> tuple[str, str]:
    found = conditions(service.stored)["Ready"]
    return found["status"], found["reason"]


def asleep(spec: Manifest = LAZY) -> tuple[Sleeper, DeepSeekDeployment]:
    deployment = deepseek(**spec)
    service = Sleeper()
    service.passes(deployment)
    assert service.replicas[key(spec)] == 1
    service.rate = 0
    service.passes(deployment, 12)
    assert service.replicas[key(spec)] == 0
    return service, deployment


def test_a_new_object_begins_with_one_and_rests_once_nobody_asks() -> None:
    service, _ = asleep()

    assert ready(service) == ("True", "Sleeping")
    said = conditions(service.stored)["Ready"]["message"]
    assert "the first request starts one and waits for it, for 90s at most" in said
    found = conditions(service.stored)
    assert (found["RolledOut"]["status"], found["Reconciling"]["status"]) == ("True", "False")
    assert found["Stalled"]["status"] == "False"
    assert service.entry(key(LAZY))["reason"] == "Idle"
    assert service.entry(key(LAZY))["min"] == 0
    assert service.weights == {key(LAZY): 100}
    assert service.document()["hold"] == {"requests": 7, "seconds": 90}
    assert ("ControllerRevision", f"chat-{key(LAZY)}") in service.children


def test_nothing_is_written_while_it_sleeps_and_it_is_looked_at_now_and_then() -> None:
    service, deployment = asleep()
    service.passes(deployment, 4)

    plan = service.plan_of(deployment)

    assert service.writes(plan) == []
    assert plan.requeue_seconds == 15.0


def test_the_number_is_written_before_the_pods_go_and_before_they_come() -> None:
    deployment = deepseek(**LAZY)
    service = Sleeper()
    service.passes(deployment)
    service.rate = 0
    recorded = []
    for count in range(30):
        if count == 20:
            service.held = {key(LAZY): 1}
        service.one_pass(deployment, seconds=15)
        recorded.append(service.entry(key(LAZY))["replicas"])
        assert service.replicas[key(LAZY)] == recorded[-1]
    changes = [two for two in itertools.pairwise(recorded) if two[0] != two[1]]
    assert changes == [(1, 0), (0, 1)]


def test_a_request_that_waits_brings_a_replica_back() -> None:
    service, deployment = asleep()
    service.held, service.asked = {key(LAZY): 2}, {key(LAZY): 1.0}
    service.is_stuck = True
    service.one_pass(deployment, seconds=1)

    assert service.replicas[key(LAZY)] == 1
    assert service.entry(key(LAZY))["reason"] == "Asked"
    assert ready(service) == ("False", "Waking")
    assert "requests wait at the gateway" in conditions(service.stored)["Ready"]["message"]

    service.is_stuck, service.held = False, {}
    service.passes(deployment, 2)
    assert ready(service) == ("True", "Serving")


def test_what_does_not_start_by_itself_keeps_its_own_reason() -> None:
    service, deployment = asleep()
    service.held, service.is_stuck = {key(LAZY): 1}, True
    service.one_pass(deployment, seconds=1)
    waits = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no"}
    service.pods = [
        {
            "metadata": {
                "name": "pod",
                "labels": {"serving.deepseek.dev/revision": key(LAZY)},
                "creationTimestamp": "2026-03-01T12:00:00Z",
            },
            "spec": {"containers": [{"name": "engine"}]},
            "status": {"phase": "Pending", "conditions": [waits]},
        }
    ]
    service.passes(deployment, 1)

    assert ready(service) == ("False", "Unschedulable")


def test_a_silent_gateway_lets_none_go() -> None:
    deployment = deepseek(**LAZY)
    service = Sleeper()
    service.passes(deployment)
    service.rate, service.is_silent = 0, True

    service.passes(deployment, 40)

    assert service.replicas == {key(LAZY): 1}


def test_a_fallback_goes_on_and_answers_first() -> None:
    spec = {**LAZY, "fallback": [SMALL]}
    service, deployment = asleep(spec)

    assert service.replicas == {key(spec): 0, key(SMALL): 1}
    assert service.document()["routes"] == [
        {"revision": key(spec), "weight": 100, "then": [key(SMALL)]}
    ]
    assert ready(service) == ("True", "Sleeping")
    assert (
        "small answers the first requests, which start one"
        in (conditions(service.stored)["Ready"]["message"])
    )
    assert conditions(service.stored)["FallbackReady"]["status"] == "True"

    service.asked = {key(spec): 2.0}
    service.one_pass(deployment, seconds=5)
    assert service.replicas == {key(spec): 1, key(SMALL): 1}


@pytest.mark.parametrize("strategy", ["Canary", "BlueGreen"])
def test_a_new_revision_shows_that_it_serves_whoever_sleeps(strategy: str) -> None:
    rollout = CANARY if strategy == "Canary" else {"strategy": strategy}
    service, _ = asleep(with_rollout(LAZY, **rollout))
    new = deepseek(**with_rollout(OTHER, **rollout), generation=2)
    service.is_stuck = True
    for _ in range(4):
        service.one_pass(new)

    assert service.replicas[key(OTHER)] == 1
    # What a Canary compares with is there; a BlueGreen needs the old one only if somebody asks.
    assert service.replicas[key(LAZY)] == (1 if strategy == "Canary" else 0)
    assert service.stored["serving"]["revision"] == key(LAZY)


def test_somebody_who_asks_in_the_midst_of_a_change_over_wakes_who_serves() -> None:
    service, _ = asleep(with_rollout(LAZY, strategy="BlueGreen"))
    new = deepseek(**with_rollout(OTHER, strategy="BlueGreen"), generation=2)
    service.is_stuck = True
    for _ in range(3):
        service.one_pass(new)
    service.held = {key(LAZY): 1}
    for _ in range(2):
        service.one_pass(new)

    assert service.replicas == {key(LAZY): 1, key(OTHER): 1}


def test_a_canary_that_begins_asleep_goes_through_its_steps_and_rests_afterwards() -> None:
    service, _ = asleep(with_rollout(LAZY, **CANARY))
    service.rate = 50
    new = deepseek(**with_rollout(OTHER, **CANARY), generation=2)
    service.history.clear()

    service.until(new, "Watching")
    phases = {status["rollout"]["phase"] for status in service.history if "rollout" in status}
    assert {"Starting", "Shifting", "Analyzing", "Promoting"} <= phases
    # Who served before can be gone back to, for all of the window.
    assert service.replicas == {key(LAZY): 1, key(OTHER): 1}
    service.rate = 0
    service.until(new, "Succeeded")
    assert service.replicas[key(OTHER)] == 1

    service.passes(new, 12)
    assert service.replicas == {key(OTHER): 0}
    assert ready(service) == ("True", "Sleeping")


def test_after_a_rollback_the_old_revision_rests_again_and_wakes_again() -> None:
    service, _ = asleep(with_rollout(LAZY, **CANARY))
    service.rate = 50
    new = deepseek(**with_rollout(OTHER, **CANARY), generation=2)
    service.until(new, "Analyzing")
    service.bad[key(OTHER)] = 0.9
    service.until(new, "RolledBack")
    service.rate = 0
    service.passes(new, 14)

    assert service.replicas == {key(LAZY): 0}
    assert ready(service) == ("True", "Sleeping")
    assert conditions(service.stored)["Stalled"]["reason"] == "RolledBack"
    assert service.writes(service.plan_of(new)) == []

    service.held = {key(LAZY): 1}
    service.one_pass(new, seconds=1)
    assert service.replicas == {key(LAZY): 1}


def test_a_replace_of_one_that_sleeps_goes_through() -> None:
    service, _ = asleep(with_rollout(LAZY, strategy="Replace", rollbackWindow="1m"))
    new = deepseek(**with_rollout(OTHER, strategy="Replace", rollbackWindow="1m"), generation=2)

    service.until(new, "Succeeded", passes=60)
    service.rate = 0
    service.passes(new, 14)

    assert service.stored["serving"]["revision"] == key(OTHER)
    assert service.replicas == {key(OTHER): 0}


def test_a_lost_status_wakes_it_once() -> None:
    service, deployment = asleep()
    told = {"type": "Progressing", "reason": "NewReplicaSetAvailable"}
    service.find("Deployment", key(LAZY))["status"]["conditions"] = [told]
    service.stored = {}
    service.passes(deployment, 3)
    assert service.replicas == {key(LAZY): 1}

    service.passes(deployment, 12)
    assert service.replicas == {key(LAZY): 0}


def test_without_min_0_it_wakes() -> None:
    service, _ = asleep()
    bounds: Manifest = {"autoscaling": {"min": 1, "max": 4}}
    service.passes(deepseek(**{**LAZY, **bounds}, generation=2), 2)

    assert service.replicas == {key(LAZY): 1}
    assert "hold" not in service.document()


def test_zero_by_hand_is_still_nobody_served() -> None:
    service, _ = asleep()
    by_hand = {**CPU_SPEC, "gateway": {}, "replicas": 0}
    service.passes(deepseek(**by_hand, generation=2), 3)

    assert service.replicas == {key(LAZY): 0}
    assert ready(service) == ("False", "ScaledToZero")
