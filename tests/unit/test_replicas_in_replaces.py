"""A Replace of revisions whose number of pods follows from a load: neither is left with none for that."""

from deepseek_operator.rollout.revisions import target_key
from tests.unit.samples import Manifest, conditions, deepseek
from tests.unit.test_fallbacks_in_rollouts import chains
from tests.unit.test_replace import NEW, OLD, REPLACE, SMALL, Replacing, wanting
from tests.unit.test_replicas import LLAMA, load

EMBEDDED: Manifest = {"gateway": {}, "rollout": REPLACE}
TOO_MUCH = 1_000_000
"""Requests a second that no object has replicas for."""


def by_load(spec: Manifest, rate: float) -> Manifest:
    """The same revision, with a load in the place of its number."""
    kept = {name: value for name, value in spec.items() if name != "replicas"}
    return {**kept, "workload": {"requestsPerSecond": rate}}


def test_a_revision_that_is_not_sized_comes_back_with_the_pods_that_it_had() -> None:
    service = Replacing().served(OLD)
    old = target_key(deepseek(**OLD).spec)
    service.until(wanting(), "Watching")
    assert service.replicas[old] == 0
    back = wanting(by_load(OLD, 5), generation=3)

    service.until(back, "RolledBack", "Succeeded")
    service.one_pass(back)

    assert service.replicas == {old: 8}
    assert service.weights == {old: 100}
    found = conditions(service.stored)
    assert found["Ready"]["status"] == "True"
    assert "was made before replicas were sized" in found["Stalled"]["message"]


def test_nothing_stops_for_a_revision_whose_number_is_not_known() -> None:
    before = {**LLAMA, **EMBEDDED, "replicas": 2, "engine": {"args": ["--max-model-len=4096"]}}
    service = Replacing().served(before)
    old = target_key(deepseek(**before).spec)
    service.until(wanting({**load(60), **EMBEDDED}, autoPromote=False), "AwaitingApproval")

    edited = wanting({**load(TOO_MUCH), **EMBEDDED}, generation=3)
    for _ in range(5):
        service.one_pass(edited)

    run = service.stored["rollout"]
    assert (run["phase"], run["reason"]) == ("Held", "SpecNotServable")
    assert service.replicas[old] == 2
    assert service.weights == {old: 100}
    service.until(wanting({**load(60), **EMBEDDED}, generation=4), "Watching")
    assert service.replicas[target_key(deepseek(**load(60)).spec)] == 6


def test_others_stand_in_while_the_number_is_not_known() -> None:
    """Only a user who asks for no pods wants nobody served."""
    with_fallback: Manifest = {**OLD, "fallback": [SMALL]}
    service = Replacing().served(with_fallback)
    small = target_key(deepseek(**SMALL).spec)
    service.until(wanting({**NEW, "fallback": [SMALL]}), "Watching")

    back = wanting({**by_load(OLD, 5), "fallback": [SMALL]}, generation=3)
    service.until(back, "Returning")

    assert service.replicas[small] == 1
    assert chains(service) == {target_key(deepseek(**OLD).spec): [small]}
