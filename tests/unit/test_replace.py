"""A Replace through whole passes: one revision's pods end, then the other's start, and back if they do not."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from deepseek_operator.capacity.room import Cluster
from deepseek_operator.cli.show import describe
from deepseek_operator.observed import Observed
from tests.unit.samples import CPU_SPEC, NO_GATEWAY, Manifest, conditions, deepseek
from tests.unit.test_canary import Service, commanded
from tests.unit.test_fallbacks import key

REPLACE: Manifest = {"strategy": "Replace", "rollbackWindow": "10m"}
OLD: Manifest = {**CPU_SPEC, "replicas": 8, "gateway": {}, "rollout": REPLACE}
NEW: Manifest = {**OLD, "replicas": 2, "engine": {"args": ["--max-model-len=4096"]}}
SMALL: Manifest = {**CPU_SPEC, "model": "small", "source": "pvc://models/small"}
FORWARD = ["Preparing", "Closing", "Stopping", "Starting", "Promoting", "Watching"]


@dataclass
class Replacing(Service):
    """A service whose pods start only where a test lets them."""

    broken: frozenset[str] = frozenset()
    """Revisions whose pods never become ready."""
    complete: set[str] = field(default_factory=set)
    """Deployments of which all pods were ready once."""

    def start_pods(self, key: str | None = None, *, ready: int | None = None) -> None:
        super().start_pods(key, ready=ready)
        if key is None:
            for one in self.broken & self.replicas.keys():
                super().start_pods(one, ready=0)
        for (kind, name), child in self.children.items():
            if kind == "Deployment" and child.get("status", {}).get("readyReplicas"):
                self.complete.add(name)
            if kind == "Deployment" and name in self.complete:
                # Its controller never takes it back.
                told = {"type": "Progressing", "reason": "NewReplicaSetAvailable"}
                child["status"]["conditions"] = [told]

    def observed(self) -> Observed:
        """Nodes may not be read, so that nothing waits for room on them."""
        return replace(super().observed(), cluster=Cluster(unread="nodes may not be read here"))

    def served(self, spec: Manifest) -> "Replacing":
        """After this spec has come to serve."""
        for _ in range(6):
            self.one_pass(deepseek(**spec))
        return self

    @property
    def phases(self) -> list[str]:
        """The phases that the runs went through."""
        seen = [status["rollout"]["phase"] for status in self.history if "rollout" in status]
        return [one for number, one in enumerate(seen) if number == 0 or seen[number - 1] != one]


def wanting(spec: Manifest = NEW, *, generation: int = 2, **rollout: Any) -> Any:
    """The new revision; `rollout` adds to its settings."""
    return deepseek(**{**spec, "rollout": {**REPLACE, **rollout}}, generation=generation)


@pytest.fixture
def service() -> Replacing:
    """The old revision serves."""
    return Replacing().served(OLD)


def test_the_old_revision_stops_before_the_new_one_starts(service: Replacing) -> None:
    old, new = key(OLD), key(NEW)
    wanted = wanting()
    seen = []

    for _ in range(12):
        service.one_pass(wanted)
        seen.append((service.replicas.get(old, 0), service.replicas.get(new, 0)))
        if service.stored["rollout"]["phase"] == "Watching":
            break

    assert service.phases == FORWARD
    assert list(dict.fromkeys(seen)) == [(8, 0), (0, 0), (0, 2)]
    assert service.weights == {new: 100}
    assert service.stored["serving"]["revision"] == new
    assert conditions(service.stored)["RolledOut"]["status"] == "True"
    service.until(wanted, "Succeeded")
    for _ in range(3):
        service.one_pass(wanted)
    assert service.replicas == {new: 2}
    assert conditions(service.stored)["Ready"]["status"] == "True"


def test_clients_are_told_before_pods_go_and_read_why_nobody_answers(service: Replacing) -> None:
    wanted = wanting()
    service.until(wanted, "Closing")

    told = service.document()

    assert service.replicas == {key(OLD): 8, key(NEW): 0}
    assert told["routes"] == []
    assert told["shut"]["revision"] == key(OLD)
    assert told["shut"]["reason"].startswith(f"revision {key(OLD)} is being replaced by {key(NEW)}")
    found = conditions(service.stored)["Ready"]
    assert (found["status"], found["reason"]) == ("False", "Replacing")
    since = f"{service.now:%Y-%m-%d %H:%M:%S} UTC"
    assert found["message"].startswith(
        f"nothing serves since {since}: revision {key(OLD)} is being"
    )


def test_status_tells_all_the_while_what_is_going_on(service: Replacing) -> None:
    service.broken = frozenset({key(NEW)})
    service.until(wanting(), "Starting")
    service.one_pass(wanting())

    found = conditions(service.stored)
    metadata = {"name": "chat", "namespace": "team", "generation": 2}
    text = describe({"metadata": metadata, "spec": NEW, "status": service.stored}, now=service.now)

    assert "0 of 2 pods are ready and warmed up" in found["Ready"]["message"]
    assert (found["RolledOut"]["status"], found["RolledOut"]["reason"]) == (
        "False",
        "CandidateStarting",
    )
    assert f"tiny replaces {key(OLD)} (Starting): 0 of 2 pods" in found["RolledOut"]["message"]
    assert f"{key(NEW)} replaces {key(OLD)}: pods of one of them at a time" in text
    assert ": Starting (CandidateStarting) for 5 s\n" in text
    assert service.stored["serving"]["replicas"] == 0
    assert {event["reason"] for event in service.events} >= {"StableClosing", "StableStopping"}
    assert not [event for event in service.events if "step 0 of 0" in event["message"]]


def test_running_answers_end_before_their_pods_go(service: Replacing) -> None:
    wanted = wanting(drainTimeout="10m")
    service.running[key(OLD)] = 3
    service.until(wanted, "Closing")
    for _ in range(5):
        service.one_pass(wanted)
    assert service.stored["rollout"]["phase"] == "Closing"
    assert service.replicas == {key(OLD): 8, key(NEW): 0}

    service.running[key(OLD)] = 0
    service.one_pass(wanted)

    assert service.replicas == {key(OLD): 0, key(NEW): 0}


def test_answers_that_never_end_are_cut_when_their_time_is_over(service: Replacing) -> None:
    wanted = wanting(drainTimeout="1m")
    service.running[key(OLD)] = 3

    service.until(wanted, "Stopping", passes=20)

    assert (
        len([one for one in service.history if one.get("rollout", {}).get("phase") == "Closing"])
        > 11
    )


def test_pods_that_are_still_ending_hold_accelerators(service: Replacing) -> None:
    wanted = wanting()
    service.until(wanted, "Closing")
    labels = {"serving.deepseek.dev/revision": key(OLD)}
    gone = {"name": "last", "labels": labels, "deletionTimestamp": "2026-03-01T12:00:00Z"}
    service.pods = [{"metadata": gone, "status": {"phase": "Running"}}]
    for _ in range(5):
        service.one_pass(wanted)
    assert service.stored["rollout"]["phase"] == "Stopping"
    assert "1 pods of revision" in service.stored["rollout"]["message"]
    assert service.replicas == {key(OLD): 0, key(NEW): 0}

    service.pods = []
    service.one_pass(wanted)

    assert service.replicas == {key(OLD): 0, key(NEW): 2}


def test_nothing_stops_before_the_weights_are_there(service: Replacing) -> None:
    fetched = wanting({**NEW, "model": "large", "source": "hf://org/large", "engine": {}})
    for _ in range(8):
        service.one_pass(fetched)
    assert service.stored["rollout"]["phase"] == "Preparing"
    assert service.replicas == {key(OLD): 8}
    assert conditions(service.stored)["Ready"]["status"] == "True"
    assert service.weights == {key(OLD): 100}

    for _ in range(4):
        service.end_jobs()
        service.one_pass(fetched)
    service.until(fetched, "Watching")

    assert service.stored["serving"]["model"] == "large"


def test_a_person_may_say_when_the_old_one_stops(service: Replacing) -> None:
    wanted = wanting(autoPromote=False)
    waiting = service.until(wanted, "AwaitingApproval", passes=10)
    for _ in range(4):
        service.one_pass(wanted)
    assert conditions(waiting)["RolledOut"]["reason"] == "ApprovalNeeded"
    assert service.replicas == {key(OLD): 8, key(NEW): 0}
    commanded(wanted, f"approve:{service.stored['rollout']['at']}")

    service.until(wanted, "Watching", passes=10)

    assert service.stored["serving"]["revision"] == key(NEW)


def test_a_pause_holds_it_before_the_old_one_stops_and_not_later(service: Replacing) -> None:
    held = service.until(wanting(paused=True), "Held")
    assert held["rollout"]["reason"] == "Paused"
    assert service.replicas[key(OLD)] == 8
    service.until(wanting(), "Stopping", passes=8)

    service.until(wanting(paused=True), "Watching", passes=8)


@pytest.mark.parametrize("phase", ["Closing", "Stopping", "Starting"])
def test_a_spec_that_cannot_be_served_meanwhile_keeps_nobody_waiting(
    service: Replacing, phase: str
) -> None:
    service.broken = frozenset({key(NEW)} if phase == "Starting" else ())
    service.until(wanting(), phase)
    service.broken = frozenset()
    typo = {name: value for name, value in NEW.items() if name != "source"}
    wanted = wanting({**typo, "model": "DeepSeek-R3", "replicas": 5}, generation=3)

    service.until(wanted, "Watching", passes=6)

    assert service.phases == FORWARD
    assert service.replicas == {key(OLD): 0, key(NEW): 2}
    assert service.weights == {key(NEW): 100}
    assert service.stored["serving"]["revision"] == key(NEW)
    found = conditions(service.stored)
    assert found["Ready"]["status"] == "True"
    assert (found["Stalled"]["status"], found["Stalled"]["reason"]) == ("True", "UnknownModel")
    assert found["RolledOut"]["reason"] == "SpecNotServable"
    service.until(wanted, "Succeeded")
    for _ in range(3):
        service.one_pass(wanted)
    assert service.replicas == {key(NEW): 2}


def test_a_person_may_take_what_is_ready(service: Replacing) -> None:
    wanted = wanting()
    service.broken = frozenset({key(NEW)})
    service.until(wanted, "Starting")
    at = service.stored["rollout"]["at"]
    commanded(wanted, f"promote:{at}")
    service.one_pass(wanted)
    assert service.stored["rollout"]["command"] == "promote: refused, none of its pods is ready"
    service.now += timedelta(seconds=5)
    service.serve(5)
    service.start_pods(key(NEW), ready=1)
    wanted.metadata.annotations.clear()
    service.carry_out(service.plan(wanted, now=service.now))
    commanded(wanted, f"promote:{at}")

    service.carry_out(service.plan(wanted, now=service.now))

    assert service.stored["rollout"]["reason"] == "PromotedByHand"
    assert service.weights == {key(NEW): 100}


def test_an_old_one_that_never_served_keeps_nobody_from_the_next(service: Replacing) -> None:
    service.broken = frozenset({key(OLD)})

    service.until(wanting(), "Watching", passes=12)

    assert service.stored["serving"]["revision"] == key(NEW)


def test_the_first_revision_of_all_serves_at_once() -> None:
    service = Replacing().served(OLD)

    assert conditions(service.stored)["RolledOut"]["status"] == "True"
    assert "rollout" not in service.stored


def test_what_the_first_rollout_begins_with_is_replaced() -> None:
    service = Replacing()
    both = deepseek(**{**OLD, "rollout": {**REPLACE, "from": {**SMALL, "replicas": 3}}})

    service.until(both, "Watching")

    assert service.phases == FORWARD
    assert service.stored["rollout"]["stable"] == key(SMALL)
    assert service.replicas == {key(SMALL): 0, key(OLD): 8}


def test_gateways_that_say_nothing_keep_the_old_one_in_service(service: Replacing) -> None:
    service.is_silent = True
    for _ in range(10):
        service.one_pass(wanting())
    assert service.replicas == {key(OLD): 8, key(NEW): 0}
    assert service.stored["rollout"]["message"] == "not every gateway answers"

    service.is_silent = False
    service.until(wanting(), "Watching")


def test_without_a_gateway_the_service_changes_over() -> None:
    plain = {**OLD, "gateway": NO_GATEWAY}
    service = Replacing().served(plain)
    wanted = wanting({**NEW, "gateway": NO_GATEWAY})

    service.until(wanted, "Watching", passes=10)

    assert service.phases == FORWARD
    assert service.observed().client_service_revision("chat") == key(NEW)
    assert service.replicas == {key(OLD): 0, key(NEW): 2}


def test_nothing_is_written_while_nothing_is_new(service: Replacing) -> None:
    service.broken = frozenset({key(NEW)})
    service.until(wanting(), "Starting")
    service.one_pass(wanting())
    service.serve(0)

    assert service.writes(service.plan(wanting(), now=service.now)) == []


def test_status_is_written_before_any_pod_goes_or_comes(service: Replacing) -> None:
    wanted = wanting()
    for _ in range(12):
        before = service.replicas, service.document()["version"]
        service.now += timedelta(seconds=5)
        service.start_pods()
        service.serve(5)
        plan = service.plan(wanted, now=service.now)
        service.carry_out(plan)
        if (service.replicas, service.document()["version"]) != before:
            assert plan.records or service.stored["rollout"]["phase"] == "Preparing"
