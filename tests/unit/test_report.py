"""Events for what changed."""

import itertools
from typing import Any

import pytest

from deepseek_operator.api.types import ObjectMeta
from deepseek_operator.report import (
    events_of_change,
    events_of_warmups,
    events_of_weights,
    once_more,
)
from tests.unit.samples import LATER, NOW, Manifest, check_against_kubernetes
from tests.unit.world import patch

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


def test_an_event_has_one_name_whenever_it_happens_and_another_one_another() -> None:
    after, other = status(Ready=("True", "Serving")), status(Ready=("False", "Starting"))

    [first], [later] = events({}, after), events({}, after, now=LATER)
    [another] = events({}, other)

    assert first["metadata"] == later["metadata"]
    assert first["metadata"]["name"] != another["metadata"]["name"]


def test_what_happens_again_is_counted_and_what_is_written_twice_is_not() -> None:
    after = status(Ready=("True", "Serving"))
    [first], [later] = events({}, after), events({}, after, now=LATER)
    present = {**first, "metadata": {**first["metadata"], "resourceVersion": "7"}, "count": 3}

    operations = once_more(present, later)

    assert once_more(present, first) is None
    assert operations is not None
    patch(present, operations)
    assert present["count"] == 4
    assert present["firstTimestamp"] == first["lastTimestamp"]
    assert present["lastTimestamp"] == later["lastTimestamp"] != first["lastTimestamp"]


def test_an_event_is_one_that_kubernetes_knows() -> None:
    after = status(Ready=("False", "EngineFailed"))
    after["conditions"][0]["message"] = "x" * 5000

    told = events({}, after)[0]

    check_against_kubernetes(told)
    assert len(told["message"]) == 1024
    assert told["involvedObject"]["uid"] == "u"


def weights(
    phase: str, done: int | None = None, total: int = 1000, *, claim: str = "c"
) -> Manifest:
    """One entry of the status; without bytes before they are known."""
    known = {} if done is None else {"bytesDone": done, "bytesTotal": total}
    return {"claim": claim, "source": f"hf://org/{claim}", "phase": phase, **known}


def told_of_weights(*history: Manifest) -> list[str]:
    """What is told while one status follows the other."""
    following = [{"weights": [entry]} for entry in history]
    return [
        event["message"]
        for before, after in itertools.pairwise([{}, *following])
        for event in events_of_weights(META, before, after, now=NOW)
    ]


def test_weights_are_told_at_their_start_at_each_tenth_and_at_their_end() -> None:
    entries = [weights("Fetching", done) for done in range(0, 1000, 7)]

    told = told_of_weights(
        weights("Sizing"), weights("Waiting"), *entries,
        weights("Verifying", 1000), weights("Ready", 1000),
    )  # fmt: skip

    assert told == [
        *(f"weights of hf://org/c: {10 * tenth} %" for tenth in range(11)),
        "weights of hf://org/c: all there and verified",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(weights("Fetching", 100), weights("Fetching", 199), id="same-tenth"),
        pytest.param(weights("Fetching", 500), weights("Fetching", 300), id="some-discarded"),
        pytest.param(weights("Fetching", 500), weights("Verifying", 500), id="verifying"),
        pytest.param(weights("Ready", 1000), weights("Ready", 1000), id="there"),
        pytest.param(weights("Waiting"), weights("Fetching"), id="size-unknown"),
        pytest.param(weights("Fetching", 500), weights("Waiting"), id="waiting-again"),
        pytest.param(weights("Fetching", 500), weights("Failed"), id="failed"),
    ],
)
def test_no_tenth_is_told_twice_and_nothing_that_is_not_known(
    before: Manifest, after: Manifest
) -> None:
    assert (events_of_weights(META, {"weights": [before]}, {"weights": [after]}, now=NOW)) == []


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        pytest.param(weights("Fetching", 0), "WeightsFetching", id="fetching"),
        pytest.param(weights("Verifying", 1000), "WeightsFetching", id="verifying"),
        pytest.param(weights("Ready", 1000), "WeightsComplete", id="ready"),
        pytest.param(weights("Ready"), "WeightsComplete", id="ready-of-unknown-size"),
    ],
)
def test_weights_on_their_way_are_no_warning(entry: Manifest, reason: str) -> None:
    [event] = events({}, {"weights": [entry]})

    assert (event["type"], event["reason"]) == ("Normal", reason)
    check_against_kubernetes(event)


def test_weights_of_two_claims_are_told_apart() -> None:
    before = {"weights": [weights("Ready", 1000, claim="a"), weights("Fetching", 90, claim="b")]}
    after = {"weights": [weights("Fetching", 100, claim="b"), weights("Ready", 1000, claim="a")]}

    told = events_of_weights(META, before, after, now=NOW)

    assert [event["message"] for event in told] == ["weights of hf://org/b: 10 %"]


def warmed(pod: str, *, revision: str = "k", **changes: Any) -> Manifest:
    """One entry of the status."""
    entry = {"revision": revision, "pod": pod, "at": "2026-03-01T12:00:00Z", "seconds": 13}
    return {**entry, "requests": 41, "figures": [], **changes}


def told_of_warmups(*history: list[Manifest]) -> list[str]:
    """What is told while one status follows the other."""
    following = [{"warmup": entries} for entries in history]
    return [
        event["message"]
        for before, after in itertools.pairwise([{}, *following])
        for event in events_of_warmups(META, before, after, now=NOW)
    ]


def test_each_pod_that_is_warmed_up_is_told_once() -> None:
    one, two = warmed("one"), warmed("two")

    assert told_of_warmups([one], [one], [two], [two], []) == [
        "pod one: warmed up in 13 s by 41 requests",
        "pod two: warmed up in 13 s by 41 requests",
    ]


def test_a_pod_that_is_warmed_up_again_is_told_again() -> None:
    first, again = warmed("one"), warmed("one", at="2026-03-01T12:05:00Z")

    assert len(told_of_warmups([first], [again], [again])) == 2


def test_an_event_of_a_warm_up_names_what_was_cold_the_longest() -> None:
    figures = [
        {"name": "1 token", "coldFirstToken": 80, "warmFirstToken": 20},
        {"name": "4096 tokens", "coldFirstToken": 9001, "warmFirstToken": 310},
        {"name": "64 at once", "coldFirstToken": 700, "warmFirstToken": 690},
    ]

    [said] = told_of_warmups([warmed("one", figures=figures)])

    assert said == (
        "pod one: warmed up in 13 s by 41 requests; coldest was 4096 tokens: first token after "
        "9001 ms, then 310 ms"
    )


def test_an_event_of_a_pod_that_serves_though_its_warm_up_failed_says_why() -> None:
    [said] = told_of_warmups([warmed("one", failure="TimedOut: 600 s")])

    assert said.endswith("by 41 requests; TimedOut: 600 s")


def test_a_warm_up_is_an_event_that_kubernetes_knows_and_no_warning() -> None:
    [event] = events({}, {"warmup": [warmed("one", failure="x" * 1024)]})

    assert (event["type"], event["reason"]) == ("Normal", "WarmedUp")
    check_against_kubernetes(event)


@pytest.mark.parametrize(
    ("phase", "reason", "level"),
    [
        pytest.param("Promoting", "Accepted", "Normal", id="promoted"),
        pytest.param("Promoting", "NotAcknowledged", "Warning", id="a-gateway-does-not-follow"),
        pytest.param("Shifting", "StepPassed", "Normal", id="a-step"),
        pytest.param("Shifting", "ComparedAgain", "Warning", id="doubted"),
        pytest.param("Held", "Paused", "Warning", id="held"),
    ],
)
def test_a_run_that_somebody_should_look_at_is_a_warning(
    phase: str, reason: str, level: str
) -> None:
    run = {"run": "1-new", "phase": phase, "reason": reason, "message": "why"}
    [event] = events({}, {"rollout": {**run, "step": 1, "steps": 2, "weight": 50}})

    assert event["type"] == level


def scaled(*numbers: tuple[str, int]) -> Manifest:
    """A status with numbers by revision."""
    return {
        "autoscaling": [
            {"revision": key, "replicas": count, "reason": "Use", "message": "85% is in use"}
            for key, count in numbers
        ]
    }


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        pytest.param(
            scaled(), scaled(("a", 2)), ["revision a: begins with 2: 85% is in use"], id="first"
        ),
        pytest.param(
            scaled(("a", 2)),
            scaled(("a", 3)),
            ["revision a: 2 replicas become 3: 85% is in use"],
            id="more",
        ),
        pytest.param(scaled(("a", 3)), scaled(("a", 3)), [], id="the-same"),
        pytest.param(scaled(("a", 3), ("b", 1)), scaled(("b", 1)), [], id="one-that-is-gone"),
    ],
)
def test_a_number_that_was_decided_anew_is_told(
    before: Manifest, after: Manifest, said: list[str]
) -> None:
    found = events(before, after)

    assert [event["message"] for event in found] == said
    assert {event["reason"] for event in found} <= {"ScaledUse"}
    assert {event["type"] for event in found} <= {"Normal"}
