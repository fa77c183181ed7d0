"""Reading answers: whole, in parts, and such as no engine should give."""

import math
from typing import Any

import pytest

from deepseek_serving.warmup.answers import Answer, EventDecoder, parse, refused
from deepseek_serving.warmup.failures import Failure, Reason
from deepseek_serving.warmup.requests import Check

MODEL = {"model": "chat"}


def read(*documents: Any) -> Answer:
    answer = Answer()
    for document in documents:
        answer.add(document)
    return answer


@pytest.mark.parametrize(
    ("document", "text"),
    [
        pytest.param({"choices": [{"text": "a"}]}, "a", id="completion"),
        pytest.param({"choices": [{"message": {"role": "x", "content": "a"}}]}, "a", id="chat"),
        pytest.param({"choices": [{"delta": {"content": "a"}}]}, "a", id="part"),
        pytest.param(
            {"choices": [{"message": {"content": None, "reasoning": "a"}}]}, "a", id="thought"
        ),
        pytest.param(
            {"choices": [{"delta": {"reasoning_content": "a"}}]}, "a", id="thought-older-name"
        ),
        pytest.param({"choices": [{"delta": {"role": "assistant", "content": ""}}]}, "", id="role"),
        pytest.param({"choices": []}, "", id="no-choice"),
        pytest.param({"choices": None}, "", id="null"),
        pytest.param({}, "", id="nothing"),
    ],
)
def test_the_text_of_an_answer(document: Any, text: str) -> None:
    answer = Answer()

    assert answer.add({**MODEL, **document}) is bool(text)
    assert answer.text == text
    assert answer.tokens == len(text)


def test_a_part_without_text_is_a_token_too() -> None:
    """The first bytes of a character, or a special token."""
    assert Answer().add({"choices": [{"text": ""}]}) is True


def test_the_engine_counts_better_than_parts_do() -> None:
    part = {"choices": [{"delta": {"content": "two tokens"}}]}

    assert read(part, part).tokens == 2
    assert read(part, {"choices": [], "usage": {"completion_tokens": 4}}).tokens == 4


@pytest.mark.parametrize("document", [[], "text", None, 7])
def test_what_is_no_object_is_no_answer(document: Any) -> None:
    with pytest.raises(Failure, match="no OpenAI answer"):
        read(document)


def test_an_error_within_a_stream_is_a_refusal() -> None:
    with pytest.raises(Failure, match=r"Refused: .*engine died"):
        read({"error": {"message": "engine died", "code": 500}})


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("ValueError: Out of range float values are not JSON compliant: nan", Reason.NOT_FINITE),
        ("no such model", Reason.REFUSED),
    ],
)
def test_a_number_that_json_does_not_know_is_a_sick_engines(message: str, reason: Reason) -> None:
    assert refused(message).reason is reason


@pytest.mark.parametrize(
    ("status", "blames"), [(400, True), (404, True), (500, False), (302, False), (None, False)]
)
def test_only_client_errors_blame_the_request(status: int | None, *, blames: bool) -> None:
    assert refused("no", status=status).blames_request is blames


def logprobs(*values: Any, top: Any = ()) -> Any:
    others = [{"token": f"t{number}", "logprob": value} for number, value in enumerate(top)]
    content = [{"token": "a", "logprob": value, "top_logprobs": others} for value in values]
    return {**MODEL, "choices": [{"text": "a", "logprobs": {"content": content}}]}


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(logprobs(math.nan), id="nan"),
        pytest.param(logprobs(math.inf), id="inf"),
        pytest.param(logprobs(None), id="null"),
        pytest.param(logprobs(-0.1, -9999.0), id="impossible-choice"),
        pytest.param(logprobs(-0.1, top=(math.nan,)), id="rival"),
    ],
)
def test_log_probabilities_are_finite_numbers(document: Any) -> None:
    with pytest.raises(Failure, match="NotFinite: here: "):
        read(document).check(Check.LOG_PROBABILITIES, model="chat", asked="here")


@pytest.mark.parametrize(
    "document", [logprobs(), {**MODEL, "choices": [{"text": "a", "logprobs": None}]}]
)
def test_an_engine_without_log_probabilities_is_not_sick(document: Any) -> None:
    with pytest.raises(Failure, match="Refused: here: the engine gives no") as raised:
        read(document).check(Check.LOG_PROBABILITIES, model="chat", asked="here")

    assert raised.value.blames_request


def test_impossible_rivals_are_no_fault() -> None:
    """A grammar or a filter makes tokens impossible; engines write -9999."""
    answer = read(logprobs(-0.1, top=(-9999.0,)))

    answer.check(Check.LOG_PROBABILITIES, model="chat", asked="here")
    assert answer.positions == [(("a", -0.1), ("t0", -9999.0))]


def test_random_tokens_may_be_followed_by_no_text() -> None:
    answer = read({**MODEL, "choices": [{"text": ""}], "usage": {"completion_tokens": 2}})

    answer.check(Check.TOKENS, model="chat", asked="here")
    with pytest.raises(Failure, match="EmptyAnswer"):
        answer.check(Check.TEXT, model="chat", asked="here")


@pytest.mark.parametrize(
    ("lines", "events"),
    [
        pytest.param([b"data: {}\n", b"\n"], ["{}"], id="one"),
        pytest.param([b"data:{}\r\n", b"\r\n"], ["{}"], id="carriage-return"),
        pytest.param([b": ping\n", b"\n", b"data: 1\n", b"\n"], ["1"], id="comment"),
        pytest.param([b"event: x\n", b"id: 1\n", b"data: 1\n", b"\n"], ["1"], id="other-fields"),
        pytest.param([b"data: a\n", b"data: b\n", b"\n"], ["a\nb"], id="two-lines"),
        pytest.param([b"\n", b"\n"], [], id="empty"),
        pytest.param([b"data: 1\n"], [], id="unfinished"),
    ],
)
def test_events_are_read_from_lines(lines: list[bytes], events: list[str]) -> None:
    decoder = EventDecoder()

    assert [event for line in lines if (event := decoder.take(line)) is not None] == events


def test_what_is_no_json_is_no_answer() -> None:
    with pytest.raises(Failure, match="EmptyAnswer: no JSON: '<html>'"):
        parse(b"<html>")
