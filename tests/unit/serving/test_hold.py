"""The head of a stream waits for its first token: what clients and gateways see, on a turned clock."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from deepseek_serving.engine.hold import FirstToken, StreamSilentError

Message = dict[str, Any]
Answer = Callable[[Callable[[Message], Awaitable[None]]], Awaitable[None]]

HEADERS = [(b"x-dsd-first-token-seconds", b"0.2"), (b"x-dsd-between-tokens-seconds", b"0.2")]
STREAM = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream; charset=utf-8")],
}
PLAIN = {**STREAM, "headers": [(b"content-type", b"application/json")]}


def part(text: str, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": text.encode(), "more_body": more}


async def ask(answer: Answer, headers: list[tuple[bytes, bytes]] | None = None) -> list[Message]:
    """What the server sends for one request."""
    sent: list[Message] = []

    async def app(_: Any, __: Any, send: Any) -> None:
        await answer(send)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    scope = {"type": "http", "headers": HEADERS if headers is None else headers}
    await FirstToken(app)(scope, receive, send)
    return sent


async def test_the_head_comes_with_the_first_token() -> None:
    seen: list[int] = []
    sent: list[Message] = []

    async def answer(send: Any) -> None:
        await send(STREAM)
        seen.append(len(sent))
        await send(part(""))
        seen.append(len(sent))
        await send(part("a"))
        await send(part("", more=False))

    async def app(_: Any, __: Any, send: Any) -> None:
        await answer(send)

    async def send(message: Any) -> None:
        sent.append(dict(message))

    async def receive() -> Message:
        return {}

    await FirstToken(app)({"type": "http", "headers": HEADERS}, receive, send)

    assert seen == [0, 0]
    assert [message["type"] for message in sent] == [
        "http.response.start",
        "http.response.body",
        "http.response.body",
    ]


async def test_a_late_stream_is_refused_and_aborted() -> None:
    aborted = asyncio.Event()

    async def answer(send: Any) -> None:
        await send(STREAM)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            aborted.set()
            raise

    head, body = await ask(answer)

    assert head["status"] == 504
    assert (b"x-dsd-reason", b"first-token") in head["headers"]
    assert json.loads(body["body"])["error"]["message"] == "no first token within 0.2 s"
    assert aborted.is_set()


async def test_a_stream_that_falls_silent_is_cut() -> None:
    async def answer(send: Any) -> None:
        await send(STREAM)
        await send(part("a"))
        await asyncio.Event().wait()

    with pytest.raises(StreamSilentError):
        await ask(answer)


async def test_each_token_gives_the_next_one_its_time() -> None:
    async def answer(send: Any) -> None:
        await send(STREAM)
        for _ in range(5):
            await asyncio.sleep(0.1)
            await send(part("a"))
        await send(part("", more=False))

    sent = await ask(answer)

    assert len(sent) == 7


@pytest.mark.parametrize(
    ("start", "headers"),
    [
        pytest.param(PLAIN, None, id="no-stream"),
        pytest.param(STREAM, [], id="nobody-says-how-long"),
        pytest.param(STREAM, [(b"x-dsd-first-token-seconds", b"soon")], id="no-number"),
        pytest.param(STREAM, [(b"x-dsd-first-token-seconds", b"0")], id="no-time"),
        pytest.param({**STREAM, "status": 400}, None, id="refusal"),
    ],
)
async def test_all_else_is_passed_on_as_it_comes(
    start: Message, headers: list[tuple[bytes, bytes]] | None
) -> None:
    async def answer(send: Any) -> None:
        await send(start)
        await asyncio.sleep(0.4)
        await send(part("a", more=False))

    sent = await ask(answer, headers)

    assert sent == [start, part("a", more=False)]


async def test_an_answer_that_fails_fails() -> None:
    async def answer(send: Any) -> None:
        await send(STREAM)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await ask(answer)


async def test_a_client_that_goes_away_ends_the_work() -> None:
    ended = asyncio.Event()

    async def answer(send: Any) -> None:
        await send(STREAM)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    asked = asyncio.ensure_future(ask(answer))
    await asyncio.sleep(0.05)
    asked.cancel()
    await asyncio.wait({asked})
    await asyncio.sleep(0)

    assert ended.is_set()


async def test_what_is_no_request_is_left_alone() -> None:
    passed: list[str] = []

    async def app(scope: Any, _: Any, __: Any) -> None:
        passed.append(scope["type"])

    await FirstToken(app)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]

    assert passed == ["lifespan"]


@pytest.mark.parametrize(("method", "kept"), [("POST", b""), ("GET", b"name=x")])
async def test_the_query_of_a_question_stands_in_no_log(method: str, kept: bytes) -> None:
    """uvicorn writes it from the scope that it gave, when the answer begins."""
    scope: Message = {"type": "http", "method": method, "headers": [], "query_string": b"name=x"}

    async def app(_: Any, __: Any, send: Any) -> None:
        await send(PLAIN)

    async def receive() -> Message:
        return {}

    async def send(_: Any) -> None:
        assert scope["query_string"] == kept

    await FirstToken(app)(scope, receive, send)

    assert scope["query_string"] == kept
