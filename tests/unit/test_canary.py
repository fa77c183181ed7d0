"""A Canary through whole passes: plans carried out on a cluster in memory, users and gateways played."""

import json
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.observed import ENGINE_SETS, Gateway
from deepseek_operator.report import events_of_change
from tests.unit.rollout.played import Pace, PlayedEngine
from tests.unit.samples import CPU_SPEC, NOW, Manifest, conditions, deepseek
from tests.unit.world import World

STEPS = [{"weight": 20, "minRequests": 20}, {"weight": 50, "minRequests": 50}]
CANARY: Manifest = {"strategy": "Canary", "steps": STEPS, "rollbackWindow": "10m"}
OLD = {**CPU_SPEC, "replicas": 8, "gateway": {}, "rollout": CANARY}
NEW = {**OLD, "replicas": 2, "engine": {"args": ["--max-model-len=4096"]}}


@dataclass
class Service(World):
    """A world whose gateways do what they are told and count what users get."""

    bad: dict[str, float] = field(default_factory=dict)
    """Share of failed requests by revision."""
    failing: int = 500
    """What a failed request is answered with."""
    rate: int = 50
    """Requests a second."""
    is_silent: bool = False
    is_deaf: bool = False
    """Its gateways go on as they were told before."""
    taken: str = ""
    now: Any = NOW
    running: dict[str, int] = field(default_factory=dict)
    """Answers that have not ended, by revision."""
    counted: dict[tuple[str, int], int] = field(default_factory=dict)
    paces: dict[str, Pace] = field(default_factory=dict)
    """How revisions answer that do it otherwise than the rest."""
    engines: dict[str, PlayedEngine] = field(default_factory=dict)
    history: list[Manifest] = field(default_factory=list)
    events: list[Manifest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(1)

    def document(self) -> Manifest:
        found: Manifest = json.loads(self.find("ConfigMap")["data"]["gateway.json"])
        return found

    def serve(self, seconds: int) -> None:
        """Users come for a while, and gateways count."""
        told = self.document()
        keys = [route["revision"] for route in told["routes"]]
        weights = self.shares([route["weight"] for route in told["routes"]])
        pods = self.replicas
        for key in keys and self.chance.choices(keys, weights, k=self.rate * seconds):
            code = self.failing if self.chance.random() < self.bad.get(key, 0.0) else 200
            code = code if pods.get(key) else 503
            self.counted[key, code] = self.counted.get((key, code), 0) + 1
            if code == 200:
                self.engine(key).answer(1)
        requests = [
            {"chosen": key, "served": key, "code": code, "flags": "", "attempts": 1, "count": count}
            for (key, code), count in self.counted.items()
        ]
        if not self.is_deaf:
            self.taken = told["version"]
        report = {
            "taken": self.taken,
            "envoy": "1",
            "counted": {"requests": requests, "active": dict(self.running)},
        }
        self.gateways = (Gateway("g", is_ready=True, report=None if self.is_silent else report),)

        # Those of a revision without requests tell that they had none; without pods nobody tells anything.
        self.told = tuple(self.engine(key).tell() for key in pods if pods[key])

    def shares(self, weights: list[int]) -> list[int]:
        """What gateways do of what they are told, the candidate first."""
        return weights

    def engine(self, key: str) -> PlayedEngine:
        """One engine for all pods of a revision."""
        engine = self.engines.setdefault(key, PlayedEngine(f"pod-{key}", key))
        engine.pace = self.paces.get(key, engine.pace)
        return engine

    def one_pass(self, deployment: DeepSeekDeployment, *, seconds: int = 5) -> Manifest:
        """Time goes by, pods start, users are served, and a pass is carried out."""
        self.now += timedelta(seconds=seconds)
        self.start_pods()
        if any(kind == "ConfigMap" for kind, _ in self.children):
            self.serve(seconds)
        before = self.stored
        plan = self.plan(deployment, now=self.now)
        self.carry_out(plan)
        self.history.append(self.stored)
        self.events += events_of_change(deployment.metadata, before, self.stored, now=self.now)
        return self.stored

    def until(self, deployment: DeepSeekDeployment, *phases: str, passes: int = 600) -> Manifest:
        for _ in range(passes):
            status = self.one_pass(deployment)
            if status.get("rollout", {}).get("phase") in phases:
                return status
        raise AssertionError(f"not {phases}: {self.stored.get('rollout')}")

    @property
    def weights(self) -> dict[str, int]:
        """What gateways are told."""
        return {route["revision"]: route["weight"] for route in self.document()["routes"]}

    @property
    def replicas(self) -> dict[str, int]:
        """Pods that there are to be, by revision."""
        return {
            child["metadata"]["labels"]["serving.deepseek.dev/revision"]: child["spec"]["replicas"]
            for (kind, name), child in self.children.items()
            if kind in ENGINE_SETS and name != "chat-gateway"
        }


@pytest.fixture
def service() -> Service:
    """The old revision serves."""
    made = Service()
    for _ in range(6):
        made.one_pass(deepseek(**OLD))
    return made


def test_a_good_candidate_is_promoted_step_by_step(service: Service) -> None:
    [old] = service.replicas
    new = deepseek(**NEW, generation=2)

    service.until(new, "Watching")

    seen = [
        (status["rollout"]["phase"], status["rollout"]["weight"])
        for status in service.history
        if "rollout" in status
    ]
    assert list(dict.fromkeys(seen)) == [
        ("Starting", 0),
        ("Shifting", 20),
        ("Analyzing", 20),
        ("Shifting", 50),
        ("Analyzing", 50),
        ("Promoting", 100),
        ("Watching", 100),
    ]
    status = service.stored
    key = status["serving"]["revision"]
    assert key != old
    assert service.weights == {key: 100}
    # Eight replicas were never fewer: they may have to come back.
    assert service.replicas == {old: 8, key: 2}
    assert conditions(status)["RolledOut"]["status"] == "True"
    service.until(new, "Succeeded")
    for _ in range(3):
        service.one_pass(new)
    assert service.replicas == {key: 2}


@pytest.mark.parametrize(
    ("pace", "metric"),
    [
        pytest.param(Pace(slow_share=0.6), "timeToFirstToken", id="first-tokens-late"),
        pytest.param(Pace(per_output_token=0.5), "timePerOutputToken", id="slow"),
        pytest.param(Pace(tokens=1.0), "empty", id="says-nothing"),
        pytest.param(Pace(ends="length"), "truncated", id="does-not-stop"),
        pytest.param(Pace(preempted=0.5), "preemptions", id="thrashes"),
    ],
)
def test_a_candidate_that_fails_nothing_and_is_worse_goes_back(
    service: Service, pace: Pace, metric: str
) -> None:
    [old] = service.replicas
    new = deepseek(**NEW, generation=2)
    service.until(new, "Starting")
    service.paces[service.stored["rollout"]["candidate"]] = pace

    service.until(new, "RolledBack", "Watching")

    run = service.stored["rollout"]
    assert run["phase"] == "RolledBack"
    assert run["reason"] == "EvidenceBad"
    assert run["message"].startswith(metric)
    [entry] = [one for one in run["metrics"] if one["name"] == metric]
    assert entry["verdict"] == "Bad"
    assert f"{entry['candidateBad']} of {entry['candidateRequests']}" in run["message"]
    assert f"{entry['stableBad']} of {entry['stableRequests']}" in run["message"]
    for _ in range(3):
        service.one_pass(new)
    assert service.replicas == {old: 8}


@pytest.mark.parametrize("is_of_both", [True, False])
def test_what_turns_bad_in_its_rollback_window_is_compared_once_more(
    service: Service, *, is_of_both: bool
) -> None:
    [old] = service.replicas
    new = deepseek(**NEW, generation=2)
    key = service.until(new, "Watching")["serving"]["revision"]
    service.bad = {key: 0.1, old: 0.1 if is_of_both else 0.0}

    status = service.until(new, "Shifting")

    assert (status["rollout"]["reason"], status["serving"]["revision"]) == ("ComparedAgain", old)
    assert service.weights == {key: 50, old: 50}
    assert service.replicas == {old: 8, key: 2}
    status = service.until(new, "RolledBack", "Succeeded")
    assert status["rollout"]["phase"] == ("Succeeded" if is_of_both else "RolledBack")
    assert status["serving"]["revision"] == (key if is_of_both else old)


@pytest.mark.parametrize(
    ("limit", "minutes", "waited"),
    [
        pytest.param({"startTimeout": "5m"}, 4, True, id="in-time"),
        pytest.param({"startTimeout": "5m"}, 6, False, id="late"),
        pytest.param({}, 119, True, id="by-default-in-time"),
        pytest.param({}, 121, False, id="by-default-late"),
    ],
)
def test_a_candidate_that_does_not_start_in_time_goes_back(
    service: Service, limit: Manifest, minutes: int, *, waited: bool
) -> None:
    [old] = service.replicas
    new = deepseek(**{**NEW, "rollout": {**CANARY, **limit}}, generation=2)
    service.until(new, "Starting")

    status = service.plan(new, now=service.now + timedelta(minutes=minutes)).status

    assert status["serving"]["revision"] == old
    run = status["rollout"]
    assert (run["phase"], run["reason"]) == (
        ("Starting", "CandidateStarting") if waited else ("RollingBack", "CandidateNotReady")
    )
    assert waited or "(rollout.startTimeout)" in run["message"]


def test_a_model_that_is_slower_by_nature_is_promoted(service: Service) -> None:
    """From a distilled model to a large one: only a limit of the user's own could stop it."""
    larger = deepseek(**{**NEW, "model": "large", "source": "pvc://models/large"}, generation=2)
    service.until(larger, "Starting")
    service.paces[service.stored["rollout"]["candidate"]] = Pace(
        first_token=2, per_output_token=0.5, ends="length"
    )

    service.until(larger, "Watching")


def test_a_limit_of_the_users_own_stops_any_model(service: Service) -> None:
    analysis = {"timeToFirstToken": {"limit": "2s", "maxPercent": 10}}
    larger = {
        **NEW,
        "model": "large",
        "source": "pvc://models/large",
        "rollout": {**CANARY, "analysis": analysis},
    }
    new = deepseek(**larger, generation=2)
    service.until(new, "Starting")
    service.paces[service.stored["rollout"]["candidate"]] = Pace(first_token=3)

    service.until(new, "RolledBack", "Watching")

    run = service.stored["rollout"]
    assert run["message"].startswith("timeToFirstTokenLimit (over 2.5 s): ")
    [entry] = [one for one in run["metrics"] if one["name"] == "timeToFirstTokenLimit"]
    assert (entry["limitMilliseconds"], entry["stableBad"]) == (2500, 0)


@pytest.mark.parametrize("whose", ["stable", "candidate"])
def test_an_engine_that_tells_nothing_holds_the_run_and_then_it_goes_back(
    service: Service, whose: str
) -> None:
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    key = service.stored["rollout"][whose]
    service.engine(key).is_silent = True
    held = service.until(new, "Held", "Watching")
    assert held["rollout"]["reason"] == "NoData"
    assert f"pod-{key} does not answer with its figures" in held["rollout"]["message"]

    ended = service.until(new, "RolledBack", "Watching")["rollout"]

    assert (ended["phase"], ended["reason"]) == ("RolledBack", "HeldTooLong")
    assert f"pod-{key} does not answer with its figures" in ended["message"]


def test_no_weight_is_set_before_it_is_known_what_to_compare_with(service: Service) -> None:
    [old] = service.replicas
    service.engine(old).is_silent = True
    new = deepseek(**NEW, generation=2)

    held = service.until(new, "Held", "Analyzing")["rollout"]

    assert (held["reason"], held["weight"]) == ("NoData", 0)
    assert service.weights == {old: 100}
    service.engine(old).is_silent = False
    service.until(new, "Watching")


def test_an_engine_that_answers_again_lets_the_run_go_on(service: Service) -> None:
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    engine = service.engine(service.stored["rollout"]["candidate"])
    engine.is_silent = True
    service.until(new, "Held")
    engine.is_silent = False

    service.until(new, "Watching")


def test_engines_that_restart_take_no_request_back(service: Service) -> None:
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    engine = service.engine(service.stored["rollout"]["candidate"])
    for number in range(300):
        status = service.one_pass(new)
        if number % 7 == 0:
            engine.restart()
        if status["rollout"]["phase"] == "Watching":
            return
        for entry in status["rollout"]["metrics"]:
            assert 0 <= entry["candidateBad"] <= entry["candidateRequests"]
    raise AssertionError(service.stored["rollout"])


def test_a_bad_hour_of_both_is_held_against_nobody(service: Service) -> None:
    """The node that both share is slow: neither the comparison nor the breaker blames the candidate."""
    [old] = service.replicas
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    for key in (old, service.stored["rollout"]["candidate"]):
        service.paces[key] = Pace(first_token=30, per_output_token=1.0)

    service.until(new, "Watching")


def test_times_of_requests_that_differ_are_not_compared(service: Service) -> None:
    """Heavy users that stay with the candidate: it is late, and not for what it is."""
    new = deepseek(**NEW, generation=2)
    service.until(new, "Starting")
    candidate = service.stored["rollout"]["candidate"]
    service.paces[candidate] = Pace(slow_share=0.6, long_share=0.8)
    service.until(new, "Analyzing")
    for _ in range(120):
        service.one_pass(new)

    run = service.stored["rollout"]
    verdicts = {entry["name"]: entry["verdict"] for entry in run["metrics"]}
    assert run["phase"] == "Analyzing"
    assert (verdicts["longPrompts"], verdicts["timeToFirstToken"]) == ("Unknown", "Unknown")
    assert "longPrompts (over 50 tokens): " in run["message"]
    # The same requests for both again: what it is shows.
    service.paces[candidate] = Pace(slow_share=0.6)
    ended = service.until(new, "RolledBack", passes=2000)["rollout"]
    assert (ended["reason"], ended["message"].split()[0]) == ("EvidenceBad", "timeToFirstToken")


def test_what_is_late_is_learned_before_the_first_weight_and_then_fixed(service: Service) -> None:
    new = deepseek(**NEW, generation=2)
    service.until(new, "Starting")
    assert "limitMilliseconds" not in service.stored["rollout"]["metrics"][3]
    service.until(new, "Watching")

    limits = {
        status["rollout"]["metrics"][3]["limitMilliseconds"]
        for status in service.history
        if status.get("rollout", {}).get("weight")
    }

    assert limits == {250}


@pytest.mark.parametrize("failing", [500, 503, 400])
def test_a_bad_candidate_goes_back_and_is_not_tried_again(service: Service, failing: int) -> None:
    [old] = service.replicas
    service.failing = failing
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    candidate = service.stored["rollout"]["candidate"]
    service.bad[candidate] = 0.3

    status = service.until(new, "RolledBack")
    for _ in range(5):
        service.one_pass(new)

    found = conditions(service.stored)
    assert status["serving"]["revision"] == old
    assert service.weights == {old: 100}
    assert service.replicas == {old: 8}
    assert found["Ready"]["status"] == "True"
    assert (found["RolledOut"]["status"], found["RolledOut"]["reason"]) == ("False", "RolledBack")
    assert (found["Stalled"]["status"], found["Stalled"]["reason"]) == ("True", "RolledBack")
    assert service.stored["desired"]["revision"] == candidate
    reasons = {event["reason"] for event in service.events}
    assert reasons & {"EvidenceBad", "BreakerTripped"}


def test_rejections_that_both_revisions_make_are_held_against_nobody(service: Service) -> None:
    """A client that sends nonsense."""
    [old] = service.replicas
    service.failing = 400
    service.bad[old] = 0.2
    new = deepseek(**NEW, generation=2)
    service.until(new, "Starting")
    service.bad[service.stored["rollout"]["candidate"]] = 0.2

    service.until(new, "Watching")


def test_a_person_may_have_it_tried_again(service: Service) -> None:
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    run = service.stored["rollout"]
    commanded(new, f"abort:{run['at']}")
    service.until(new, "RolledBack")
    run = service.stored["rollout"]
    commanded(new, f"retry:{run['at']}")

    status = service.until(new, "Starting")

    assert status["rollout"]["run"].startswith("2-")
    assert conditions(status)["Stalled"]["status"] == "False"


def commanded(deployment: DeepSeekDeployment, text: str) -> None:
    deployment.metadata.annotations["serving.deepseek.dev/command"] = text


def test_a_stale_command_does_nothing_but_say_so(service: Service) -> None:
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    commanded(new, "abort:7-0123456789/0")

    status = service.one_pass(new)

    assert status["rollout"]["phase"] == "Analyzing"
    assert "meant 7-0123456789/0" in status["rollout"]["command"]


def test_silent_gateways_hold_it_and_then_it_goes_back(service: Service) -> None:
    [old] = service.replicas
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    service.is_silent = True
    held = service.until(new, "Held")
    weights = service.weights
    assert held["rollout"]["reason"] in ("NoData", "NotAcknowledged")
    assert conditions(held)["RolledOut"]["reason"] == "CanaryHeld"
    assert weights[old] == 80
    service.is_silent = False

    service.until(new, "Analyzing")

    assert service.weights == weights


def test_a_gateway_that_does_not_leave_a_bad_candidate_is_cut_off(service: Service) -> None:
    [old] = service.replicas
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    candidate = service.stored["rollout"]["candidate"]
    service.is_deaf = True
    service.bad[candidate] = 0.9
    service.until(new, "RollingBack")
    assert ("Service", f"chat-{candidate}") in service.children

    for _ in range(20):
        service.one_pass(new)

    assert service.stored["rollout"]["reason"] == "RollbackStalled"
    assert ("Service", f"chat-{candidate}") not in service.children
    assert ("Service", f"chat-{old}") in service.children
    assert "RollbackStalled" in {event["reason"] for event in service.events}
    service.is_deaf = False
    service.until(new, "RolledBack")
    for _ in range(3):
        service.one_pass(new)
    assert service.replicas == {old: 8}


def test_a_spec_that_changes_back_ends_where_it_was(service: Service) -> None:
    [old] = service.replicas
    service.until(deepseek(**NEW, generation=2), "Analyzing")

    service.until(deepseek(**OLD, generation=3), "RolledBack")
    for _ in range(3):
        service.one_pass(deepseek(**OLD, generation=3))

    assert service.replicas == {old: 8}
    assert conditions(service.stored)["RolledOut"]["status"] == "True"
    assert conditions(service.stored)["Stalled"]["status"] == "False"


def test_a_candidate_whose_pods_are_gone_gets_nothing_more(service: Service) -> None:
    [old] = service.replicas
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    candidate = service.stored["rollout"]["candidate"]
    service.now += timedelta(seconds=5)
    service.start_pods(candidate, ready=0)
    service.serve(5)
    plan = service.plan(new, now=service.now)
    service.carry_out(plan)

    assert plan.records
    assert service.stored["rollout"]["reason"] == "CandidateLost"
    assert service.weights == {old: 100}


def test_status_is_written_before_the_weight_changes(service: Service) -> None:
    new = deepseek(**NEW, generation=2)
    for _ in range(60):
        before = service.weights
        service.now += timedelta(seconds=5)
        service.start_pods()
        service.serve(5)
        plan = service.plan(new, now=service.now)
        service.carry_out(plan)
        if service.weights != before:
            assert plan.records


def test_nothing_is_written_while_nothing_is_new(service: Service) -> None:
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    service.rate = 0
    service.one_pass(new)

    service.now += timedelta(seconds=2)
    service.serve(0)

    assert service.writes(service.plan(new, now=service.now)) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 9}', '{"format": 1, "rollout": {}}'])
def test_a_record_that_cannot_be_read_sends_all_to_what_serves(service: Service, text: str) -> None:
    [old] = service.replicas
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    service.stored["rollout"]["record"] = text

    plan = service.plan(new, now=service.now)

    [document] = [item for item in plan.apply if item["kind"] == "ConfigMap"]
    routes = json.loads(document["data"]["gateway.json"])["routes"]
    assert [(route["revision"], route["weight"]) for route in routes] == [(old, 100)]
    assert plan.status["rollout"]["reason"] == "RecordUnreadable"
    assert conditions(plan.status)["Ready"]["status"] == "True"


def test_the_candidate_is_named_first_and_the_stable_one_stands_in(service: Service) -> None:
    [old] = service.replicas
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")

    first, second = service.document()["routes"]

    assert (first["weight"], first.get("then")) == (20, [old])
    assert (second["revision"], "then" in second) == (old, False)


def test_the_first_revision_of_all_serves_at_once() -> None:
    service = Service()
    for _ in range(4):
        service.one_pass(deepseek(**OLD))

    assert conditions(service.stored)["RolledOut"]["status"] == "True"
    assert "rollout" not in service.stored


def test_without_promotion_by_itself_it_waits_for_a_person(service: Service) -> None:
    manual = {**NEW, "rollout": {**CANARY, "autoPromote": False}}
    new = deepseek(**manual, generation=2)
    status = service.until(new, "AwaitingApproval")
    assert conditions(status)["RolledOut"]["reason"] == "ApprovalNeeded"
    run = status["rollout"]
    commanded(new, f"approve:{run['at']}")

    service.until(new, "Watching")

    assert service.stored["rollout"]["command"] == "approve: accepted"
