"""Engines that die, through whole passes: pods come and go, and more of them are there than are asked for figures."""

from dataclasses import dataclass, field, replace

import pytest

from deepseek_operator.observed import Observed
from tests.unit.samples import deepseek
from tests.unit.test_canary import NEW, OLD, Service
from tests.unit.test_fallbacks import key


@dataclass
class Crashing(Service):
    """A service whose candidate has pods with restarts of their own."""

    pods_of_candidate: dict[str, int] = field(default_factory=dict)

    def observed(self) -> Observed:
        """All of them, whoever is asked."""
        found = super().observed()
        return replace(found, restarts={key(NEW): dict(self.pods_of_candidate)})


@pytest.fixture
def service() -> Crashing:
    """The old revision serves."""
    made = Crashing()
    for _ in range(6):
        made.one_pass(deepseek(**OLD))
    return made


def test_three_crashes_are_enough_whoever_was_there_before(service: Crashing) -> None:
    new = deepseek(**NEW, generation=2)
    service.pods_of_candidate = {"a": 4, "b": 0}
    service.until(new, "Analyzing")
    service.pods_of_candidate = {"b": 1, "c": 0}
    service.one_pass(new)
    service.pods_of_candidate = {"b": 1, "c": 1}
    assert service.one_pass(new)["rollout"]["phase"] == "Analyzing"
    service.pods_of_candidate = {"d": 1}

    run = service.one_pass(new)["rollout"]

    assert (run["phase"], run["reason"]) == ("RollingBack", "BreakerTripped")
    assert run["message"] == "its engines were restarted 3 times"


def test_pods_that_were_there_all_the_time_are_none_that_crashed(service: Crashing) -> None:
    """Of many pods some are asked, others not, and that changes with each that comes."""
    new = deepseek(**NEW, generation=2)
    service.pods_of_candidate = {f"pod-{number}": number % 5 for number in range(40)}

    service.until(new, "Watching")
