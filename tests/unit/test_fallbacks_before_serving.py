"""Who stands in for a first revision that has not served yet, when the spec is changed to one that cannot be served."""

from typing import Any

import pytest

from deepseek_operator.observed import Gateway, revision_of
from deepseek_operator.rollout.revisions import target_key
from tests.unit.samples import conditions
from tests.unit.test_fallbacks import R1, SMALL, Service, key, served_with
from tests.unit.test_fallbacks import V3 as FIRST

TYPOS = [
    pytest.param({"model": "DeepSeek-V4", "source": None}, id="a-model-that-nobody-knows"),
    pytest.param({"engine": {"args": ["--enable-reasonning"]}}, id="an-option-that-is-none"),
]


@pytest.mark.parametrize("typo", TYPOS)
def test_a_typo_cuts_nobody_off_from_who_stands_in(typo: dict[str, Any]) -> None:
    service = Service()
    service.passes(served_with(R1, SMALL), stuck=(key(FIRST),))
    assert conditions(service.stored)["Ready"]["reason"] == "FallbackServing"
    wrong = served_with(R1, SMALL, **typo)

    for _ in range(3):
        plan = service.one_pass(wrong, stuck=(key(FIRST),))

        assert [item["kind"] for item in plan.delete if revision_of(item) is None] == []
        found = conditions(plan.status)
        assert (found["Ready"]["status"], found["Stalled"]["status"]) == ("True", "True")
        [route] = service.document["routes"]
        assert route["then"] == [key(R1), key(SMALL)]
        assert route["revision"] == target_key(wrong.spec)

    assert service.replicas == {key(R1): 1, key(SMALL): 1}
    assert service.writes(service.plan(wrong)) == []


def test_who_stands_in_serves_though_the_spec_never_could_be_served() -> None:
    service = Service()

    status = service.passes(served_with(R1, model="DeepSeek-V4", source=None))

    assert conditions(status)["Ready"]["reason"] == "FallbackServing"
    assert service.find("Service")["spec"]["selector"]


def test_without_anybody_who_stands_in_there_is_nothing_to_lead_to() -> None:
    service = Service()
    service.passes(served_with(), stuck=(key(FIRST),))

    service.passes(served_with(model="DeepSeek-V4", source=None), stuck=(key(FIRST),))

    assert {kind for kind, _ in service.children} == {"ControllerRevision"}


def test_once_the_spec_can_be_served_it_is() -> None:
    service = Service()
    service.passes(served_with(R1, model="DeepSeek-V4", source=None))

    status = service.passes(served_with(R1))

    assert (status["serving"]["model"], service.chain(key(FIRST))) == ("v3", [key(R1)])


def test_what_never_served_waits_for_no_gateway_though_another_does() -> None:
    """An entry that was removed has answered, and gateways may ask it still: nobody ever asked the first revision."""
    service = Service()
    service.passes(served_with(R1), stuck=(key(FIRST),))
    service.find("Deployment", key(R1))["status"] |= {
        "readyReplicas": 0,
        "conditions": [{"type": "Progressing", "reason": "NewReplicaSetAvailable"}],
    }
    service.gateways = (Gateway("gateway-1", is_ready=True, report=None),)
    other = served_with(**SMALL)

    for _ in range(3):
        service.carry_out(service.plan(other))

    assert service.replicas == {key(R1): 1, target_key(other.spec): 1}
    service.follow()
    service.carry_out(service.plan(other))
    assert service.replicas == {target_key(other.spec): 1}
