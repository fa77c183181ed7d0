"""From what gateways counted to what a revision did."""

from datetime import UTC, datetime
from typing import Any

import pytest

from deepseek_operator.observed import Gateway
from deepseek_operator.rollout import counting
from deepseek_operator.rollout.evidence import Outcomes
from deepseek_operator.rollout.stretches import Counter, Reading
from deepseek_serving.gateway import counts as gateway_counts

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def request(**changes: Any) -> dict[str, Any]:
    return {
        "chosen": "new",
        "served": "new",
        "code": 200,
        "flags": "",
        "attempts": 1,
        "count": 7,
        "pinned": False,
        **changes,
    }


def gateway(*requests: dict[str, Any], pod: str = "a", envoy: str = "1", **more: Any) -> Gateway:
    counted = {"requests": list(requests), "active": more.pop("active", {})}
    return Gateway(pod, is_ready=True, report={"envoy": envoy, "counted": counted, **more})


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        pytest.param({}, Outcomes(7, 0), id="answered"),
        pytest.param({"code": 500}, Outcomes(7, 7), id="failed"),
        pytest.param({"code": 503, "flags": "UH"}, Outcomes(7, 7), id="nobody-there"),
        pytest.param({"code": 429, "flags": "UO"}, Outcomes(7, 7), id="queue-full"),
        pytest.param({"code": 0, "flags": "UC"}, Outcomes(7, 7), id="cut-before-an-answer"),
        pytest.param({"code": 200, "flags": "UC"}, Outcomes(7, 7), id="cut-in-an-answer"),
        pytest.param({"attempts": 2}, Outcomes(7, 7), id="another-pod-stood-in"),
        pytest.param({"attempts": 3, "served": "old"}, Outcomes(7, 7), id="another-revision"),
        pytest.param({"served": "old"}, Outcomes(7, 7), id="another-revision-at-once"),
        pytest.param({"code": 0, "flags": "DC"}, None, id="the-client-went-away"),
        pytest.param({"code": 200, "flags": "DC"}, None, id="the-client-went-away-later"),
        pytest.param({"code": 0, "flags": "DR"}, None, id="the-client-cancelled-its-stream"),
        pytest.param({"code": 200, "flags": "DR"}, None, id="the-client-cancelled-it-later"),
        pytest.param({"code": 400, "flags": "DPE"}, None, id="no-http"),
        pytest.param({"code": 408, "flags": "DT"}, None, id="the-client-was-too-slow"),
    ],
)
def test_each_kind_of_request_is_judged(changes: Any, errors: Outcomes | None) -> None:
    found = counting.reading([gateway(request(**changes))], at=AT)

    [counts] = found.sources.values()
    judged = {Counter("new", "errors"): errors, Counter("new", "rejections"): Outcomes(7, 0)}
    assert counts == {
        Counter("new", "users"): Outcomes(7, 0),
        **({} if errors is None else judged),
    }


@pytest.mark.parametrize(
    "changes",
    [pytest.param({"pinned": True}, id="a-test"), pytest.param({"chosen": ""}, id="nobodys-turn")],
)
def test_what_says_nothing_of_a_revision_is_not_counted(changes: Any) -> None:
    found = counting.reading([gateway(request(**changes))], at=AT)

    assert [*found.sources.values()] == [{}]


def test_gateways_and_the_operator_know_the_same_clients_that_went_away() -> None:
    assert counting.GONE == gateway_counts.GONE


@pytest.mark.parametrize(
    ("metrics", "counter"),
    [
        pytest.param([], "users", id="nothing-counted-yet"),
        pytest.param(["users", "errors", "rejections"], "users", id="gateways"),
        pytest.param(["errors", "rejections"], "rejections", id="engines-or-an-older-operator"),
    ],
)
def test_users_are_counted_by_what_there_is(metrics: list[str], counter: str) -> None:
    known = {Counter("old", metric): Outcomes(5, 0) for metric in metrics}

    assert counting.users(Reading(AT, {"a": known})) == counter
    assert counting.users(None) == "users"


@pytest.mark.parametrize("code", [400, 401, 404, 413, 422])
def test_what_is_called_the_clients_fault_is_no_error_but_is_counted(code: int) -> None:
    """Both revisions have the same clients: one that rejects more is worse."""
    found = counting.reading([gateway(request(code=code))], at=AT)

    [counts] = found.sources.values()
    assert counts == {
        Counter("new", "users"): Outcomes(7, 0),
        Counter("new", "rejections"): Outcomes(7, 7),
    }


def test_kinds_add_up_and_gateways_stay_apart() -> None:
    found = counting.reading(
        [
            gateway(
                request(), request(code=500, count=2), request(chosen="old", served="old", count=90)
            ),
            gateway(request(count=1), pod="b"),
            Gateway("c", is_ready=True, report=None),
            Gateway("d", is_ready=True, report={"envoy": "1", "counted": {"error": "silent"}}),
        ],
        at=AT,
    )

    assert found.sources == {
        "a/1": {
            Counter("new", "users"): Outcomes(9, 0),
            Counter("old", "users"): Outcomes(90, 0),
            Counter("new", "errors"): Outcomes(9, 2),
            Counter("new", "rejections"): Outcomes(9, 0),
            Counter("old", "errors"): Outcomes(90, 0),
            Counter("old", "rejections"): Outcomes(90, 0),
        },
        "b/1": {
            Counter("new", "users"): Outcomes(1, 0),
            Counter("new", "errors"): Outcomes(1, 0),
            Counter("new", "rejections"): Outcomes(1, 0),
        },
    }


def test_what_runs_is_its_users_request_already() -> None:
    """Also of a revision that has ended none yet: where answers take minutes nobody waits for them to see a share."""
    found = counting.reading([gateway(request(), active={"new": 3, "old": 2})], at=AT)

    [counts] = found.sources.values()
    assert counts == {
        Counter("new", "users"): Outcomes(10, 0),
        Counter("new", "errors"): Outcomes(7, 0),
        Counter("new", "rejections"): Outcomes(7, 0),
        Counter("old", "users"): Outcomes(2, 0),
    }


def test_a_new_process_is_another_source() -> None:
    first = counting.reading([gateway(request())], at=AT)
    second = counting.reading([gateway(request(), envoy="2")], at=AT)

    assert not first.sources.keys() & second.sources.keys()


def test_a_gateway_that_is_silent_makes_the_figures_incomplete() -> None:
    silent = Gateway("b", is_ready=True, report=None)
    leaving = Gateway("b", is_ready=False, report=None)

    assert counting.all_answered([gateway()])
    assert counting.all_answered([gateway(), leaving])
    assert not counting.all_answered([gateway(), silent])
    assert not counting.all_answered([])


def test_a_weight_is_set_when_all_who_get_requests_say_so() -> None:
    taken = gateway(taken="7")

    assert counting.acknowledged([taken], "7")
    assert not counting.acknowledged([taken, gateway(pod="b", taken="6")], "7")
    assert not counting.acknowledged([taken, Gateway("b", is_ready=True, report=None)], "7")
    assert counting.acknowledged([taken, Gateway("b", is_ready=False, report=None)], "7")


def test_what_runs_is_known_only_if_all_say_so() -> None:
    one, other = gateway(active={"new": 3}), gateway(pod="b", active={"new": 2, "old": 9})

    assert counting.in_flight([one, other], "new") == 5
    assert counting.in_flight([one, other], "gone") == 0
    assert counting.in_flight([one, Gateway("c", is_ready=False, report=None)], "new") is None
