"""Controllers that have not counted a revision's pods since its Deployment changed: nothing goes on, and nobody goes back."""

import pytest

from tests.unit.samples import Manifest, deepseek
from tests.unit.test_canary import CANARY, NEW, OLD, Service
from tests.unit.test_fallbacks import key


class Lagging(Service):
    """A service whose controllers may be late by some passes."""

    late: bool = False

    def start_pods(self, key: str | None = None, *, ready: int | None = None) -> None:
        if not self.late:
            super().start_pods(key, ready=ready)


@pytest.fixture
def service() -> Lagging:
    """The old revision serves."""
    made = Lagging()
    for _ in range(6):
        made.one_pass(deepseek(**OLD))
    return made


@pytest.mark.parametrize(
    ("phase", "rollout"),
    [
        pytest.param("Mirroring", {"mirror": {"percent": 20}}, id="copies"),
        pytest.param("Shifting", {}, id="first-weight"),
        pytest.param("Analyzing", {}, id="compared"),
        pytest.param("Watching", {}, id="promoted"),
    ],
)
@pytest.mark.parametrize("replicas", [1, 3])
def test_a_candidate_that_is_scaled_is_not_lost(
    service: Lagging, phase: str, rollout: Manifest, replicas: int
) -> None:
    new = {**NEW, "rollout": {**CANARY, **rollout}}
    service.until(deepseek(**new, generation=2), phase)
    weights = service.weights
    scaled = deepseek(**{**new, "replicas": replicas}, generation=3)
    service.late = True

    for _ in range(2):
        run = service.one_pass(scaled)["rollout"]

        assert run["reason"] != "CandidateLost"
        assert service.weights == weights
    assert service.replicas[key(NEW)] == replicas
    service.late = False
    service.until(scaled, "Succeeded")
    assert service.weights == {key(NEW): 100}


@pytest.mark.parametrize("whose", [OLD, NEW], ids=["stable", "candidate"])
def test_a_deployment_that_changes_holds_nothing(service: Lagging, whose: Manifest) -> None:
    """As those of both revisions do with another version of the operator."""
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    weights = service.weights
    service.late = True
    for _ in range(2):
        service.find("Deployment", key(whose))["metadata"]["generation"] += 1

        run = service.one_pass(new)["rollout"]

        assert (run["phase"], service.weights) == ("Analyzing", weights)


def test_no_weight_is_given_on_a_count_of_before(service: Lagging) -> None:
    """Two pods were ready; that three are to be is not known to be true of any."""
    new = deepseek(**NEW, generation=2)
    service.until(new, "Starting")
    service.start_pods()
    service.late = True
    scaled = deepseek(**{**NEW, "replicas": 3}, generation=3)
    for _ in range(3):
        service.one_pass(scaled)

    run = service.one_pass(scaled)["rollout"]

    assert (run["phase"], run["message"]) == (
        "Starting",
        "0 of 3 pods are ready and warmed up",
    )
    service.late = False
    service.until(scaled, "Shifting", passes=3)
