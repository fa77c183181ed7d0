"""What a warm-up says of an engine that is ill, poor, mute, or garrulous."""

import math
from typing import Any

import pytest

from deepseek_serving.warmup.failures import Reason
from tests.unit.serving.warmup.conftest import WarmUp, failure_of
from tests.unit.serving.warmup.fake_engine import FakeEngine
from tests.unit.serving.warmup.samples import START


def refuse_log_probabilities(body: dict[str, Any]) -> tuple[int, str] | None:
    return (400, "no logprobs here") if "logprobs" in body else None


def refuse_nan(body: dict[str, Any]) -> tuple[int, str] | None:
    """As vLLM 0.32 does when it has to write a NaN into a whole answer."""
    message = "Out of range float values are not JSON compliant"
    return (400, message) if "logprobs" in body else None


@pytest.mark.parametrize(
    ("ill", "reason", "message"),
    [
        pytest.param({"unhealthy": 10**9}, Reason.NOT_ANSWERING, "GET /health", id="health"),
        pytest.param({"start": None}, Reason.NOT_ANSWERING, "has seen no process", id="no-probe"),
        pytest.param({"warden_ill": 10**9}, Reason.NOT_ANSWERING, "GET /start", id="warden"),
        pytest.param({"names": ("other",)}, Reason.WRONG_MODEL, "serves other", id="names"),
        pytest.param({"names": ()}, Reason.WRONG_MODEL, "serves nothing", id="no-names"),
        pytest.param({"model": "x"}, Reason.WRONG_MODEL, "'x' answered", id="answering-model"),
        pytest.param({"text": ()}, Reason.EMPTY_ANSWER, "chat-stream", id="no-token"),
        pytest.param({"text": ("", "\n")}, Reason.EMPTY_ANSWER, "chat-stream", id="white-space"),
        pytest.param({"last_words": b""}, Reason.NOT_ANSWERING, "broke off", id="half-a-stream"),
        pytest.param({"silent": True}, Reason.TIMED_OUT, "0 of 17 groups", id="no-first-token"),
        pytest.param({"logprobs": (math.nan,)}, Reason.NOT_FINITE, "token 1", id="nan"),
        pytest.param(
            {"text": ("", ""), "logprobs": (math.nan,)}, Reason.NOT_FINITE, "token 1", id="nan-mute"
        ),
        pytest.param(
            {"text": ("", ""), "refuse": refuse_nan},
            Reason.NOT_FINITE,
            "not JSON compliant",
            id="nan-mute-and-unwritten",
        ),
        pytest.param({"logprobs": (-0.1, None)}, Reason.NOT_FINITE, "token 2", id="null"),
        pytest.param({"logprobs": (-math.inf,)}, Reason.NOT_FINITE, "token 1", id="infinite"),
        pytest.param({"logprobs": (-9999.0,)}, Reason.NOT_FINITE, "token 1", id="clamped"),
        pytest.param(
            {"refuse": lambda _: (500, "engine is dead")},
            Reason.REFUSED,
            "status 500: engine is dead",
            id="error-500",
        ),
        pytest.param(
            {"refuse": lambda _: (404, "no such path")},
            Reason.REFUSED,
            "status 404",
            id="error-404",
        ),
        pytest.param(
            {"refuse": refuse_nan},
            Reason.NOT_FINITE,
            "not JSON compliant",
            id="nan-that-cannot-be-written",
        ),
        pytest.param({"token": "another"}, Reason.REFUSED, "POST /warm: status 401", id="token"),
    ],
)
async def test_an_ill_engine_stays_shut(
    engine: FakeEngine, warm_up: WarmUp, ill: dict[str, Any], reason: Reason, message: str
) -> None:
    for name, value in ill.items():
        setattr(engine, name, value)

    never_starts = ill.keys() & {"unhealthy", "start", "warden_ill"}
    result = await warm_up(
        maxSeconds=0.2 if "silent" in ill else 60, waitSeconds=0.2 if never_starts else 60
    )

    assert failure_of(result).reason is reason
    assert message in failure_of(result).message
    assert result.exit_code == reason.exit_code
    assert not result.opened
    assert engine.opened == []


async def test_an_engine_that_goes_away_does_not_answer(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    engine.vanishes_at = 5

    result = await warm_up()

    assert failure_of(result).reason is Reason.NOT_ANSWERING


@pytest.mark.parametrize(
    ("poor", "message"),
    [
        pytest.param({"refuse": refuse_log_probabilities}, "status 400: no logprobs", id="refused"),
        pytest.param({"logprobs": ()}, "gives no log-probabilities", id="ignored"),
    ],
)
async def test_what_the_engine_does_not_offer_is_left_out(
    engine: FakeEngine, warm_up: WarmUp, poor: dict[str, Any], message: str
) -> None:
    for name, value in poor.items():
        setattr(engine, name, value)

    result = await warm_up()

    assert result.opened
    assert result.reference is None
    assert [note.partition(":")[0] for note in result.left_out] == [
        "log-probabilities",
        "log-probabilities-together",
    ]
    assert message in result.left_out[0]


@pytest.mark.parametrize(
    ("ill", "opened"),
    [
        pytest.param({"refuse": lambda _: (500, "no")}, True, id="refused"),
        pytest.param({"silent": True}, True, id="timed-out"),
        pytest.param({"text": ()}, False, id="empty"),
        pytest.param({"logprobs": (math.nan,)}, False, id="not-finite"),
        pytest.param({"model": "x"}, False, id="wrong-model"),
        pytest.param({"vanishes_at": 3}, False, id="gone"),
        pytest.param({"token": "another"}, False, id="wrong-token"),
    ],
)
async def test_serve_forgives_what_is_slow_but_not_what_is_wrong(
    engine: FakeEngine, warm_up: WarmUp, ill: dict[str, Any], *, opened: bool
) -> None:
    for name, value in ill.items():
        setattr(engine, name, value)

    result = await warm_up(onFailure="Serve", maxSeconds=0.2 if "silent" in ill else 60)

    assert result.failure is not None
    assert result.opened is opened
    assert (result.exit_code == 0) is opened
    assert engine.opened == ([START] if opened else [])


async def test_a_warden_that_says_nothing_at_all_does_not_answer(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    engine.warden_silent = True

    result = await warm_up(patience=0.01, waitSeconds=0.2)

    assert failure_of(result).reason is Reason.NOT_ANSWERING
    assert failure_of(result).message == "GET /start: the warden is silent"


async def test_a_stream_may_end_without_an_empty_line(engine: FakeEngine, warm_up: WarmUp) -> None:
    engine.last_words = b"data: [DONE]"

    assert (await warm_up()).opened


async def test_the_fixed_prompt_gives_its_log_probabilities_and_their_spread(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    def drift(engine: FakeEngine, number: int) -> None:
        engine.logprobs = (-0.1 - 0.01 * (number % 2), -0.2)

    engine.on_request = drift
    result = await warm_up()

    assert result.reference is not None
    assert result.reference.runs == 6
    assert result.reference.spread == pytest.approx(0.01)
    assert result.reference.positions[1] == ((" is", -0.2), ("London", -3.5))


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
async def test_a_model_that_only_thinks_so_far_has_answered(
    engine: FakeEngine, warm_up: WarmUp, name: str
) -> None:
    engine.thinking_field = name

    result = await warm_up(thinks=True, structuredOutput=True)

    assert result.opened
    assert {"thinking", "structured"} <= set(result.shapes)
    assert engine.bodies("chat_template_kwargs")
    assert engine.bodies("response_format")


async def test_an_engine_that_counts_no_tokens_is_counted_by_its_parts(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    engine.usage, engine.token_seconds = False, 0.02

    result = await warm_up(maxConcurrentSequences=1)

    assert result.shapes["chat-stream"].to_document()["warmMs"] == [100, 20]
