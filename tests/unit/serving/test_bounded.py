"""An engine refuses what is more than it may have at once, and only what gateways sent."""

import asyncio
import json
from typing import Any

import pytest

from deepseek_serving.engine.bounded import Bounded
from deepseek_serving.engine.hold import FirstToken

Message = dict[str, Any]
TWO = [(b"X-Dsd-Most-Requests", b"2")]


class Engine:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def __call__(self, _: Any, __: Any, send: Any) -> None:
        self.asked += 1
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"yes"})


async def ask(
    app: Any, headers: list[tuple[bytes, bytes]] | None, kind: str = "http"
) -> list[Message]:
    """What the server sends for one request."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    scope = {"type": kind, **({} if headers is None else {"headers": headers})}
    await app(scope, receive, send)
    return sent


async def test_what_is_too_much_is_refused_before_any_work_and_the_rest_is_answered() -> None:
    engine = Engine()
    app = Bounded(engine)
    running = [asyncio.create_task(ask(app, TWO)) for _ in range(2)]
    await asyncio.sleep(0)

    third = asyncio.create_task(ask(app, TWO))
    await asyncio.sleep(0)
    assert third.done()
    head, body = third.result()
    assert head["status"] == 429
    assert {(b"retry-after", b"1"), (b"x-dsd-reason", b"queue-full")} <= set(head["headers"])
    error = json.loads(body["body"])["error"]
    assert error["message"] == "the queue is full (2 requests): try again"
    assert dict(head["headers"])[b"content-length"] == str(len(body["body"])).encode()
    assert engine.asked == 2
    engine.may_answer.set()
    answered = [sent[0]["status"] for sent in await asyncio.gather(*running)]
    assert answered == [200, 200]
    assert (await ask(app, TWO))[0]["status"] == 200


async def test_a_request_that_is_given_up_makes_room() -> None:
    engine = Engine()
    app = Bounded(engine)
    running = [asyncio.create_task(ask(app, TWO)) for _ in range(2)]
    await asyncio.sleep(0)
    running[0].cancel()
    await asyncio.wait(running[:1])
    engine.may_answer.set()

    assert (await ask(app, TWO))[0]["status"] == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="nothing-said"),
        pytest.param([(b"x-dsd-most-requests", b"many")], id="no-number"),
        pytest.param([(b"x-dsd-most-requests", b"0")], id="nobody"),
        pytest.param([(b"x-dsd-most-requests", b"-1")], id="below-nobody"),
        pytest.param([(b"x-dsd-most-requests", "²".encode("latin-1"))], id="no-digit"),
    ],
)
async def test_without_a_number_nothing_is_refused_or_counted(
    headers: list[tuple[bytes, bytes]],
) -> None:
    """Probes, warm-ups and whoever reaches the pod without a gateway."""
    engine = Engine()
    app = Bounded(engine)
    running = [asyncio.create_task(ask(app, headers)) for _ in range(9)]
    await asyncio.sleep(0)

    assert engine.asked == 9
    engine.may_answer.set()
    assert (await ask(app, TWO))[0]["status"] == 200
    await asyncio.gather(*running)


async def test_what_is_no_request_goes_through() -> None:
    engine = Engine()
    engine.may_answer.set()

    await ask(Bounded(engine), TWO, kind="websocket")
    # Of the server itself, which has no headers.
    await ask(FirstToken(engine), None, kind="lifespan")

    assert engine.asked == 2


async def test_the_middleware_that_an_engine_is_given_keeps_the_number_too() -> None:
    engine = Engine()
    app = FirstToken(engine)
    running = [asyncio.create_task(ask(app, TWO)) for _ in range(2)]
    await asyncio.sleep(0)

    assert (await ask(app, TWO))[0]["status"] == 429
    engine.may_answer.set()
    await asyncio.gather(*running)
