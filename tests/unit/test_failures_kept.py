"""What was rolled back is not tried again by itself, whatever the strategy is by then."""

import pytest

from tests.unit.samples import Manifest, conditions, deepseek
from tests.unit.test_canary import NEW, OLD, Service, commanded
from tests.unit.test_fallbacks import key

BLUE_GREEN: Manifest = {**NEW, "rollout": {}}
OTHERS: Manifest = {
    "BlueGreen": BLUE_GREEN,
    "Replace": {**NEW, "rollout": {"strategy": "Replace"}},
    "Auto": {**NEW, "rollout": {"strategy": "Auto", "waitForAccelerators": False}},
    "Canary": NEW,
}
THIRD: Manifest = {**NEW, "engine": {"args": ["--max-model-len=2048"]}}


def rolled_back(service: Service) -> Service:
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    service.bad[key(NEW)] = 0.5
    service.until(new, "RolledBack")
    service.bad = {}
    return service


@pytest.fixture
def service() -> Service:
    """The old revision serves."""
    made = Service()
    for _ in range(6):
        made.one_pass(deepseek(**OLD))
    return made


def passes(service: Service, wanted: Manifest, *, count: int = 8, generation: int = 3) -> Manifest:
    for _ in range(count):
        service.one_pass(deepseek(**wanted, generation=generation))
    return service.stored


@pytest.mark.parametrize("strategy", OTHERS)
def test_what_was_rolled_back_stays_refused_under_another_strategy(
    service: Service, strategy: str
) -> None:
    rolled_back(service)

    status = passes(service, OTHERS[strategy])

    assert service.weights == {key(OLD): 100}
    assert service.replicas == {key(OLD): 8}
    found = conditions(status)
    assert (found["Stalled"]["status"], found["Stalled"]["reason"]) == ("True", "RolledBack")
    assert "kubectl deepseek retry chat" in found["Stalled"]["message"]
    assert (found["RolledOut"]["status"], found["RolledOut"]["reason"]) == ("False", "RolledBack")
    assert found["Ready"]["status"] == "True"
    assert status["rollout"]["phase"] == "RolledBack"


@pytest.mark.parametrize("strategy", ["BlueGreen", "Replace"])
def test_a_person_may_have_it_tried_again_under_another_strategy(
    service: Service, strategy: str
) -> None:
    rolled_back(service)
    again = deepseek(**OTHERS[strategy], generation=3)
    service.one_pass(again)
    commanded(again, f"retry:{service.stored['rollout']['at']}")

    for _ in range(12):
        service.one_pass(again)

    assert service.weights == {key(NEW): 100}
    assert conditions(service.stored)["Stalled"]["status"] == "False"
    assert conditions(service.stored)["RolledOut"]["status"] == "True"


def test_a_retry_of_another_run_is_none(service: Service) -> None:
    rolled_back(service)
    again = deepseek(**BLUE_GREEN, generation=3)
    commanded(again, "retry:7-0123456789/0")

    for _ in range(8):
        service.one_pass(again)

    assert service.weights == {key(OLD): 100}
    assert "retry: meant 7-0123456789/0" in service.stored["rollout"]["command"]


def test_another_revision_is_not_refused_and_the_failed_one_is_not_forgotten(
    service: Service,
) -> None:
    rolled_back(service)
    third = {**THIRD, "rollout": {}}

    status = passes(service, third)
    assert service.weights == {key(THIRD): 100}
    assert service.replicas == {key(THIRD): 2}
    assert conditions(status)["RolledOut"]["status"] == "True"
    assert conditions(status)["Stalled"]["status"] == "False"
    passes(service, BLUE_GREEN, generation=4)
    assert service.weights == {key(THIRD): 100}

    status = passes(service, NEW, generation=5)
    assert service.weights == {key(THIRD): 100}
    assert conditions(status)["Stalled"]["reason"] == "RolledBack"


@pytest.mark.parametrize("phase", ["RollingBack", "Draining"])
def test_whoever_is_on_the_way_back_has_failed(service: Service, phase: str) -> None:
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    service.bad[key(NEW)] = 0.5
    service.running = {key(NEW): 3}
    service.until(new, phase)

    passes(service, BLUE_GREEN)

    assert service.weights == {key(OLD): 100}
    assert conditions(service.stored)["Stalled"]["reason"] == "RolledBack"


def test_another_strategy_forgets_a_run_in_which_nothing_failed(service: Service) -> None:
    service.until(deepseek(**NEW, generation=2), "Analyzing")

    status = passes(service, {**NEW, "rollout": {"strategy": "BlueGreen"}}, count=6)

    assert "rollout" not in status
    assert service.weights == {key(NEW): 100}
    assert conditions(status)["RolledOut"]["status"] == "True"


def test_another_strategy_ends_a_run_and_keeps_what_failed_before(service: Service) -> None:
    rolled_back(service)
    service.until(deepseek(**THIRD, generation=3), "Analyzing")

    status = passes(service, {**THIRD, "rollout": {}}, generation=4)
    assert service.weights == {key(THIRD): 100}
    assert (status["rollout"]["phase"], status["rollout"]["reason"]) == ("RolledBack", "Superseded")
    assert conditions(status)["RolledOut"]["status"] == "True"
    passes(service, BLUE_GREEN, generation=5)

    assert service.weights == {key(THIRD): 100}


def test_a_record_that_cannot_be_read_is_none_of_failures(service: Service) -> None:
    rolled_back(service)
    service.stored["rollout"]["record"] = "{"

    passes(service, BLUE_GREEN)

    assert service.weights == {key(NEW): 100}


def test_what_the_operator_was_told_once_is_not_done_twice(service: Service) -> None:
    """A command that stays in the annotation is read once, whatever fails after it."""
    rolled_back(service)
    again = deepseek(**BLUE_GREEN, generation=3)
    service.one_pass(again)
    commanded(again, f"retry:{service.stored['rollout']['at']}")
    for _ in range(12):
        service.one_pass(again)
    assert service.weights == {key(NEW): 100}

    back = deepseek(**OLD, generation=4)
    service.until(back, "Starting")
    assert service.stored["rollout"]["candidate"] == key(OLD)
