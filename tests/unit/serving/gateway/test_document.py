"""What the operator tells a gateway: read as it is meant, or refused with the field's name."""

import json
from typing import Any

import pytest

from deepseek_serving.gateway import document
from deepseek_serving.gateway.document import (
    Document,
    DocumentError,
    Hold,
    Limits,
    LongRequests,
    Route,
    When,
)

GOOD: dict[str, Any] = {
    "format": 1,
    "version": "7",
    "servedName": "chat",
    "routes": [{"revision": "b", "weight": 5, "then": ["a"]}, {"revision": "a", "weight": 95}],
    "replicas": {"a": 8, "b": 2},
}


def test_what_is_left_out_has_a_default() -> None:
    read = document.parse(json.dumps(GOOD))

    assert read == Document(
        version="7",
        served_name="chat",
        routes=(Route("b", 5, ("a",)), Route("a", 95)),
        replicas={"a": 8, "b": 2},
        fallback_on=frozenset(When),
        limits=Limits(),
    )


def test_limits_are_read() -> None:
    limits = {
        "bodyBytes": 1,
        "requestsPerPod": 2,
        "firstTokenSeconds": 3.5,
        "responseSeconds": 4,
        "betweenTokensSeconds": 5,
    }

    read = document.parse(json.dumps({**GOOD, "limits": limits, "fallbackOn": ["Timeout"]}))

    assert read.limits == Limits(1, 2, 3.5, 4, 5)
    assert read.fallback_on == {When.TIMEOUT}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ({"fromBytes": 16384}, LongRequests(16384)),
        ({"fromBytes": 16384, "most": 8, "colour": "red"}, LongRequests(16384, 8)),
    ],
)
def test_from_which_size_on_a_request_is_long_is_read(
    given: Any, expected: LongRequests | None
) -> None:
    assert document.parse(json.dumps({**GOOD, "longRequests": given})).long == expected


def test_how_requests_are_held_is_read() -> None:
    told = {**GOOD, "hold": {"requests": 64, "seconds": 600, "colour": "red"}}

    assert document.parse(json.dumps(told)).hold == Hold(64, 600.0)
    assert document.parse(json.dumps(GOOD)).hold is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "format: 2, and this agent reads 1"),
        ({"version": None}, "version"),
        ({"routes": [{"revision": "a", "weight": 99}]}, "sum to 100, not [99]"),
        (
            {"routes": [{"revision": "a", "weight": 0}, {"revision": "b", "weight": 100}]},
            "[0, 100]",
        ),
        ({"routes": [{"revision": "a", "weight": 50}] * 2}, "stands there twice: a, a"),
        ({"routes": [{"revision": "a", "weight": 100, "then": ["a"]}]}, "a would be tried twice"),
        (
            {"routes": [{"revision": "a", "weight": 100, "then": ["b", "b"]}]},
            "would be tried twice",
        ),
        ({"routes": [{"weight": 100}]}, "revision: missing"),
        ({"routes": 7}, "not a gateway document"),
        ({"format": 2}, "its pod needs the image of the operator that writes it"),
        ({"format": "1"}, "format: 1, and this agent reads 1"),
        ({"version": 7}, "version: 7 is no text"),
        ({"version": ""}, "version:  is no text"),
        ({"routes": [{"revision": "a", "weight": 100.0}]}, "weight: 100.0 is not a whole number"),
        ({"routes": [{"revision": "a", "weight": "100"}]}, "weight: 100 is not a number"),
        ({"routes": [{"revision": "a", "weight": True}]}, "weight: True is not a number"),
        ({"routes": [{"revision": "a", "weight": 10**400}]}, "weight: 1000000000"),
        (
            {"routes": [{"revision": "a/pinned", "weight": 100}]},
            "a/pinned is no name of a revision",
        ),
        ({"routes": [{"revision": "", "weight": 100}]}, "revision:  is no name"),
        ({"routes": [{"revision": "a", "weight": 100, "then": "b"}]}, "then is b"),
        ({"routes": [{"revision": "a", "weight": 100, "then": [7]}]}, "then: 7 is no name"),
        (
            {"routes": [{"revision": f"r{n}", "weight": 1} for n in range(100)]},
            "routes: 100 revisions",
        ),
        ({"routes": ["a"]}, "not a gateway document"),
        ({"replicas": {f"r{n}": 1 for n in range(65)}}, "replicas: 65 revisions, and at most 64"),
        ({"replicas": {"a": -1}}, "replicas: a: -1 is not a number from 0 to 100000"),
        ({"replicas": {"a": 10**9}}, "replicas: a: 1000000000 is not a number"),
        ({"replicas": ["a"]}, "not a gateway document: replicas is"),
        ({"pins": "yes"}, "pins: yes is neither true nor false"),
        ({"stickyHeader": "x user"}, "stickyHeader: x user is no name of a header"),
        ({"stickyHeader": "a" * 1000}, "is no name of a header"),
        ({"limits": {"bodyBytes": 0}}, "bodyBytes: 0 is not a number from 1"),
        ({"limits": {"bodyBytes": 2**40}}, "bodyBytes: 1099511627776 is not"),
        ({"limits": {"requestsPerPod": 1.5}}, "requestsPerPod: 1.5 is not a whole number"),
        ({"limits": {"responseSeconds": 0}}, "responseSeconds: 0 is not a number from 0.001"),
        ({"limits": {"responseSeconds": 1e300}}, "responseSeconds: 1e+300 is not"),
        ({"limits": {"responseSeconds": float("nan")}}, "NaN is no number"),
        ({"limits": {"responseSeconds": float("inf")}}, "Infinity is no number"),
        ({"limits": [1]}, "not a gateway document"),
        ({"hold": 7}, "hold: 7 is no rule"),
        ({"hold": {"seconds": 7}}, "requests: missing"),
        ({"hold": {"requests": 0, "seconds": 7}}, "hold: requests: 0 is not a number from 1"),
        ({"hold": {"requests": 1, "seconds": 0}}, "hold: seconds: 0 is not a number from 0.001"),
        ({"longRequests": 7}, "longRequests: 7 is no limit"),
        ({"longRequests": {"most": 7}}, "fromBytes: missing"),
        ({"longRequests": {"fromBytes": 0}}, "longRequests: fromBytes: 0 is not a number from 1"),
        ({"longRequests": {"fromBytes": 9, "most": 0}}, "longRequests: most: 0 is not a number"),
        ({"fallbackOn": [["Timeout"]]}, "is not one of Unavailable"),
        ({"shut": "yes"}, "shut: yes is no reason"),
        ({"shut": {"revision": "a"}}, "shut: reason: None is no text"),
        ({"shut": {"reason": "x" * 300}}, "is no text of 1 to 256 signs"),
        ({"fallbackOn": ["Always"]}, "fallbackOn: Always is not one of Unavailable, Overloaded"),
    ],
)
def test_what_cannot_be_followed_is_named(changes: dict[str, Any], said: str) -> None:
    given = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}

    with pytest.raises(DocumentError) as refused:
        document.parse(json.dumps(given))

    assert said in str(refused.value)


def test_fields_of_a_newer_operator_are_passed_over() -> None:
    newer = {**GOOD, "colour": "red", "limits": {"tokens": 7}, "filler": "x" * 2**20}
    newer["routes"] = [{**route, "because": []} for route in GOOD["routes"]]

    assert document.parse(json.dumps(newer)) == document.parse(json.dumps(GOOD))


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", '"x"', "\0", "{}", '{"format": 1'),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('{"format": ' + "9" * 5000 + "}", id="digits"),
        pytest.param("x" * 2**20, id="long"),
    ],
)
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(DocumentError):
        document.parse(text)
