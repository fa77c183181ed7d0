"""Requests by size: which are long, how many of them an engine takes, and what their answers say."""

import asyncio
import json
from typing import Any

import pytest

from deepseek_serving.engine import classes
from deepseek_serving.engine.bounded import Bounded
from deepseek_serving.engine.hold import FirstToken
from tests.unit.serving.test_bounded import Engine, ask

Headers = list[tuple[bytes, bytes]]

MANY: Headers = [(b"x-dsd-most-requests", b"64")]
SIZES: Headers = [*MANY, (b"x-dsd-long-bytes", b"1000")]
LONG: Headers = [*SIZES, (b"Content-Length", b"1000")]
SHORT: Headers = [*SIZES, (b"content-length", b"999")]
TWO: Headers = [(b"x-dsd-most-long-requests", b"2")]


@pytest.mark.parametrize(
    ("headers", "long"),
    [
        pytest.param(LONG, True, id="as-many-bytes"),
        pytest.param(SHORT, False, id="fewer"),
        pytest.param([*SIZES, (b"transfer-encoding", b"chunked")], True, id="says-not-how-many"),
        pytest.param(SIZES, False, id="no-body"),
        pytest.param([*SIZES, (b"content-length", b"0")], False, id="an-empty-one"),
        pytest.param([*MANY, (b"content-length", b"1000")], None, id="nobody-asks"),
        pytest.param(
            [(b"x-dsd-long-bytes", b"0"), (b"content-length", b"1000")], None, id="no-number"
        ),
    ],
)
def test_a_request_is_long_by_the_bytes_of_its_body(headers: Headers, long: bool | None) -> None:
    assert classes.is_long(headers) is long


@pytest.mark.parametrize(
    ("told", "sized", "most", "expected"),
    [
        pytest.param(TWO, 40, 1024, 2, id="as-the-object-says"),
        pytest.param([], 40, 1024, 40, id="as-the-replica-was-sized"),
        pytest.param([], None, 1024, 64, id="a-part-of-the-queue"),
        pytest.param([], 40, 32, 16, id="never-all-of-the-queue"),
        pytest.param([], None, 4, 1, id="one-at-least"),
    ],
)
def test_how_many_long_ones_there_may_be(
    told: Headers, sized: int | None, most: int, expected: int
) -> None:
    assert classes.most_long(told, sized=sized, most=most) == expected


async def test_long_requests_leave_room_for_short_ones() -> None:
    engine = Engine()
    app = Bounded(engine)
    running = [asyncio.create_task(ask(app, [*LONG, *TWO])) for _ in range(2)]
    await asyncio.sleep(0)

    refused = asyncio.create_task(ask(app, [*LONG, *TWO]))
    beside = [asyncio.create_task(ask(app, [*SHORT, *TWO])) for _ in range(9)]
    await asyncio.sleep(0)

    assert refused.done()
    head, body = refused.result()
    assert head["status"] == 429
    assert {(b"retry-after", b"5"), (b"x-dsd-reason", b"long-requests-full")} <= set(
        head["headers"]
    )
    said = json.loads(body["body"])["error"]["message"]
    assert said == "there are 2 long requests already: try again"
    assert engine.asked == 2 + 9
    engine.may_answer.set()
    answered = [sent[0]["status"] for sent in await asyncio.gather(*running, *beside)]
    assert answered == [200] * 11
    # And there is room again.
    assert (await ask(app, [*LONG, *TWO]))[0]["status"] == 200


async def test_short_requests_that_fill_the_queue_keep_long_ones_out_too() -> None:
    engine = Engine()
    app = Bounded(engine)
    one = [(b"x-dsd-most-requests", b"1"), *SIZES[1:]]
    running = asyncio.create_task(ask(app, [*one, (b"content-length", b"1")]))
    await asyncio.sleep(0)

    refused = asyncio.create_task(ask(app, [*one, (b"content-length", b"5000")]))
    await asyncio.sleep(0)

    assert refused.done()
    assert (b"x-dsd-reason", b"queue-full") in refused.result()[0]["headers"]
    engine.may_answer.set()
    await running


async def test_a_replica_knows_by_its_pod_what_it_was_sized_for() -> None:
    engine = Engine()
    app = Bounded(engine, {classes.MOST_LONG_VARIABLE: "1"})
    running = asyncio.create_task(ask(app, LONG))
    await asyncio.sleep(0)

    refused = asyncio.create_task(ask(app, LONG))
    await asyncio.sleep(0)
    assert refused.done()
    assert refused.result()[0]["status"] == 429
    engine.may_answer.set()
    await running


async def test_without_classes_a_long_body_is_one_of_all() -> None:
    engine = Engine()
    app = Bounded(engine, {classes.MOST_LONG_VARIABLE: "1"})
    many = [*MANY, (b"content-length", b"1000000")]
    running = [asyncio.create_task(ask(app, many)) for _ in range(9)]
    await asyncio.sleep(0)

    assert engine.asked == 9
    engine.may_answer.set()
    await asyncio.gather(*running)


@pytest.mark.parametrize(
    ("headers", "named"),
    [(LONG, [b"long"]), (SHORT, [b"short"]), (MANY, [])],
    ids=["long", "short", "no-classes"],
)
async def test_an_answer_says_the_class_of_its_request(
    headers: Headers, named: list[bytes]
) -> None:
    engine = Engine()
    engine.may_answer.set()

    head, *_ = await ask(FirstToken(engine), headers)

    assert head["status"] == 200
    assert _classes_of(head) == named


async def test_so_do_a_refusal_and_a_late_one() -> None:
    engine = Engine()
    app = FirstToken(engine)
    running = asyncio.create_task(ask(app, [*LONG, (b"x-dsd-most-long-requests", b"1")]))
    await asyncio.sleep(0)
    refused, _ = await ask(app, [*LONG, (b"x-dsd-most-long-requests", b"1")])
    late, _ = await ask(FirstToken(_silent), [*LONG, (b"x-dsd-first-token-seconds", b"0.001")])

    assert (refused["status"], late["status"]) == (429, 504)
    assert _classes_of(refused) == _classes_of(late) == [b"long"]
    engine.may_answer.set()
    await running


async def _silent(_: Any, __: Any, send: Any) -> None:
    stream = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": stream})
    await asyncio.Event().wait()


def _classes_of(head: dict[str, Any]) -> list[bytes]:
    return [value for name, value in head["headers"] if name == b"x-dsd-class"]
