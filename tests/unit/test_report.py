"""Events for what changed."""

from typing import Any

import pytest

from deepseek_operator.api.types import ObjectMeta
from deepseek_operator.report import events_of_change
from tests.unit.samples import LATER, NOW, Manifest, check_against_kubernetes

META = ObjectMeta(name="chat", namespace="team", uid="u")


def status(**conditions: tuple[str, str]) -> Manifest:
    return {
        "conditions": [
            {"type": kind, "status": value, "reason": reason, "message": f"{reason} it is"}
            for kind, (value, reason) in conditions.items()
        ]
    }


def events(before: Manifest, after: Manifest, **given: Any) -> list[Manifest]:
    return events_of_change(META, before, after, **{"now": NOW, **given})


@pytest.mark.parametrize(
    ("kind", "value", "reason", "level"),
    [
        pytest.param("Ready", "True", "Serving", "Normal", id="served"),
        pytest.param("Ready", "False", "EngineFailed", "Warning", id="not-served"),
        pytest.param("Stalled", "True", "UnknownModel", "Warning", id="stalled"),
        pytest.param("RolledOut", "True", "RolledOut", "Normal", id="rolled-out"),
        pytest.param("RolledOut", "False", "CandidateStarting", "Normal", id="rolling-out"),
    ],
)
def test_a_change_is_told_with_its_weight(kind: str, value: str, reason: str, level: str) -> None:
    told = events({}, status(**{kind: (value, reason)}))

    assert [(level, reason, f"{kind}={value}: {reason} it is")] == [
        (event["type"], event["reason"], event["message"]) for event in told
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param(
            status(Ready=("True", "Serving")), status(Ready=("True", "Serving")), id="unchanged"
        ),
        pytest.param({}, status(Reconciling=("True", "RollingOut")), id="only-progress"),
        pytest.param(status(Ready=("True", "Serving")), {}, id="gone"),
    ],
)
def test_what_did_not_change_is_not_told(before: Manifest, after: Manifest) -> None:
    assert events(before, after) == []


def test_a_new_message_alone_is_not_told() -> None:
    after = status(Ready=("False", "EngineLoading"))
    after["conditions"][0]["message"] = "loading since noon"

    assert events(status(Ready=("False", "EngineLoading")), after) == []


def test_an_empty_message_is_not_told() -> None:
    after = status(Stalled=("False", "NotStalled"))
    after["conditions"][0]["message"] = ""

    assert events({}, after) == []


def test_a_new_reason_is_told() -> None:
    told = events(status(Ready=("False", "EngineLoading")), status(Ready=("False", "EngineFailed")))

    assert [event["reason"] for event in told] == ["EngineFailed"]


def test_the_same_event_written_twice_has_one_name_and_a_later_one_another() -> None:
    after = status(Ready=("True", "Serving"))

    first, again, later = events({}, after), events({}, after), events({}, after, now=LATER)

    assert first == again
    assert first[0]["metadata"]["name"] != later[0]["metadata"]["name"]


def test_an_event_is_one_that_kubernetes_knows() -> None:
    after = status(Ready=("False", "EngineFailed"))
    after["conditions"][0]["message"] = "x" * 5000

    told = events({}, after)[0]

    check_against_kubernetes(told)
    assert len(told["message"]) == 1024
    assert told["involvedObject"]["uid"] == "u"
