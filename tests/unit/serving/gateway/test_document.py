"""What the operator tells a gateway: read as it is meant, or refused with the field's name."""

import json
from typing import Any

import pytest

from deepseek_serving.gateway import document
from deepseek_serving.gateway.document import Document, DocumentError, Limits, Route, When

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
        ({"fallbackOn": ["Always"]}, "fallbackOn: Always is not one of Unavailable, Overloaded"),
    ],
)
def test_what_cannot_be_followed_is_named(changes: dict[str, Any], said: str) -> None:
    given = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}

    with pytest.raises(DocumentError) as refused:
        document.parse(json.dumps(given))

    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"'])
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(DocumentError):
        document.parse(text)
