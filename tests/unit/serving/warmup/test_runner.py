"""A warm-up against an engine that is slow, ill, another, or gone."""

import asyncio

import pytest

from deepseek_serving.warmup.failures import Reason
from deepseek_serving.warmup.plan import make_plan
from tests.unit.serving.warmup.conftest import WarmUp, failure_of
from tests.unit.serving.warmup.fake_engine import FakeEngine
from tests.unit.serving.warmup.samples import RESTARTED, START, spec

WORK = [{"inputTokens": 24, "outputTokens": 8, "concurrency": 3}]


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


async def test_a_warden_that_is_silent_for_a_while_is_asked_again(
    engine: FakeEngine, warm_up: WarmUp
) -> None:
    def silence(engine: FakeEngine, number: int) -> None:
        if number == 10:
            engine.warden_ill = 3

    engine.on_request = silence

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
