"""`replicas: 0` beside a Canary, through whole passes: nobody is served, and what comes of it when somebody is again."""

import pytest

from tests.unit.samples import Manifest, conditions, deepseek
from tests.unit.test_canary import CANARY, NEW, OLD, Service
from tests.unit.test_fallbacks import key


@pytest.fixture
def service() -> Service:
    """The old revision serves."""
    made = Service()
    for _ in range(6):
        made.one_pass(deepseek(**OLD))
    return made


def at_rest(service: Service, spec: Manifest, *, generation: int) -> None:
    """`replicas: 0` of a spec, until all of it is carried out."""
    nobody = deepseek(**{**spec, "replicas": 0}, generation=generation)
    for _ in range(8):
        service.one_pass(nobody)
    assert set(service.replicas.values()) == {0}
    ready = conditions(service.stored)["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "ScaledToZero")
    assert conditions(service.stored)["Reconciling"]["status"] == "False"
    assert conditions(service.stored)["Stalled"]["status"] == "False"
    service.serve(0)
    assert service.writes(service.plan(nobody, now=service.now)) == []


def to_nobody(service: Service) -> None:
    """No request goes to a revision without pods while another one has some."""
    pods = service.replicas
    if any(pods.values()):
        assert not {one for one, weight in service.weights.items() if weight and not pods.get(one)}


@pytest.mark.parametrize(
    "rollout",
    [
        pytest.param({}, id="learning"),
        pytest.param({"analysis": {"relative": "Never"}}, id="absolute"),
        pytest.param({"autoPromote": False}, id="by-hand"),
        pytest.param({"mirror": {"percent": 20}}, id="copies"),
    ],
)
def test_after_nobody_the_next_revision_serves_at_once(service: Service, rollout: Manifest) -> None:
    for _ in range(3):
        service.one_pass(deepseek(**{**OLD, "replicas": 0}, generation=2))
    assert service.replicas == {key(OLD): 0}
    new = deepseek(**{**NEW, "rollout": {**CANARY, **rollout}}, generation=3)
    service.one_pass(new)
    waiting = conditions(service.stored)["Ready"]
    assert (waiting["status"], waiting["reason"]) == ("False", "Starting")

    service.until(new, "Succeeded", passes=4)
    to_nobody(service)
    for _ in range(3):
        service.one_pass(new)
        to_nobody(service)

    assert service.stored["rollout"]["reason"] == "NothingToCompare"
    assert service.weights == {key(NEW): 100}
    assert service.replicas == {key(NEW): 2}
    found = conditions(service.stored)
    assert (found["Ready"]["status"], found["RolledOut"]["status"]) == ("True", "True")


@pytest.mark.parametrize("phase", ["Starting", "Shifting", "Analyzing", "Held"])
def test_in_the_midst_of_a_run_both_rest_and_are_compared_anew_afterwards(
    service: Service, phase: str
) -> None:
    paused = {**NEW, "rollout": {**CANARY, "paused": phase == "Held"}}
    service.until(deepseek(**paused, generation=2), phase)

    at_rest(service, NEW, generation=3)

    run = service.stored["rollout"]
    assert (run["phase"], run["reason"]) == ("RolledBack", "ScaledToZero")
    said = conditions(service.stored)["RolledOut"]
    assert (said["status"], said["reason"]) == ("False", "ScaledToZero")
    new = deepseek(**NEW, generation=4)
    service.until(new, "Starting", passes=3)
    assert service.replicas == {key(OLD): 8, key(NEW): 2}
    service.until(new, "Watching")
    assert service.stored["rollout"]["run"].startswith("2-")
    assert service.weights == {key(NEW): 100}
    assert service.stored["rollout"]["stable"] == key(OLD)


@pytest.mark.parametrize("phase", ["Promoting", "Watching"])
def test_what_was_promoted_stays_so_and_the_old_revision_frees_its_accelerators(
    service: Service, phase: str
) -> None:
    service.until(deepseek(**NEW, generation=2), phase)

    at_rest(service, NEW, generation=3)

    assert service.replicas == {key(NEW): 0}
    run = service.stored["rollout"]
    assert (run["phase"], run["reason"]) == ("Succeeded", "ScaledToZero")
    new = deepseek(**NEW, generation=4)
    for _ in range(4):
        service.one_pass(new)
    assert service.replicas == {key(NEW): 2}
    assert service.weights == {key(NEW): 100}
    found = conditions(service.stored)
    assert (found["Ready"]["status"], found["RolledOut"]["status"]) == ("True", "True")


def test_another_model_and_nobody_at_once_begins_no_run(service: Service) -> None:
    at_rest(service, NEW, generation=2)

    assert "rollout" not in service.stored
    assert service.replicas == {key(OLD): 0}
    new = deepseek(**NEW, generation=3)
    service.until(new, "Starting", passes=3)
    # It is compared with what served before, with all of its pods.
    assert service.replicas == {key(OLD): 8, key(NEW): 2}
    service.until(new, "Watching")


def test_a_revision_that_was_taken_back_stays_so(service: Service) -> None:
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    service.bad[key(NEW)] = 0.9
    service.until(new, "RolledBack")
    assert service.stored["rollout"]["reason"] in ("EvidenceBad", "BreakerTripped")
    for _ in range(8):
        service.one_pass(deepseek(**{**NEW, "replicas": 0}, generation=3))
    assert set(service.replicas.values()) == {0}

    for _ in range(8):
        service.one_pass(deepseek(**NEW, generation=4))

    assert service.replicas == {key(OLD): 8}
    assert conditions(service.stored)["Stalled"]["reason"] == "RolledBack"


def test_a_lost_status_forgets_no_number(service: Service) -> None:
    at_rest(service, NEW, generation=2)
    # Its controller goes on telling that all of its pods were ready once.
    told = {"type": "Progressing", "reason": "NewReplicaSetAvailable"}
    service.find("Deployment", key(OLD))["status"]["conditions"] = [told]
    nobody = deepseek(**{**NEW, "replicas": 0}, generation=2)
    service.stored = {}
    service.carry_out(service.plan(nobody, now=service.now))
    for _ in range(3):
        service.one_pass(nobody)
    assert service.replicas == {key(OLD): 0}

    service.until(deepseek(**NEW, generation=3), "Starting", passes=3)

    assert service.replicas == {key(OLD): 8, key(NEW): 2}
