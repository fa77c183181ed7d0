"""The front of an engine that takes no middleware: what its clients and their gateways see, with a fake trtllm-serve."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from deepseek_serving.front import proxy
from tests.faketrtllm.engine import FakeTrtllm

OPEN = ("/health", "/v1/chat/completions", "/v1/responses/", "/prometheus/metrics")
PATIENCE = {"x-dsd-first-token-seconds": "0.2", "x-dsd-between-tokens-seconds": "0.2"}
CHAT = {"model": "chat", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**CHAT, "stream": True}


class Client:
    """Asks a front."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    def chat(self, body: object, headers: dict[str, str] | None = None) -> "aiohttp.client._RequestContextManager":  # fmt: skip
        return self.session.post(f"{self.url}/v1/chat/completions", json=body, headers=headers)


@asynccontextmanager
async def before(port: int) -> AsyncIterator[Client]:
    """A front of the engine on this port, and a client of it."""
    engine = URL(f"http://127.0.0.1:{port}")
    async with (
        proxy.serve(host="127.0.0.1", port=0, engine=engine, paths=OPEN) as listening,
        aiohttp.ClientSession() as session,
    ):
        yield Client(session, f"http://127.0.0.1:{listening}")


@asynccontextmanager
async def fronted(engine: FakeTrtllm) -> AsyncIterator[Client]:
    async with engine, before(engine.port) as client:
        yield client


async def until(holds: Callable[[], bool]) -> None:
    """Return once it holds; AssertionError after a while."""
    try:
        async with asyncio.timeout(30):
            while not holds():  # noqa: ASYNC110 - what another task does tells nobody
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError("it does not come to hold") from None


async def test_an_answer_passes_as_the_engine_gave_it() -> None:
    async with fronted(FakeTrtllm()) as client, client.chat(CHAT) as response:
        found = await response.json()

    assert response.status == 200
    assert found["choices"][0]["message"]["content"] == "t0 t1 t2 t3 "


async def test_a_stream_passes_to_its_last_word() -> None:
    async with fronted(FakeTrtllm()) as client, client.chat(STREAM, PATIENCE) as response:
        text = await response.text()

    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert text.count("data: ") == 5
    assert text.endswith("data: [DONE]\n\n")


async def test_the_head_of_a_stream_waits_for_its_first_token() -> None:
    engine = FakeTrtllm()
    engine.behave(silent=True)
    async with fronted(engine) as client:
        async with client.chat(STREAM, PATIENCE) as response:
            # The engine had said 200 long before.
            assert response.status == 504
            body = await response.json()
        await until(lambda: engine.aborted == 1)

    assert response.headers["x-dsd-reason"] == "first-token"
    assert body["error"]["message"] == "no first token within 0.2 s"


async def test_without_a_gateway_nothing_is_held() -> None:
    engine = FakeTrtllm()
    engine.behave(silent=True)
    async with fronted(engine) as client, client.chat(STREAM) as response:
        assert response.status == 200


async def test_what_is_more_than_the_engine_may_have_is_refused() -> None:
    engine = FakeTrtllm()
    engine.behave(silent=True)
    one = {"x-dsd-most-requests": "1"}
    async with fronted(engine) as client:
        running = asyncio.ensure_future(client.chat(CHAT, one).__aenter__())
        await until(lambda: engine.running == 1)
        async with client.chat(CHAT, one) as response:
            assert response.status == 429
            assert response.headers["x-dsd-reason"] == "queue-full"
        running.cancel()
        await until(lambda: engine.aborted == 1)

    assert engine.seen == ["/v1/chat/completions"]


async def test_a_client_that_goes_away_ends_the_engines_work() -> None:
    engine = FakeTrtllm()
    engine.behave(tokens=1_000_000, between_tokens=0.01)
    async with fronted(engine) as client:
        async with client.chat(STREAM, PATIENCE) as response:
            await response.content.readany()
        await until(lambda: engine.aborted == 1)

    assert engine.running == 0


async def test_a_client_that_goes_away_before_the_answer_ends_the_engines_work() -> None:
    engine = FakeTrtllm()
    engine.behave(silent=True)
    async with fronted(engine) as client:
        running = asyncio.ensure_future(client.chat(CHAT).__aenter__())
        await until(lambda: engine.running == 1)
        running.cancel()
        await until(lambda: engine.aborted == 1)

    assert engine.running == 0


@pytest.mark.parametrize(
    "path",
    [
        "/update_weights",
        "/release_memory",
        "/metrics",
        "/",
        "/v1/chat/completions/",
        "/%75pdate_weights",
        "/v1/responses/../../update_weights",
    ],
)
async def test_what_is_not_open_never_reaches_the_engine(path: str) -> None:
    engine = FakeTrtllm()
    async with fronted(engine) as client:
        url = URL(f"{client.url}{path}", encoded=True)
        async with client.session.post(url) as response:
            assert response.status == 404

    assert not {"/update_weights", "/release_memory", "/metrics"} & set(engine.seen)


async def test_an_engine_that_is_not_there_is_told_so_that_another_may_be_asked() -> None:
    async with FakeTrtllm() as engine:
        port = engine.port
    async with before(port) as client:
        async with client.chat(CHAT) as response:
            body = await response.json()
        async with client.session.get(f"{client.url}/health") as health:
            pass

    assert (response.status, health.status) == (502, 502)
    assert body["error"]["message"].startswith("the engine does not answer: ")


@pytest.mark.parametrize("headers", [PATIENCE, {}], ids=["held", "not-held"])
async def test_an_answer_that_breaks_does_not_end_well(headers: dict[str, str]) -> None:
    engine = FakeTrtllm()
    engine.behave(breaks_after=2)
    async with fronted(engine) as client, client.chat(STREAM, headers) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()

    assert response.status == 200


async def test_a_stream_that_breaks_before_its_first_token_may_be_asked_of_another() -> None:
    engine = FakeTrtllm()
    engine.behave(breaks_after=0)
    async with fronted(engine) as client, client.chat(STREAM, PATIENCE) as response:
        assert response.status == 502


async def test_a_stream_that_falls_silent_is_cut() -> None:
    engine = FakeTrtllm()
    engine.behave(between_tokens=60.0)
    async with fronted(engine) as client, client.chat(STREAM, PATIENCE) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_refusals_of_the_engine_are_its_own() -> None:
    engine = FakeTrtllm()
    engine.behave(failing=1.0)
    async with fronted(engine) as client:
        async with client.chat(STREAM, PATIENCE) as response:
            assert (response.status, (await response.json())["object"]) == (500, "error")
        url = f"{client.url}/v1/chat/completions"
        async with client.session.post(url, data=b"{") as response:
            assert response.status == 400


class Echo:
    """A server that says what it was asked."""

    async def answer(self, request: web.Request) -> web.Response:
        asked = {
            "method": request.method,
            "path": request.raw_path,
            "headers": dict(request.headers),
            "length": len(await request.read()),
        }
        body = gzip.compress(json.dumps(asked).encode())
        headers = [("Content-Encoding", "gzip"), ("X-Own", "a"), ("X-Own", "b")]
        response = web.Response(body=body, content_type="application/json")
        for name, value in headers:
            response.headers.add(name, value)
        return response


@asynccontextmanager
async def before_echo() -> AsyncIterator[Client]:
    """A front of that server."""
    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{path:.*}", Echo().answer)
    server = TestServer(application)
    await server.start_server(max_field_size=1 << 16)
    async with before(server.port or 0) as client:
        yield client
    await server.close()


async def test_method_path_headers_and_body_pass_unchanged() -> None:
    body = b"x" * 900_000
    async with before_echo() as client:
        url = URL(f"{client.url}/v1/responses/a%2Fb?x=%20y&x=z", encoded=True)
        long = "v" * 40_000
        sent = client.session.put(url, data=body, headers={"X-Long": long, "X-Mine": "1"})
        async with sent as response:
            found = await response.json()

    assert (found["method"], found["path"]) == ("PUT", "/v1/responses/a%2Fb?x=%20y&x=z")
    assert found["length"] == len(body)
    assert found["headers"]["X-Long"] == long
    assert found["headers"]["Content-Length"] == str(len(body))
    assert response.headers.getall("X-Own") == ["a", "b"]
    assert response.headers["Content-Encoding"] == "gzip"


async def test_a_body_of_unknown_length_passes_too() -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 1000

    async with before_echo() as client:
        asked = client.session.post(f"{client.url}/v1/responses/x", data=parts())
        async with asked as response:
            found = await response.json()

    assert found["length"] == 10_000


async def test_the_page_of_metrics_passes() -> None:
    engine = FakeTrtllm(options={"return_perf_metrics": True})
    async with fronted(engine) as client:
        async with client.chat(CHAT) as response:
            assert response.status == 200
        async with client.session.get(f"{client.url}/prometheus/metrics") as response:
            text = await response.text()

    assert 'trtllm_request_success_total{engine_type="undefined",finished_reason="stop"' in text
