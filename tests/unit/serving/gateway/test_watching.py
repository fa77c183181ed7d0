"""A watch goes on whatever the API server answers, keeps what it knew, and says what is wrong."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from deepseek_serving.gateway import watching
from deepseek_serving.gateway.watching import Cluster, Watch
from tests.gateway.rig import until

ONE = {"metadata": {"name": "one", "resourceVersion": "7"}, "data": {"a": "b"}}
TWO = {"metadata": {"name": "two", "resourceVersion": "8"}}
LIST = {"metadata": {"resourceVersion": "7"}, "items": [ONE]}
ADDED = json.dumps({"type": "ADDED", "object": TWO}) + "\n"

Answer = int | str | dict[str, Any]
"""A code; a body as it is; or a list."""


@dataclass(slots=True)
class FakeApi:
    """Answers lists and watches with what is next in a row, and as a healthy API server after it."""

    lists: list[Answer] = field(default_factory=list)
    watches: list[Answer] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    streams: list[web.StreamResponse] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        is_watch = "watch" in request.query
        self.asked.append("watch" if is_watch else "list")
        row = self.watches if is_watch else self.lists
        answer = row.pop(0) if row else (None if is_watch else LIST)
        if answer is None:
            return await self._watched(request)
        if isinstance(answer, int):
            return web.Response(status=answer)
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return web.Response(text=text, content_type="application/json")

    async def _watched(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(ADDED.encode())
        self.streams.append(response)
        await asyncio.Event().wait()
        return response

    async def say(self, event: str) -> None:
        """One more event to whoever watches."""
        await self.streams[-1].write(event.encode())


@asynccontextmanager
async def watched(
    *,
    lists: Sequence[Answer] = (),
    watches: Sequence[Answer] = (),
    returned: Callable[[float], None] = lambda _: None,
) -> AsyncIterator[tuple[FakeApi, Watch]]:
    """A watch that runs."""
    api = FakeApi(list(lists), list(watches))
    application = web.Application()
    application.router.add_get("/things", api.answer)
    async with TestServer(application) as server, aiohttp.ClientSession() as session:
        url = str(server.make_url("")).rstrip("/")
        watch = Watch(Cluster(url), "/things", {}, lambda _: None, returned)
        running = asyncio.create_task(watch.run(session))
        try:
            yield api, watch
        finally:
            running.cancel()
            await asyncio.wait([running])


CUT = '{"type": "ADDED", "object": {"metadata": {"name": "tw'
ERROR = json.dumps({"type": "ERROR", "object": {"code": 410, "message": "too old"}}) + "\n"


@pytest.mark.parametrize(
    ("lists", "watches"),
    [
        pytest.param([], [410], id="too-old"),
        pytest.param([], [ERROR], id="too-old-in-the-watch"),
        pytest.param([], [401], id="watch-unauthorized"),
        pytest.param([], [403], id="watch-forbidden"),
        pytest.param([], [500, 503], id="watch-broken"),
        pytest.param([], ["", ""], id="ends-at-once"),
        pytest.param([], [CUT], id="cut-in-a-line"),
        pytest.param([], ["nonsense\n"], id="no-json"),
        pytest.param([], ["[]\n"], id="no-event"),
        pytest.param([], ['{"type": "ADDED", "object": null}\n'], id="no-object"),
        pytest.param([], ['{"type": "ADDED", "object": {"metadata": {}}}\n'], id="no-name"),
        pytest.param([500, 403], [], id="list-broken"),
        pytest.param(["<html>"], [], id="list-of-a-proxy"),
        pytest.param(["[]", {"items": None}, {"metadata": {}, "items": [{}]}], [], id="no-list"),
    ],
)
async def test_it_goes_on(lists: list[Answer], watches: list[Answer]) -> None:
    async with watched(lists=lists, watches=watches) as (api, watch):
        await until(lambda: watch.is_current and len(watch.objects) == 2)

    assert (api.lists, api.watches) == ([], [])
    assert set(watch.objects) == {"one", "two"}
    assert watch.trouble is None


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (401, "answers 401 Unauthorized: is its token still good?"),
        (403, "answers 403 Forbidden: may its ServiceAccount list and watch it?"),
        (500, "answers 500 Internal Server Error"),
    ],
)
async def test_it_keeps_what_it_knew_and_says_what_is_wrong(code: int, said: str) -> None:
    async with watched(lists=[LIST, *[code] * 50], watches=[410]) as (_, watch):
        await until(lambda: watch.trouble)

    assert watch.objects == {"one": ONE}
    assert not watch.is_current
    assert watch.trouble is not None
    assert watch.trouble.startswith("/things cannot be watched: the API server ")
    assert watch.trouble.endswith(said)


async def test_an_api_server_that_is_gone_is_told() -> None:
    async with aiohttp.ClientSession() as session:
        watch = Watch(
            Cluster("http://127.0.0.1:9", Path("/nowhere")), "/things", {}, lambda _: None
        )
        running = asyncio.create_task(watch.run(session))
        await until(lambda: watch.trouble)
        running.cancel()
        await asyncio.wait([running])

    assert watch.trouble is not None
    assert "/nowhere" in watch.trouble


async def test_one_that_ends_every_watch_is_not_asked_without_end() -> None:
    """In a loop without a pause it would be asked hundreds of times while another is asked three times."""
    async with (
        watched(watches=[""] * 10_000) as (ends, _),
        watched(watches=[410] * 10_000) as (old, _),
    ):
        await until(lambda: ends.asked.count("watch") >= 3 and old.asked.count("watch") >= 3)

        assert len(ends.asked) < 20
        assert len(old.asked) < 20


async def test_an_api_server_that_answers_again_is_told_with_how_long_it_did_not() -> None:
    away: list[float] = []
    began = time.monotonic()
    async with watched(lists=[LIST, 500, 500, LIST], watches=[410], returned=away.append) as (
        _,
        watch,
    ):
        await until(lambda: away and watch.is_current)

    [seconds] = away
    # Two pauses of the watch's lie between the first failure and the answer.
    assert 0.2 < seconds < time.monotonic() - began


async def test_one_that_was_away_from_the_beginning_was_away_for_nobody_knows_how_long() -> None:
    away: list[float] = []
    async with watched(lists=[500, LIST], returned=away.append) as (_, watch):
        await until(lambda: "two" in watch.objects)

    assert away == [math.inf]


async def test_watches_that_end_as_they_do_are_no_absence() -> None:
    away: list[float] = []
    async with watched(watches=[410, "", 410], returned=away.append) as (_, watch):
        await until(lambda: "two" in watch.objects)

    assert away == []


async def test_a_stream_that_speaks_again_after_a_long_silence_was_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away: list[float] = []
    monkeypatch.setattr(watching, "_STILL_SECONDS", 0.05)
    async with watched(returned=away.append) as (api, watch):
        await until(lambda: "two" in watch.objects)
        assert away == []
        await until(lambda: time.monotonic() - (watch._heard or 0.0) > 0.1)
        await api.say(ADDED)
        await until(lambda: away)

    assert away[0] > 0.05
