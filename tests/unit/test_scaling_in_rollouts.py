"""Autoscaling through whole Canaries: no step loses pods, who needs more gets more, and afterwards fewer are enough."""

from dataclasses import dataclass, field, replace

import pytest

from tests.unit.samples import CPU_SPEC, Manifest, deepseek
from tests.unit.test_canary import CANARY, Service

ELASTIC: Manifest = {
    **CPU_SPEC,
    "gateway": {},
    "rollout": CANARY,
    "autoscaling": {"min": 2, "max": 9, "scaleDownDelay": "1m"},
}
OTHER: Manifest = {**ELASTIC, "engine": {"args": ["--max-model-len=4096"]}}


@dataclass
class Elastic(Service):
    """Whose engines tell how full their caches are."""

    busy: dict[str, float] = field(default_factory=dict)
    """Whole caches in use by revision, all pods together."""

    def serve(self, seconds: int) -> None:
        super().serve(seconds)
        self.told = tuple(
            replace(
                one,
                figures=replace(
                    one.figures,
                    cache_use=self.busy.get(one.revision, 0.1) / self.replicas[one.revision],
                ),
            )
            for one in self.told
            if one.figures is not None
        )


@pytest.fixture
def service() -> Elastic:
    """The old revision serves with four replicas, and nearly as many are needed."""
    made = Elastic()
    for _ in range(6):
        made.one_pass(deepseek(**ELASTIC))
    [old] = made.replicas
    made.busy[old] = 2.9
    for _ in range(12):
        made.one_pass(deepseek(**ELASTIC))
    assert made.replicas == {old: 4}
    return made


def numbers(service: Elastic, key: str) -> list[int]:
    """Replicas of a revision as they were decided, pass by pass."""
    return [
        one["replicas"]
        for status in service.history
        for one in status.get("autoscaling", ())
        if one["revision"] == key
    ]


def test_a_canary_has_as_many_and_no_step_loses_any(service: Elastic) -> None:
    [old] = service.replicas
    service.busy.clear()
    service.history.clear()
    service.until(deepseek(**OTHER, generation=2), "Watching")

    [new] = set(service.replicas) - {old}
    assert set(numbers(service, old)) == {4}
    assert set(numbers(service, new)) == {4}
    assert service.replicas == {old: 4, new: 4}

    service.until(deepseek(**OTHER, generation=2), "Succeeded")
    for _ in range(60):
        service.one_pass(deepseek(**OTHER, generation=2))

    assert service.replicas == {new: 2}


def test_the_stable_revision_gets_more_in_the_midst_of_a_canary(service: Elastic) -> None:
    [old] = service.replicas
    service.until(deepseek(**OTHER, generation=2), "Analyzing")
    service.busy[old] = 5.0
    for _ in range(8):
        service.one_pass(deepseek(**OTHER, generation=2))

    assert service.stored["rollout"]["phase"] in ("Analyzing", "Shifting")
    assert service.replicas[old] >= 6


def test_after_a_rollback_the_old_revision_follows_its_load_again(service: Elastic) -> None:
    [old] = service.replicas
    service.bad = {}
    service.until(deepseek(**OTHER, generation=2), "Analyzing")
    [new] = set(service.replicas) - {old}
    service.bad[new] = 0.9
    service.until(deepseek(**OTHER, generation=2), "RolledBack")
    service.busy.clear()
    for _ in range(60):
        service.one_pass(deepseek(**OTHER, generation=2))

    assert service.replicas == {old: 2}
