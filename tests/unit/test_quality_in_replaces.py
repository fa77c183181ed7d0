"""A Replace whose answers are examined: by warm pods that no user has met, and back if they are bad."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.unit.samples import Manifest, conditions
from tests.unit.test_canary import commanded
from tests.unit.test_fallbacks import key
from tests.unit.test_quality_in_rollouts import Examined, told
from tests.unit.test_replace import NEW, OLD, Replacing, wanting

QUALITY: Manifest = {
    "prompts": {"name": "reference-prompts"},
    "minPassingPercent": 80,
    "webhook": {"url": "https://judge.team.svc/ok"},
}


@dataclass
class ReplacingExamined(Examined, Replacing):
    """A service whose pods and examinations end as a test says."""


def examined(**rollout: Any) -> Any:
    return wanting(NEW, analysis={"quality": QUALITY}, **rollout)


@pytest.fixture
def service() -> ReplacingExamined:
    """The old revision serves."""
    made = ReplacingExamined()
    made.served(OLD)
    return made


def test_good_answers_let_the_new_one_serve(service: ReplacingExamined) -> None:
    service.until(examined(), "Watching", passes=20)

    [job] = service.made
    asked = service.spec_of(job)
    assert asked["targets"]["candidate"]
    assert not asked["targets"].get("stable")
    assert asked["webhook"]["review"]["nextWeight"] == 100
    [entry] = [one for one in service.stored["rollout"]["metrics"] if one["name"] == "quality"]
    assert (entry["candidateRequests"], entry["stableRequests"]) == (10, 10)
    first = next(one for one in service.history if one.get("rollout", {}).get("quality"))
    assert (first["rollout"]["phase"], first["rollout"]["quality"]["before"]) == (
        "Starting",
        "promotion",
    )


def test_bad_answers_bring_the_old_one_back_before_a_user_reads_one(
    service: ReplacingExamined,
) -> None:
    service.found = told(3)

    ended = service.until(examined(), "RolledBack", passes=20)

    assert ended["rollout"]["reason"] == "QualityFailed"
    assert "before promotion, 3 of 10 reference prompts" in ended["rollout"]["message"]
    served = [one["serving"]["revision"] for one in service.history if "rollout" in one]
    assert set(served) == {key(OLD)}
    assert conditions(ended)["Ready"]["status"] == "True"


def test_an_outage_does_not_wait_long_for_answers_that_nobody_can_judge(
    service: ReplacingExamined,
) -> None:
    service.found = told(says=None, failure="NotAnswering")
    held = service.until(examined(), "Held", passes=20)
    assert held["rollout"]["reason"] == "QualityUnknown"
    assert service.replicas == {key(OLD): 0, key(NEW): 2}
    began = service.now

    ended = service.until(examined(), "RolledBack", passes=100)

    assert ended["rollout"]["reason"] == "HeldTooLong"
    assert (service.now - began).total_seconds() < 6 * 60


def test_a_person_may_go_on_without_them(service: ReplacingExamined) -> None:
    service.found = None
    wanted = examined()
    service.until(wanted, "Starting", passes=20)
    for _ in range(3):
        service.one_pass(wanted)
    commanded(wanted, f"promote:{service.stored['rollout']['at']}")

    service.until(wanted, "Watching", passes=4)
