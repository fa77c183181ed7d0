"""Which way a rollout goes whose strategy is Auto, through whole passes."""

import pytest

from tests.unit.capacity import machines
from tests.unit.samples import CPU_SPEC, conditions
from tests.unit.service_on_nodes import AUTO, NEW, OLD, REPLACE, Machines, on, wanting
from tests.unit.test_fallbacks import key


def test_auto_is_a_canary_where_both_fit() -> None:
    service = on(8, 8)

    status = service.until(wanting(AUTO), "Starting")

    assert service.replicas == {key(OLD): 2, key(NEW): 1}
    assert (status["rollout"]["strategy"], status["rollout"]["chosen"]) == (
        "Canary", "there is room for both revisions",
    )  # fmt: skip
    service.until(wanting(AUTO), "Watching")


def test_auto_is_a_replace_where_they_do_not() -> None:
    service = on(8)

    status = service.until(wanting(AUTO), "Closing")

    assert status["rollout"]["strategy"] == "Replace"
    assert status["rollout"]["chosen"] == (
        "there is no room for both revisions: needs 8 x H200 in nodes of 8; 0 free"
    )
    service.until(wanting(AUTO), "Watching")
    assert service.replicas == {key(OLD): 0, key(NEW): 1}


def test_auto_begins_nothing_where_neither_fits() -> None:
    service = on(4, 4)

    status = service.pass_over(wanting(AUTO))

    assert service.replicas == {key(OLD): 2}
    assert conditions(status)["RolledOut"]["reason"] == "InsufficientAccelerators"


def test_auto_keeps_its_choice_for_the_run() -> None:
    service = on(8, 8)
    service.until(wanting(AUTO), "Shifting")
    service.others.append(machines.pod("greedy", on="n1"))

    status = service.until(wanting(AUTO), "Analyzing")

    assert status["rollout"]["strategy"] == "Canary"


def test_a_person_overrules_auto() -> None:
    service = on(8, 8)

    status = service.until(wanting(REPLACE), "Closing")

    assert "strategy" not in status["rollout"]


@pytest.mark.parametrize(
    ("fields", "chosen"),
    [
        pytest.param(
            {"unread": "nodes may not be listed"},
            "what is free is not known: nodes may not be listed",
            id="unread",
        ),
        pytest.param(
            {"grows": "Karpenter"},
            "Karpenter adds nodes for pods that wait: needs 8 x H200 in nodes of 8; 0 free",
            id="grows",
        ),
    ],
)
def test_auto_stops_nobody_for_what_is_not_sure(fields: dict[str, str], chosen: str) -> None:
    service = on(8)
    for name, value in fields.items():
        setattr(service, name, value)

    status = service.until(wanting(AUTO), "Starting")

    assert (status["rollout"]["strategy"], status["rollout"]["chosen"]) == ("Canary", chosen)


def test_auto_without_accelerators_is_a_canary() -> None:
    plain = {**CPU_SPEC, "gateway": {}, "rollout": AUTO}
    service = Machines().served(plain)

    status = service.until(wanting(AUTO, {**plain, "engine": {"args": ["--seed=1"]}}), "Starting")

    assert status["rollout"]["strategy"] == "Canary"
    assert (
        status["rollout"]["chosen"] == "accelerator.kind is CPU, and only accelerators are counted"
    )


def test_what_only_a_canary_compares_is_left_out_of_a_replace() -> None:
    quality = {"prompts": {"name": "p"}, "maxDropPercent": 5, "everyStep": True}
    service = on(8)

    status = service.until(wanting({**AUTO, "analysis": {"quality": quality}}), "Closing")

    assert '"max_drop":null' in status["rollout"]["record"]
    assert '"every_step":false' in status["rollout"]["record"]
