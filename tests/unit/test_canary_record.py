"""What status keeps of a Canary of a large object: it has bounds, and the run goes on from it."""

from dataclasses import dataclass, replace
from typing import Any

from deepseek_operator.api.status import DeepSeekDeploymentStatus
from deepseek_operator.rollout import record, stretches
from deepseek_operator.rollout.evidence import Outcomes
from tests.unit.rollout.played import PlayedEngine
from tests.unit.samples import NOW, deepseek
from tests.unit.test_canary import NEW, OLD, Service

GATEWAYS = 100
"""As many as spec.gateway.replicas may say."""
PAST = [f"{number:010x}" for number in range(30)]
"""Revisions that these have served before."""
FALLBACKS = [f"fallback-{number}" for number in range(4)]
ENGINES = 16
"""Of each revision that are asked."""


@dataclass
class Large(Service):
    """A service with as many gateways and engines as there may be, of which one speaks for all."""

    is_large: bool = False

    def serve(self, seconds: int) -> None:
        super().serve(seconds)
        if not self.is_large:
            return
        [one] = self.gateways
        report: dict[str, Any] = one.report or {}
        past = [
            {"chosen": key, "served": key, "code": code, "flags": "", "attempts": 1, "count": 10**9}
            for key in PAST
            for code in (200, 404, 503)
        ]
        counted = {**report["counted"], "requests": [*report["counted"]["requests"], *past]}
        self.gateways = tuple(
            replace(
                one,
                pod=f"chat-gateway-6d5f7c9b8d-{number:05}",
                report={**report, "envoy": "6f0f6c1d-5a3e", "counted": counted},
            )
            for number in range(GATEWAYS)
        )
        others = [PlayedEngine("other", key).tell() for key in FALLBACKS]
        self.told = tuple(
            replace(engine, pod=f"chat-{engine.revision}-6d5f7c9b8d-{number:05}")
            for engine in (*self.told, *others)
            for number in range(ENGINES)
        )


def test_the_record_of_a_large_object_fits_into_its_status() -> None:
    service = Large()
    for _ in range(4):
        service.one_pass(deepseek(**OLD))
    new = deepseek(**NEW, generation=2)
    [old] = service.replicas

    service.until(new, "Analyzing")
    service.is_large = True
    service.one_pass(new)
    status = service.one_pass(new)

    assert status["rollout"]["phase"] == "Analyzing"
    assert len(status["rollout"]["record"]) <= 65536
    DeepSeekDeploymentStatus.model_validate(status)
    base = record.load(status["rollout"]["record"]).base
    assert base is not None
    counted = {counter.revision for counts in base.sources.values() for counter in counts}
    assert counted == {old, status["rollout"]["candidate"]}
    assert len(base.sources) == GATEWAYS + 2 * ENGINES


def test_a_gateway_that_has_sent_the_two_nothing_yet_is_a_source_all_the_same() -> None:
    """Otherwise what it counts next would be of before, and not be counted."""
    base = stretches.of_revisions(
        stretches.Reading(NOW, {"g": {stretches.Counter("other", "errors"): Outcomes(9, 9)}}),
        ("candidate", "stable"),
    )

    assert base.sources == {"g": {}}
