"""A Canary whose replicas are sized, through whole passes: its share follows what it bears of what users ask for."""

from typing import Any

from tests.unit.samples import Manifest, conditions, deepseek
from tests.unit.test_canary import Service
from tests.unit.test_replicas import LLAMA

STEPS = [{"weight": 1, "minRequests": 20}, {"weight": 25, "minRequests": 20}]
CANARY: Manifest = {"strategy": "Canary", "steps": STEPS, "waitForAccelerators": False}
OLD = {**LLAMA, "replicas": 8, "gateway": {}, "rollout": CANARY}
LARGE = {
    **OLD,
    "model": "DeepSeek-V3",
    "accelerator": {"product": "NVIDIA-H200", "count": 8},
    "replicas": 1,
}


def served(rate: int) -> Service:
    service = Service(rate=rate)
    for _ in range(8):
        service.one_pass(deepseek(**OLD))
    return service


def large(**spec: Any) -> Any:
    return deepseek(**{**LARGE, **spec}, generation=2)


def test_one_large_replica_does_not_get_the_load_of_eight_small_ones() -> None:
    service = served(150)

    status = service.until(large(), "Held", "Watching")

    run = status["rollout"]
    assert (run["phase"], run["reason"], run["weight"]) == ("Held", "CandidateShortOfCapacity", 1)
    assert "its ready pods (1) are sized for" in run["message"]
    assert "raise replicas" in run["message"]
    found = conditions(status)
    assert found["RolledOut"]["reason"] == "CanaryHeld"
    assert found["Ready"]["status"] == "True"
    assert found["DataHealthy"]["status"] == "True"


def test_it_goes_on_once_the_spec_asks_for_enough_of_them() -> None:
    service = served(150)
    service.until(large(), "Held")

    status = service.until(large(replicas=20), "Watching", "RolledBack")

    assert status["rollout"]["phase"] == "Watching"


def test_where_few_requests_come_one_is_enough() -> None:
    service = served(4)

    status = service.until(large(), "Held", "Watching")

    assert status["rollout"]["phase"] == "Watching"
