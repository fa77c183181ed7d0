"""A fallback beside a Canary: never the candidate, never gone, whatever becomes of the run (I20)."""

from typing import Any

import pytest

from tests.unit.samples import CPU_SPEC, Manifest, conditions, deepseek
from tests.unit.test_canary import NEW, OLD, Service, commanded
from tests.unit.test_fallbacks import key

SMALL: Manifest = {**CPU_SPEC, "model": "small", "source": "pvc://models/small"}
TINY: Manifest = {**CPU_SPEC, "model": "tinier", "source": "pvc://models/tinier"}
THEN = [SMALL, TINY]


def with_fallback(spec: Manifest, *entries: Manifest) -> Manifest:
    return {**spec, "fallback": [*(entries or THEN)]}


@pytest.fixture
def service() -> Service:
    """The old revision serves, with two others behind it."""
    made = Service()
    for _ in range(6):
        made.one_pass(deepseek(**with_fallback(OLD)))
    return made


def chains(service: Service) -> dict[str, list[str]]:
    """Who answers in whose place."""
    return {one["revision"]: one.get("then", []) for one in service.document()["routes"]}


def test_the_chain_stands_behind_the_candidate_too_and_follows_what_is_promoted(
    service: Service,
) -> None:
    old, small, tiny = key(OLD), key(SMALL), key(TINY)
    new = deepseek(**with_fallback(NEW), generation=2)

    service.until(new, "Analyzing")
    candidate = service.stored["rollout"]["candidate"]
    assert chains(service) == {candidate: [old, small, tiny], old: [small, tiny]}
    service.until(new, "Watching")

    assert chains(service) == {candidate: [small, tiny]}
    assert service.replicas == {old: 8, candidate: 2, small: 1, tiny: 1}
    service.until(new, "Succeeded")
    for _ in range(3):
        service.one_pass(new)
    assert service.replicas == {candidate: 2, small: 1, tiny: 1}
    assert conditions(service.stored)["FallbackReady"]["status"] == "True"


def test_no_fallback_is_scaled_away_in_any_phase_of_a_run(service: Service) -> None:
    new = deepseek(**with_fallback(NEW), generation=2)
    service.until(new, "Analyzing")
    run = service.stored["rollout"]
    service.bad[run["candidate"]] = 0.9

    phase = "Analyzing"
    for _ in range(200):
        phase = service.one_pass(new)["rollout"]["phase"]
        assert {key(SMALL), key(TINY)} <= service.replicas.keys()
        for stood_for, standing in chains(service).items():
            assert stood_for not in standing
            assert run["candidate"] not in standing
            assert standing[-2:] == [key(SMALL), key(TINY)]
        if phase == "RolledBack":
            break

    assert phase == "RolledBack"
    assert chains(service) == {key(OLD): [key(SMALL), key(TINY)]}


def test_a_candidate_that_is_a_fallback_is_asked_by_nobody_and_keeps_its_pods(
    service: Service,
) -> None:
    old, small, tiny = key(OLD), key(SMALL), key(TINY)
    spec = {**with_fallback(OLD), **{name: SMALL[name] for name in SMALL}, "replicas": 2}
    new = deepseek(**spec, generation=2)

    service.until(new, "Analyzing")
    assert service.stored["rollout"]["candidate"] == small
    assert chains(service) == {small: [old, tiny], old: [tiny]}
    assert service.replicas == {old: 8, small: 2, tiny: 1}
    commanded(new, f"abort:{service.stored['rollout']['at']}")
    service.until(new, "RolledBack")
    for _ in range(4):
        service.one_pass(new)

    # What was taken back stands in for nobody while the spec asks for it; its pods are those of the entry.
    assert chains(service) == {old: [tiny]}
    assert service.replicas == {old: 8, small: 1, tiny: 1}
    back = deepseek(**with_fallback(OLD), generation=3)
    service.one_pass(back)
    assert chains(service) == {old: [small, tiny]}


@pytest.mark.parametrize(
    ("when", "behind"),
    [
        pytest.param(None, [SMALL, TINY], id="whatever-the-reason"),
        # Gateways have one set of reasons, and a candidate needs all of them.
        pytest.param(["Unavailable"], [], id="for-some-reasons"),
    ],
)
def test_while_requests_are_split_every_reason_counts(
    when: list[str] | None, behind: list[Manifest]
) -> None:
    reasons: dict[str, Any] = {"when": when} if when else {}
    entries = [{**one, **reasons} for one in THEN]
    service = Service()
    for _ in range(6):
        service.one_pass(deepseek(**with_fallback(OLD, *entries)))
    assert service.document().get("fallbackOn") == when
    new = deepseek(**with_fallback(NEW, *entries), generation=2)

    service.until(new, "Analyzing")

    candidate = service.stored["rollout"]["candidate"]
    assert "fallbackOn" not in service.document()
    assert chains(service)[candidate] == [key(OLD), *map(key, behind)]
    assert chains(service)[key(OLD)] == [key(SMALL), key(TINY)]
    service.until(new, "Watching")
    assert service.document().get("fallbackOn") == when
