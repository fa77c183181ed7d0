"""Whether an answer is as expected, property by property."""

import signal
from typing import Any

import pytest

from deepseek_serving.quality.grading import Answer, failing
from deepseek_serving.quality.prompts import Expected

ANSWER = Answer("Paris is the capital.\n", tokens=5, finish_reason="stop")


@pytest.mark.parametrize(
    ("expected", "text", "missing"),
    [
        pytest.param({"contains": ["Paris", "capital"]}, None, None, id="contains"),
        pytest.param({"contains": ["Paris", "London"]}, None, "contains", id="not-all-of-it"),
        pytest.param({"contains": ["paris"]}, None, "contains", id="case-matters"),
        pytest.param({"doesNotContain": ["London"]}, None, None, id="spares"),
        pytest.param({"doesNotContain": ["London", "Paris"]}, None, "doesNotContain", id="says"),
        pytest.param({"equals": "Paris is the capital."}, None, None, id="equals-but-for-space"),
        pytest.param({"equals": "Paris"}, None, "equals", id="equals-no-part"),
        pytest.param({"matches": ["(?i)paris", "^P"]}, None, None, id="matches"),
        pytest.param({"matches": ["^is"]}, None, "matches", id="does-not-match"),
        pytest.param({"validJson": True}, '\n{"a": 1}', None, id="json"),
        pytest.param({"validJson": True}, "[" * 100_000, "validJson", id="deep"),
        pytest.param({"validJson": True}, None, "validJson", id="no-json"),
        pytest.param({"minCharacters": 22, "maxCharacters": 22}, None, None, id="length"),
        pytest.param({"minCharacters": 23}, None, "minCharacters", id="short"),
        pytest.param({"maxCharacters": 21}, None, "maxCharacters", id="long"),
        pytest.param({"maxCharacters": 0, "minTokens": 0}, None, "maxCharacters", id="none"),
        pytest.param({"minTokens": 5, "maxTokens": 5}, None, None, id="tokens"),
        pytest.param({"minTokens": 6}, None, "minTokens", id="few-tokens"),
        pytest.param({"maxTokens": 4}, None, "maxTokens", id="many-tokens"),
        pytest.param({"finishReason": "stop"}, None, None, id="ends-by-itself"),
        pytest.param({"finishReason": "length"}, None, "finishReason", id="ends-otherwise"),
        pytest.param({"contains": ["x"], "equals": "y"}, None, "equals", id="the-first-of-two"),
    ],
)
def test_what_is_expected_is_there_or_named(
    expected: dict[str, Any], text: str | None, missing: str | None
) -> None:
    answer = ANSWER if text is None else Answer(text, tokens=5, finish_reason="stop")

    assert failing(answer, Expected.model_validate(expected)) == missing


def test_an_expression_without_end_is_no_match_and_ends() -> None:
    """It would take longer than the universe has; the time-out of the test is the assertion."""
    expected = Expected.model_validate({"matches": ["^(a+)+$"]})
    before = signal.getsignal(signal.SIGALRM)

    found = failing(Answer("a" * 64 + "b", tokens=1, finish_reason="stop"), expected, seconds=0.01)

    assert found == "matches"
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0 or before is not signal.SIG_DFL
