"""A fallback beside a Replace: it answers while nothing else does, and keeps its pods, whosever they are (I20)."""

import pytest

from tests.unit.samples import Manifest, conditions, deepseek
from tests.unit.test_canary import commanded
from tests.unit.test_fallbacks import key
from tests.unit.test_fallbacks_in_rollouts import SMALL, TINY, chains, with_fallback
from tests.unit.test_replace import FORWARD, NEW, OLD, Replacing, wanting

OUTAGE = ("Closing", "Stopping", "Starting")


@pytest.fixture
def service() -> Replacing:
    """The old revision serves, with two others behind it."""
    return Replacing().served(with_fallback(OLD))


def test_others_answer_while_one_revision_replaces_another(service: Replacing) -> None:
    small, tiny = key(SMALL), key(TINY)
    wanted = wanting(with_fallback(NEW))

    for _ in range(12):
        status = service.one_pass(wanted)
        phase, ready = status["rollout"]["phase"], conditions(status)["Ready"]
        assert ready["status"] == "True"
        assert (service.replicas[small], service.replicas[tiny]) == (1, 1)
        if phase in OUTAGE:
            assert chains(service) == {small: [tiny]}
            assert service.document()["shut"]["revision"] == key(OLD)
            assert ready["reason"] == "FallbackServing"
            assert ready["message"].startswith("small answers in place of tiny; ")
        if phase == "Watching":
            break

    assert service.phases == FORWARD
    assert chains(service) == {key(NEW): [small, tiny]}


def test_who_may_not_answer_for_an_absent_one_does_not(service: Replacing) -> None:
    entries = [{**one, "when": ["Overloaded"]} for one in (SMALL, TINY)]

    service.until(wanting(with_fallback(NEW, *entries)), "Starting")

    assert service.document()["routes"] == []
    assert conditions(service.stored)["Ready"]["reason"] == "Replacing"


def test_an_old_revision_that_becomes_a_fallback_goes_on_answering(service: Replacing) -> None:
    """With the pods of its entry: these are not what the new one waits for."""
    old: Manifest = {**{name: OLD[name] for name in SMALL}, "replicas": 1}
    wanted = wanting(with_fallback(NEW, old))
    service.running[key(OLD)] = 5

    for _ in range(15):
        status = service.one_pass(wanted)
        assert service.replicas[key(OLD)] >= 1
        assert set(chains(service)) <= {key(OLD), key(NEW)}
        assert conditions(status)["Ready"]["status"] == "True"
        if status["rollout"]["phase"] == "Watching":
            break

    assert service.phases == FORWARD
    assert chains(service) == {key(NEW): [key(OLD)]}
    assert service.replicas == {key(OLD): 1, key(NEW): 2}


def test_a_new_revision_that_is_a_fallback_keeps_its_pods_and_answers_nobody(
    service: Replacing,
) -> None:
    spec = {**with_fallback(OLD), **{name: SMALL[name] for name in SMALL}, "replicas": 3}
    wanted = wanting(spec)

    for _ in range(12):
        status = service.one_pass(wanted)
        assert service.replicas[key(SMALL)] >= 1
        if status["rollout"]["phase"] in OUTAGE:
            assert key(SMALL) not in chains(service)
        if status["rollout"]["phase"] == "Watching":
            break

    assert service.replicas == {key(OLD): 0, key(SMALL): 3, key(TINY): 1}
    commanded(wanted, f"rollback:{service.stored['rollout']['at']}")
    service.until(wanted, "RolledBack")
    for _ in range(3):
        service.one_pass(wanted)
    assert service.replicas == {key(OLD): 8, key(SMALL): 1, key(TINY): 1}
    back = deepseek(**with_fallback(OLD), generation=3)
    service.one_pass(back)
    assert chains(service) == {key(OLD): [key(SMALL), key(TINY)]}
