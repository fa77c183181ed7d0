"""What a pass makes of a record that is damaged: users are served by who serves, and it is told which field it was."""

import json
from typing import Any

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from tests.unit.samples import deepseek
from tests.unit.test_canary import NEW, OLD, Service

NEITHER = "0123456789"


@pytest.fixture
def service() -> Service:
    """The old revision serves."""
    made = Service()
    for _ in range(6):
        made.one_pass(deepseek(**OLD))
    return made


def damage(service: Service, **changes: Any) -> None:
    """The run of the record says something else."""
    kept = service.stored["rollout"]
    data = json.loads(kept["record"])
    data["rollout"]["run"] |= changes
    service.stored = {**service.stored, "rollout": {**kept, "record": json.dumps(data)}}


def wanting(**changes: Any) -> DeepSeekDeployment:
    """The new revision."""
    return deepseek(**{**NEW, **changes}, generation=2)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"weight": 150}, "run.weight: 150", id="weight"),
        pytest.param({"step": 99}, "run.step: 99", id="step"),
        pytest.param({"phase": "Held"}, "run.hold: missing", id="hold"),
        pytest.param({"phase": "Mirroring"}, "run.plan.mirror: missing", id="mirror"),
        pytest.param({"since": "2026-03-01T12:00:00"}, "run.since: ", id="zone"),
        pytest.param({"started": "2999-03-01T12:00:00Z"}, "run.started: ", id="to-come"),
    ],
)
def test_a_record_that_is_well_typed_and_cannot_be_sends_all_to_what_serves(
    service: Service, changes: dict[str, Any], field: str
) -> None:
    [old] = service.replicas
    service.until(wanting(), "Analyzing")
    damage(service, **changes)

    status = service.one_pass(wanting())

    assert service.weights == {old: 100}
    assert status["rollout"]["reason"] == "RecordUnreadable"
    assert field in status["rollout"]["message"]
    # What the spec asks for comes with a run of its own.
    assert service.until(wanting(), "Watching")["rollout"]["candidate"] != old


def test_nobody_goes_back_to_a_revision_of_which_there_is_nothing(service: Service) -> None:
    key = service.until(wanting(), "Watching")["serving"]["revision"]
    damage(service, stable=NEITHER)
    service.bad = {key: 0.9}

    status = service.one_pass(wanting())

    assert status["rollout"]["phase"] == "Succeeded"
    assert status["rollout"]["message"] == f"nothing is there of revision {NEITHER}"
    for _ in range(20):
        status = service.one_pass(wanting())
    assert status["serving"]["revision"] == key
    assert (service.weights, service.replicas) == ({key: 100}, {key: 2})


def test_nobody_is_sent_to_a_candidate_of_which_there_is_nothing(service: Service) -> None:
    """Also while what the spec asks for cannot be told, and so no other candidate is."""
    [old] = service.replicas
    service.until(wanting(), "Analyzing")
    damage(service, candidate=NEITHER)

    status = service.one_pass(wanting(model="m", source="ftp://host/m"))

    assert status["rollout"]["phase"] == "RolledBack"
    assert service.weights == {old: 100}


def test_what_was_on_its_way_back_from_nothing_has_failed(service: Service) -> None:
    """A record that is cut off forgets no failure, nor those of before."""
    service.until(wanting(), "Analyzing")
    service.bad = {service.stored["rollout"]["candidate"]: 0.9}
    service.until(wanting(), "RolledBack")
    failed = service.stored["rollout"]["candidate"]
    other = wanting(engine={"args": ["--max-model-len=2048"]})
    service.until(other, "Analyzing")
    damage(service, candidate=NEITHER)
    service.one_pass(other)

    status = service.one_pass(wanting())

    known = json.loads(status["rollout"]["record"])["rollout"]["failures"]
    assert [item["revision"] for item in known] == [failed]
    assert status["rollout"]["phase"] == "RolledBack"


def test_a_sound_record_of_a_candidate_that_has_only_pods_is_gone_on_with(service: Service) -> None:
    """Whoever deletes a ControllerRevision takes nobody's users."""
    status = service.until(wanting(), "Analyzing")
    key = status["rollout"]["candidate"]
    gone = [place for place in service.children if place[0] == "ControllerRevision"]
    for place in gone:
        if (
            service.children[place]["metadata"]["labels"].get("serving.deepseek.dev/revision")
            == key
        ):
            del service.children[place]

    status = service.one_pass(wanting(model="m", source="ftp://host/m"))

    assert (status["rollout"]["phase"], status["rollout"]["candidate"]) == ("Held", key)
