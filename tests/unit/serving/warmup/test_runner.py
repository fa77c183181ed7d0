"""A warm-up against an engine that is slow, ill, another, or gone."""

import asyncio
import math
from typing import Any

import pytest

from deepseek_serving.warmup.failures import Failure, Reason
from deepseek_serving.warmup.plan import make_plan
from deepseek_serving.warmup.result import Result
from tests.unit.serving.warmup.conftest import WarmUp
from tests.unit.serving.warmup.fake_engine import FakeEngine
from tests.unit.serving.warmup.samples import RESTARTED, START, spec

WORK = [{"inputTokens": 24, "outputTokens": 8, "concurrency": 3}]


def failure_of(result: Result) -> Failure:
    assert result.failure is not None
    return result.failure


async def test_a_good_engine_is_warmed_and_its_lock_opened(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    result = await warm_up()

    assert result.failure is None
    assert result.opened
    assert result.exit_code == 0
    assert result.process_start == START
    assert engine.opened == [START]
    assert list(result.shapes) == [group.name for group in make_plan(spec()).groups]
    assert result.requests == len(engine.asked)
    assert result.left_out == []


async def test_the_cold_and_the_warm_time_of_each_shape_are_found(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    engine.cold_seconds, engine.warm_seconds, engine.token_seconds = 19.1, 0.15, 0.02

    result = await warm_up(maxConcurrentSequences=1, maxSeconds=10**6)

    shape = result.shapes["chat-stream"].to_document()
    assert shape == {"coldMs": [19100, 20], "warmMs": [150, 20], "rounds": 3, "stable": True}
    whole = result.shapes["chat"].to_document()
    assert whole == {"coldMs": [19100, None], "warmMs": [150, None], "rounds": 3, "stable": True}
    once = result.shapes["long-context"].to_document()
    assert once == {"coldMs": [19100, 20], "warmMs": [19100, 20], "rounds": 1, "stable": False}


async def test_a_warm_engine_is_asked_twice_and_no_more(warm_up: WarmUp) -> None:
    result = await warm_up(maxConcurrentSequences=1)

    assert {shape.to_document()["rounds"] for shape in result.shapes.values()} == {1, 2}


async def test_an_engine_that_never_settles_has_its_rounds_only(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    def slower(engine: FakeEngine, _: int) -> None:
        engine.cold_seconds = engine.warm_seconds = engine.warm_seconds * 1.5 + 0.1

    engine.on_request = slower
    result = await warm_up(maxConcurrentSequences=1, maxSeconds=10**12)

    assert result.opened
    assert not result.shapes["chat-stream"].stable
    assert result.requests == make_plan(spec(maxConcurrentSequences=1)).requests


async def test_late_groups_are_sent_once_each(engine: FakeEngine, warm_up: WarmUp) -> None:
    engine.cold_seconds = engine.warm_seconds = 100.0

    result = await warm_up(maxSeconds=300)

    rounds = [shape.to_document()["rounds"] for shape in result.shapes.values()]
    assert rounds == [2, *[1] * (len(rounds) - 1)]
    assert result.opened


async def test_as_many_requests_run_at_once_as_the_ladder_says(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    engine.barrier = asyncio.Barrier(8)

    result = await warm_up(maxConcurrentSequences=16, concurrency=[8], shapes=WORK)

    assert result.opened
    assert engine.most_at_once == 8


async def test_the_system_prompts_come_last(engine: FakeEngine, warm_up: WarmUp) -> None:
    await warm_up(systemPrompts=["Be kind.", "Be brief."])

    systems = [body["messages"][0]["content"] for _, body in engine.asked[-4:]]
    assert systems == ["Be kind.", "Be kind.", "Be brief.", "Be brief."]


async def test_the_engine_knows_best_how_long_a_sequence_may_be(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    engine.model_length = 300

    result = await warm_up()

    lengths = [len(body["prompt"]) for body in engine.bodies("ignore_eos")]
    assert max(lengths) == 298
    assert result.opened


async def test_an_engine_that_starts_slowly_is_waited_for(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    engine.unhealthy, engine.warden_ill = 3, 3

    assert (await warm_up()).opened


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
        pytest.param({"logprobs": (-0.1, None)}, Reason.NOT_FINITE, "token 2", id="null"),
        pytest.param({"logprobs": (-math.inf,)}, Reason.NOT_FINITE, "token 1", id="infinite"),
        pytest.param({"logprobs": (-9999.0,)}, Reason.NOT_FINITE, "token 1", id="clamped"),
        pytest.param({"logprobs": ()}, Reason.NOT_FINITE, "no log-probabilities", id="none"),
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
            {"refuse": lambda _: (400, "Out of range float values are not JSON compliant")},
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


@pytest.mark.parametrize("request_number", [1, 7, 40])
async def test_a_restart_in_the_middle_makes_the_warm_up_worthless(
    engine: FakeEngine, warm_up: WarmUp, request_number: int
) -> None:
    def restart(engine: FakeEngine, number: int) -> None:
        if number == request_number:
            engine.start = RESTARTED

    engine.on_request = restart
    result = await warm_up()

    assert failure_of(result).reason is Reason.RESTARTED
    assert RESTARTED in failure_of(result).message
    assert result.process_start == START
    assert engine.opened == []


async def test_a_restart_explains_an_error(engine: FakeEngine, warm_up: WarmUp) -> None:
    def restart(engine: FakeEngine, number: int) -> None:
        if number == 3:
            engine.start = RESTARTED
            engine.refuse = lambda _: (503, "starting")

    engine.on_request = restart
    result = await warm_up()

    assert failure_of(result).reason is Reason.RESTARTED


async def test_a_restart_after_the_last_look_is_seen_by_the_warden(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    engine.restarts_before_warm = True

    result = await warm_up()

    assert failure_of(result).reason is Reason.RESTARTED
    assert engine.opened == []


async def test_a_process_is_confirmed_by_a_probe_that_ran_since_the_engine_answered(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    """Until its first probe, a restarted process stands in the old one's name."""

    def probe(engine: FakeEngine, number: int) -> None:
        if number == 20:
            engine.start, engine.probed_at = RESTARTED, engine.clock.now

    engine.probed_at, engine.on_request = 1.0, probe
    result = await warm_up()

    assert failure_of(result).reason is Reason.RESTARTED


async def test_without_a_probe_since_the_lock_stays_shut(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    engine.probed_at = 1.0

    result = await warm_up(maxSeconds=0.5)

    assert failure_of(result).reason is Reason.TIMED_OUT
    assert engine.opened == []


def refuse_log_probabilities(body: dict[str, Any]) -> tuple[int, str] | None:
    return (400, "no logprobs here") if "logprobs" in body else None


async def test_what_the_engine_does_not_offer_is_left_out(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    engine.refuse = refuse_log_probabilities

    result = await warm_up()

    assert result.opened
    assert result.reference is None
    assert [note.partition(":")[0] for note in result.left_out] == [
        "log-probabilities",
        "log-probabilities-together",
    ]
    assert "status 400: no logprobs here" in result.left_out[0]


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


async def test_a_warden_that_is_silent_for_a_while_is_asked_again(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    def silence(engine: FakeEngine, number: int) -> None:
        if number == 10:
            engine.warden_ill = 3

    engine.on_request = silence

    assert (await warm_up()).opened


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


async def test_a_warm_up_that_is_told_to_stop_still_has_a_result(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    arrived = asyncio.Event()
    engine.silent = True
    engine.on_request = lambda *_: arrived.set()

    task = asyncio.ensure_future(warm_up())
    await arrived.wait()
    task.cancel()
    result = await task

    assert failure_of(result).reason is Reason.TIMED_OUT
    assert "told to stop" in failure_of(result).message
    assert result.process_start == START


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
