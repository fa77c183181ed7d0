"""KeyQueue, on an event loop whose clock the test turns."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from deepseek_operator.queue import FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS, KeyQueue

Result = TypeVar("Result")


class TurnedLoop(asyncio.SelectorEventLoop):
    """Jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self._turned = 0.0

    def time(self) -> float:
        return self._turned

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self._turned = max(self._turned, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


@pytest.fixture
def loop() -> Iterator[TurnedLoop]:
    turned = TurnedLoop()
    yield turned
    turned.close()


def run(loop: TurnedLoop, work: Coroutine[Any, Any, Result]) -> Result:
    return loop.run_until_complete(work)


def test_a_key_asked_for_often_is_taken_once(loop: TurnedLoop) -> None:
    async def work() -> None:
        queue: KeyQueue[str] = KeyQueue()
        for key in ("a", "b", "a", "a"):
            queue.add(key)

        assert len(queue) == 2
        assert [await queue.take(), await queue.take()] == ["a", "b"]
        assert len(queue) == 0

    run(loop, work())


def test_the_oldest_is_the_one_that_waits_for_a_worker_the_longest(loop: TurnedLoop) -> None:
    async def work() -> None:
        queue: KeyQueue[str] = KeyQueue(settle_seconds=1.0)
        assert queue.oldest_seconds() == 0
        queue.add("a")
        await asyncio.sleep(5)
        queue.add("b")
        await asyncio.sleep(5)

        # Settling is no waiting for a worker.
        assert queue.oldest_seconds() == 9
        await queue.take()
        assert queue.oldest_seconds() == 4
        await queue.take()
        assert queue.oldest_seconds() == 0

    run(loop, work())


def test_a_key_in_work_is_given_to_nobody_else_and_comes_once_more_after(loop: TurnedLoop) -> None:
    async def work() -> None:
        queue: KeyQueue[str] = KeyQueue()
        queue.add("a")
        await queue.take()
        queue.add("a")
        queue.add("a")
        assert len(queue) == 0

        queue.done("a")
        assert [await queue.take()] == ["a"]
        queue.done("a")
        assert len(queue) == 0

    run(loop, work())


def test_keys_are_taken_in_the_order_in_which_they_came(loop: TurnedLoop) -> None:
    async def work() -> None:
        queue: KeyQueue[int] = KeyQueue()
        for key in (3, 1, 2):
            queue.add(key)

        assert [await queue.take() for _ in range(3)] == [3, 1, 2]

    run(loop, work())


def test_workers_that_wait_each_get_a_key(loop: TurnedLoop) -> None:
    async def work() -> None:
        queue: KeyQueue[str] = KeyQueue()
        workers = [asyncio.create_task(queue.take()) for _ in range(3)]
        await asyncio.sleep(0)
        for key in ("a", "b", "c"):
            queue.add(key)

        assert {"a", "b", "c"} == set(await asyncio.gather(*workers))

    run(loop, work())


def test_a_key_asked_for_later_comes_later(loop: TurnedLoop) -> None:
    async def work() -> float:
        queue: KeyQueue[str] = KeyQueue()
        queue.add_after("a", 30)
        await queue.take()
        return loop.time()

    assert run(loop, work()) == pytest.approx(30)


@pytest.mark.parametrize(
    ("first", "second", "at"),
    [
        pytest.param(30, 10, 10, id="an-earlier-time-replaces"),
        pytest.param(10, 30, 10, id="a-later-time-does-not"),
    ],
)
def test_the_earliest_time_asked_for_counts(
    loop: TurnedLoop, first: float, second: float, at: float
) -> None:
    async def work() -> float:
        queue: KeyQueue[str] = KeyQueue()
        queue.add_after("a", first)
        queue.add_after("a", second)
        await queue.take()
        came = loop.time()
        queue.done("a")
        await asyncio.sleep(100)
        assert len(queue) == 0
        return came

    assert run(loop, work()) == pytest.approx(at)


def test_retries_come_ever_later_up_to_a_limit(loop: TurnedLoop) -> None:
    async def work() -> list[float]:
        queue: KeyQueue[str] = KeyQueue(jitter=lambda: 1.0)
        waits = []
        for _ in range(20):
            waits.append(queue.retry("a"))
            await queue.take()
            queue.done("a")
        return waits

    waits = run(loop, work())
    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert waits[0] == FIRST_RETRY_SECONDS
    assert waits[-1] == LAST_RETRY_SECONDS
    assert waits == sorted(waits)


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 0.25), (0.5, 0.375), (1.0, 0.5)])
def test_retries_are_spread(loop: TurnedLoop, jitter: float, seconds: float) -> None:
    async def work() -> float:
        return KeyQueue[str](jitter=lambda: jitter).retry("a")

    assert run(loop, work()) == pytest.approx(seconds)


def test_a_success_starts_the_back_off_anew(loop: TurnedLoop) -> None:
    async def work() -> tuple[float, float]:
        queue: KeyQueue[str] = KeyQueue(jitter=lambda: 1.0)
        for _ in range(5):
            queue.retry("a")
        queue.forget("a")
        queue.forget("never-failed")
        return queue.retry("a"), queue.retry("b")

    assert run(loop, work()) == (FIRST_RETRY_SECONDS, FIRST_RETRY_SECONDS)


async def passes(queue: KeyQueue[str], loop: TurnedLoop, seconds: float) -> list[float]:
    """When passes begin that take no time, from now on."""
    began: list[float] = []

    async def work() -> None:
        while (key := await queue.take()) is not None:
            began.append(round(loop.time(), 3))
            queue.done(key)

    worker = asyncio.create_task(work())
    await asyncio.sleep(seconds)
    worker.cancel()
    return began


def test_what_a_burst_of_events_asks_for_is_one_pass_a_rest(loop: TurnedLoop) -> None:
    async def work() -> list[float]:
        queue: KeyQueue[str] = KeyQueue(rest_seconds=1.0)
        for number in range(30):
            loop.call_later(number * 0.1, queue.add, "a")
        return await passes(queue, loop, 60)

    assert run(loop, work()) == [0.0, 1.0, 2.0, 3.0]


def test_a_key_that_has_rested_is_taken_at_once(loop: TurnedLoop) -> None:
    async def work() -> list[float]:
        queue: KeyQueue[str] = KeyQueue(rest_seconds=1.0)
        for seconds in (0.0, 1.5, 7.25):
            loop.call_later(seconds, queue.add, "a")
        return await passes(queue, loop, 60)

    assert run(loop, work()) == [0.0, 1.5, 7.25]


def test_keys_rest_apart(loop: TurnedLoop) -> None:
    async def work() -> list[float]:
        queue: KeyQueue[str] = KeyQueue(rest_seconds=1.0)
        queue.add("a")
        loop.call_later(0.5, queue.add, "b")
        return await passes(queue, loop, 60)

    assert run(loop, work()) == [0.0, 0.5]


@pytest.mark.parametrize("asked", [True, False], ids=["events-ask-too", "nothing-else-asks"])
def test_a_time_that_a_pass_chose_does_not_wait_for_the_rest(
    loop: TurnedLoop, *, asked: bool
) -> None:
    async def work() -> list[float]:
        queue: KeyQueue[str] = KeyQueue(rest_seconds=1.0)
        queue.add("a")
        loop.call_later(0.25, queue.add_after, "a", 0.0)
        if asked:
            loop.call_later(0.125, queue.add, "a")
        return await passes(queue, loop, 60)

    assert run(loop, work()) == [0.0, 0.25]


def test_a_success_leaves_no_earlier_wish(loop: TurnedLoop) -> None:
    async def work() -> list[float]:
        queue: KeyQueue[str] = KeyQueue()
        queue.add_after("a", 10)
        queue.forget("a")
        queue.add_after("b", 20)
        return await passes(queue, loop, 60)

    assert run(loop, work()) == [20.0]


def test_a_retry_does_not_come_before_the_rest_is_over(loop: TurnedLoop) -> None:
    async def work() -> list[float]:
        queue: KeyQueue[str] = KeyQueue(rest_seconds=1.0, jitter=lambda: 0.0)
        return [queue.retry("a") for _ in range(4)]

    assert run(loop, work()) == [1.0, 1.0, 1.0, 2.0]


def test_a_key_settles_before_its_pass_and_takes_what_comes_meanwhile_with_it(
    loop: TurnedLoop,
) -> None:
    async def work() -> None:
        queue: KeyQueue[str] = KeyQueue(settle_seconds=0.5)
        queue.add("a")
        loop.call_later(0.4, queue.add, "a")

        await queue.take()

        assert loop.time() == pytest.approx(0.5)
        queue.done("a")
        assert len(queue) == 0

    run(loop, work())


def test_a_key_that_rests_need_not_settle_too(loop: TurnedLoop) -> None:
    async def work() -> None:
        queue: KeyQueue[str] = KeyQueue(settle_seconds=0.5, rest_seconds=1)
        queue.add_after("a", 0)
        await queue.take()
        queue.done("a")
        loop.call_later(0.9, queue.add, "a")

        await queue.take()

        assert loop.time() == pytest.approx(1)

    run(loop, work())


def test_a_pass_at_a_chosen_time_does_not_settle(loop: TurnedLoop) -> None:
    async def work() -> None:
        queue: KeyQueue[str] = KeyQueue(settle_seconds=0.5)
        queue.add_after("a", 3)
        loop.call_later(2.9, queue.add, "a")

        await queue.take()

        assert loop.time() == pytest.approx(3)
        assert len(queue) == 0

    run(loop, work())


def test_a_time_that_comes_while_the_key_is_in_work_is_one_pass_after(loop: TurnedLoop) -> None:
    async def work() -> None:
        queue: KeyQueue[str] = KeyQueue(settle_seconds=0.5)
        queue.add_after("a", 0)
        await queue.take()
        queue.add_after("a", 1)
        await asyncio.sleep(2)
        assert len(queue) == 0

        queue.done("a")

        assert len(queue) == 1

    run(loop, work())


def test_a_queue_that_is_shut_down_gives_out_no_key_any_more(loop: TurnedLoop) -> None:
    async def work() -> None:
        queue: KeyQueue[str] = KeyQueue()
        waiting = asyncio.create_task(queue.take())
        await asyncio.sleep(1)

        queue.shut_down()
        queue.add("a")

        assert [await waiting, await queue.take()] == [None, None]

    run(loop, work())
