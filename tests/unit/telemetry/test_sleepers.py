"""Listening at gateways of objects that sleep: a word wakes, silence does not, and nobody is asked all the time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from deepseek_operator.telemetry.sleepers import Sleepers

Answer = Callable[[], Awaitable[web.Response]]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


class Played:
    """A gateway that is asked, and answers when the test says."""

    def __init__(self) -> None:
        self.asked = 0
        self.answers: asyncio.Queue[str | int] = asyncio.Queue()
        self.heard = asyncio.Event()
        self.server: TestServer | None = None

    async def start(self) -> int:
        async def asked(_: web.Request) -> web.Response:
            self.asked += 1
            self.heard.set()
            said = await self.answers.get()
            return web.Response(text=said) if isinstance(said, str) else web.Response(status=said)

        application = web.Application()
        application.router.add_get("/asked", asked)
        self.server = TestServer(application)
        await self.server.start_server()
        return self.server.port or 0

    async def next_question(self) -> None:
        await asyncio.wait_for(self.heard.wait(), 10)
        self.heard.clear()


@pytest.fixture
async def gateway() -> AsyncIterator[Played]:
    made = Played()
    yield made
    assert made.server is not None
    await made.server.close()


class Woken:
    """The keys that were woken."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.changed = asyncio.Event()

    def __call__(self, key: str) -> None:
        self.keys.append(key)
        self.changed.set()


async def test_a_word_wakes_and_the_next_question_is_asked(
    session: aiohttp.ClientSession, gateway: Played
) -> None:
    woken = Woken()
    sleepers = Sleepers(session, woken, port=await gateway.start(), pause_seconds=0.01)
    sleepers.follow("chat", ("127.0.0.1",))
    await gateway.next_question()
    assert woken.keys == []

    gateway.answers.put_nowait("nobody\n")
    await gateway.next_question()
    assert woken.keys == []
    gateway.answers.put_nowait("asked\n")
    await asyncio.wait_for(woken.changed.wait(), 10)
    await gateway.next_question()

    assert woken.keys == ["chat"]
    await sleepers.close()


async def test_a_gateway_without_an_answer_wakes_nobody_and_is_asked_again(
    session: aiohttp.ClientSession, gateway: Played
) -> None:
    """As one of an operator of before, which knows no such question."""
    woken = Woken()
    sleepers = Sleepers(session, woken, port=await gateway.start(), pause_seconds=0.01)
    sleepers.follow("chat", ("127.0.0.1",))
    gateway.answers.put_nowait(404)
    await gateway.next_question()
    await gateway.next_question()

    assert woken.keys == []
    await sleepers.close()


async def test_who_is_awake_is_not_listened_to_and_who_sleeps_on_is_not_asked_twice(
    session: aiohttp.ClientSession, gateway: Played
) -> None:
    woken = Woken()
    sleepers = Sleepers(session, woken, port=await gateway.start(), pause_seconds=0.01)
    for _ in range(3):
        sleepers.follow("chat", ("127.0.0.1",))
    await gateway.next_question()
    assert gateway.asked == 1

    sleepers.follow("chat", ())
    gateway.answers.put_nowait("asked\n")
    sleepers.follow("other", ())
    await sleepers.close()

    assert (woken.keys, gateway.asked) == ([], 1)
