"""Asking engines: what they counted, how often they are asked, and that silence is no figure."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from deepseek_operator.engines.figures import Engine
from deepseek_operator.telemetry import engines
from deepseek_operator.telemetry.engines import EACH_SECONDS, MOST_PODS, Engines
from tests.faketrtllm.engine import Behaviour, FakePage
from tests.unit.samples import Manifest

LABELS = ("model_name", "engine")

SILENT = Engine("a", "new", is_ready=True, address="127.0.0.1")
"""Whose page cannot be had."""


def pod(
    name: str = "a",
    *,
    revision: str | None = "new",
    ready: bool = True,
    restarts: int = 0,
    program: str = "vllm",
) -> Manifest:
    labels = {} if revision is None else {"serving.deepseek.dev/revision": revision}
    return {
        "metadata": {"name": name, "uid": f"uid-of-{name}", "labels": labels},
        "spec": {"containers": [{"name": "engine", "command": [program, "serve"]}]},
        "status": {
            "podIP": "127.0.0.1",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "engine", "restartCount": restarts}],
        },
    }


def page() -> str:
    """As vLLM writes one, with much that is not read."""
    registry = CollectorRegistry()
    name = "vllm:time_to_first_token_seconds"
    first = Histogram(name, "h", LABELS, buckets=(0.5, 1.0), registry=registry)
    for seconds in (0.1, 0.7, 3.0):
        first.labels("chat", "0").observe(seconds)
    ended = Counter("vllm:request_success", "h", (*LABELS, "finished_reason"), registry=registry)
    ended.labels("chat", "0", "stop").inc(3)
    waiting = "vllm:num_requests_waiting"
    Gauge(waiting, "h", LABELS, registry=registry).labels("chat", "0").set(1)
    by_reason = Gauge(f"{waiting}_by_reason", "h", ("reason",), registry=registry)
    by_reason.labels('a "quoted" reason {').set(1)
    return generate_latest(registry).decode()


class Answers:
    """Serves one answer after the other, the last for ever, and counts."""

    def __init__(self, *answers: str | int | None) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.at_once = 0
        self.most_at_once = 0

    async def metrics(self, _: web.Request) -> web.Response:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        try:
            await asyncio.sleep(0)
            if answer is None:
                await asyncio.Event().wait()
            if isinstance(answer, int):
                return web.Response(status=answer)
            return web.Response(text=answer)
        finally:
            self.at_once -= 1


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def serve(answers: Answers) -> TestServer:
    application = web.Application()
    application.router.add_get("/metrics", answers.metrics)
    server = TestServer(application)
    await server.start_server()
    return server


async def test_a_page_is_read_with_its_pod(session: aiohttp.ClientSession) -> None:
    server = await serve(Answers(page()))

    [found] = await Engines(session, port=server.port or 0).ask([pod(restarts=2)])
    await server.close()

    assert (found.pod, found.revision, found.is_ready, found.restarts) == ("a", "new", True, 2)
    assert found.figures is not None
    assert list((found.figures.first_token or {}).values()) == [1, 2, 3]
    assert found.figures.finished == {"stop": 3}
    assert found.figures.generated is None
    assert found.source == "a/2"


async def test_each_kind_of_engine_is_asked_where_it_tells(session: aiohttp.ClientSession) -> None:
    trtllm = FakePage()
    trtllm.count(Behaviour(reason="length"), tokens=4)
    application = web.Application()
    application.router.add_get("/metrics", Answers(page()).metrics)
    told = Answers(trtllm.text().decode())
    application.router.add_get("/prometheus/metrics", told.metrics)
    server = TestServer(application)
    await server.start_server()

    pods = [pod("a"), pod("b", program="trtllm-serve"), pod("c", program="own")]
    found = await Engines(session, port=server.port or 0).ask(pods)
    await server.close()

    finished = [engine.figures.finished if engine.figures else None for engine in found]
    assert finished == [{"stop": 3}, {"length": 1}, None]


async def test_what_was_said_stands_for_a_while_and_another_process_is_asked_at_once(
    session: aiohttp.ClientSession,
) -> None:
    answers = Answers(page())
    server = await serve(answers)
    asking = Engines(session, port=server.port or 0)

    await asking.ask([pod()])
    await asking.ask([pod()])
    assert answers.asked == 1
    await asking.ask([pod(restarts=1)])
    await server.close()

    assert answers.asked == 2
    assert 2 < EACH_SECONDS < 15


async def test_a_long_page_is_read_whole(session: aiohttp.ClientSession) -> None:
    """A read gives what has come so far, and that is seldom all of it."""
    noise = "".join(f"vllm:noise{number} 1.0\n" for number in range(200_000))
    server = await serve(Answers(noise + page()))

    [found] = await Engines(session, port=server.port or 0).ask([pod()])
    await server.close()

    assert found.figures is not None
    assert found.figures.finished == {"stop": 3}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(503, id="refused"),
        pytest.param('vllm:request_success_total{finished_reason="stop" 3', id="nonsense"),
        pytest.param("x" * 5_000_000, id="endless"),
    ],
)
async def test_what_is_no_page_is_no_figures(
    session: aiohttp.ClientSession, answer: str | int
) -> None:
    server = await serve(Answers(answer))

    [found] = await Engines(session, port=server.port or 0).ask([pod()])
    await server.close()

    assert found == SILENT


async def test_an_engine_that_is_not_there_has_no_figures(session: aiohttp.ClientSession) -> None:
    server = await serve(Answers(page()))
    port = server.port or 0
    await server.close()
    without = pod()
    del without["status"]["podIP"]

    assert await Engines(session, port=port).ask([pod()]) == (SILENT,)
    assert await Engines(session, port=port).ask([without]) == (Engine("a", "new", is_ready=True),)


async def test_a_pod_that_does_not_serve_is_not_asked(session: aiohttp.ClientSession) -> None:
    """It may be warming up, and what it computes then is nobody's request."""
    answers = Answers(page())
    server = await serve(answers)

    [found] = await Engines(session, port=server.port or 0).ask([pod(ready=False)])
    await server.close()

    assert (found.is_ready, found.figures, answers.asked) == (False, None, 0)


async def test_many_pods_are_asked_a_few_at_a_time(session: aiohttp.ClientSession) -> None:
    answers = Answers(page())
    server = await serve(answers)

    asking = Engines(session, port=server.port or 0, timeout_seconds=60)

    found = await asking.ask([pod(f"p{n}") for n in range(30)])
    await server.close()

    assert all(engine.figures for engine in found)
    assert answers.most_at_once <= 16


def test_of_many_pods_the_first_by_name_speak_for_all() -> None:
    pods = [pod(f"p{number:03}", revision=key) for key in ("old", "new") for number in range(99)]

    found = engines.chosen(reversed(pods))

    assert len(found) == 2 * MOST_PODS
    assert {one["metadata"]["name"] for one in found} == {f"p{n:03}" for n in range(MOST_PODS)}


def test_who_is_of_no_revision_or_leaves_is_not_chosen() -> None:
    leaving = pod("b")
    leaving["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z"

    assert engines.chosen([pod("c", revision=None), leaving]) == []


async def test_where_engines_cannot_be_reached_nobody_has_told_anything() -> None:
    assert await engines.ask_no_engine([pod()]) == (SILENT,)


def decoded(steps: int, seconds: float) -> str:
    name = "vllm:inter_token_latency_seconds"
    return f'{name}_sum{{engine="0"}} {seconds}\n{name}_count{{engine="0"}} {steps}\n'


class Clock:
    """Seconds that pass when it is said."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_two_pages_tell_of_the_stretch_between_them(session: aiohttp.ClientSession) -> None:
    server, clock = await serve(Answers(decoded(0, 0), decoded(1000, 44.0))), Clock()
    asking = Engines(session, port=server.port or 0, clock=clock)

    [first] = await asking.ask([pod()])
    clock.now += 11
    [second] = await asking.ask([pod()])
    clock.now += 1
    [again] = await asking.ask([pod()])
    await server.close()

    assert first.stretch is None
    assert second.stretch is not None
    assert second.stretch.step_seconds == pytest.approx(0.044)
    assert second.stretch.sequences == pytest.approx(4)
    assert again.stretch == second.stretch


async def test_a_stretch_is_no_longer_than_a_minute(session: aiohttp.ClientSession) -> None:
    server, clock = await serve(Answers(decoded(0, 0), decoded(1000, 44.0))), Clock()
    asking = Engines(session, port=server.port or 0, clock=clock)

    await asking.ask([pod()])
    clock.now += 61
    [found] = await asking.ask([pod()])
    await server.close()

    assert found.stretch is None


async def test_what_was_said_before_is_told_with_the_time_between(
    session: aiohttp.ClientSession,
) -> None:
    server = await serve(Answers(page()))
    now = 100.0
    asking = Engines(session, port=server.port or 0, clock=lambda: now)

    [first] = await asking.ask([pod()])
    now += 15
    [second] = await asking.ask([pod()])
    now += 90
    [third] = await asking.ask([pod()])
    await server.close()

    assert (first.earlier, first.apart_seconds) == (None, 0.0)
    assert (second.earlier, second.apart_seconds) == (first.figures, 15.0)
    assert third.earlier is None
    assert second.figures is not None
    assert second.figures.waiting == 1


@pytest.mark.parametrize(
    ("is_ready", "seconds"),
    [pytest.param(True, 312.0, id="ready"), pytest.param(False, None, id="not-yet")],
)
def test_how_long_a_pod_took_is_read_off_its_status(is_ready: bool, seconds: float | None) -> None:
    found = pod(ready=is_ready)
    found["metadata"]["creationTimestamp"] = "2026-03-01T12:00:00Z"
    found["status"]["conditions"][0]["lastTransitionTime"] = "2026-03-01T12:05:12Z"

    assert engines.engine_of(found, None).ready_after == seconds
