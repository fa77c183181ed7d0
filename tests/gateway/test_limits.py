"""What no request exceeds, and what clients that misbehave get; the real Envoy."""

import asyncio
import contextlib
from collections import Counter
from typing import Any

import aiohttp
import pytest

from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Gateway, until


async def test_more_than_the_queue_holds_is_refused_at_once(gateway: Gateway) -> None:
    async with FakeEngine("one") as one:
        one.behave(first_token=1.0, tokens=1)
        gateway.pods(only=[one])
        await gateway.tell({"only": 100}, limits={"requestsPerPod": 8})

        answers = await gateway.ask_many(40, at_once=40)
        counted = await until(lambda: _counted(gateway, 40))

    statuses = Counter(answer.status for answer in answers)
    assert statuses == {200: 8, 429: 32}
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.headers["Retry-After"] == "1"
    assert refused.error["type"] == "rate_limit_error"
    assert len(one.seen) == 8
    # They are its failures: nobody answered them, and still it was its turn. Some had a pod chosen already.
    by_code: Counter[tuple[str, int]] = Counter()
    for item in counted:
        by_code[item["chosen"], item["code"]] += item["count"]
    assert by_code == {("only", 200): 8, ("only", 429): 32}


async def _counted(gateway: Gateway, total: int) -> list[dict[str, Any]] | None:
    found: list[dict[str, Any]] = (await gateway.admin.counted())["requests"]
    return found if sum(item["count"] for item in found) == total else None


async def test_a_request_that_is_too_long_reaches_no_engine(gateway: Gateway) -> None:
    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100}, limits={"bodyBytes": 10_000})

        fits = await gateway.ask(text="x" * 9_000)
        answer = await gateway.ask(text="x" * 20_000)

    assert fits.status == 200
    assert answer.status == 413
    assert len(one.seen) == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/models", 405),
        ("POST", "/v1/load_lora_adapter", 404),
        ("GET", "/metrics", 404),
        ("POST", "/pause", 404),
        ("GET", "/v1/../metrics", 404),
        ("GET", "/v1/models%2f..%2f..%2fmetrics", 400),
        ("GET", "/v1/models/../../metrics", 404),
    ],
)
async def test_only_the_api_is_reached(
    gateway: Gateway, method: str, path: str, status: int
) -> None:
    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})

        head, _ = await _raw(
            gateway, f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        )

    assert head.split()[1] == str(status)
    assert one.seen == []


async def _raw(gateway: Gateway, text: str, *, wait: float = 5.0) -> tuple[str, bytes]:
    """Send bytes as they are; the answer's first line and all of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ports["client"])
    writer.write(text.encode())
    await writer.drain()
    found = b""
    with contextlib.suppress(TimeoutError):
        found = await asyncio.wait_for(reader.read(65536), wait)
    writer.close()
    return found.split(b"\r\n")[0].decode(), found


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("NONSENSE\r\n\r\n", id="no-http"),
        pytest.param(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
            id="two-lengths",
        ),
        pytest.param(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
            "Content-Length: 40\r\n\r\nabcd",
            id="two-different-lengths",
        ),
        pytest.param(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            "Transfer-Encoding: xchunked\r\n\r\nabcd",
            id="unknown-encoding",
        ),
        pytest.param(
            "GET /v1/models HTTP/1.1\r\nHost: x\r\nx_dsd_pin: new\r\n\r\n", id="underscores"
        ),
        pytest.param(
            "GET /v1/models HTTP/1.1\r\nA: " + "x" * 70_000 + "\r\n\r\n", id="huge-header"
        ),
    ],
)
async def test_malformed_requests_reach_no_engine(gateway: Gateway, text: str) -> None:
    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})

        head, _ = await _raw(gateway, text)
        after = await gateway.ask()

    assert head.split()[1] in ("400", "431", "501")
    assert after.status == 200
    assert len(one.seen) == 1


async def test_a_half_sent_request_reaches_no_engine(gateway: Gateway) -> None:
    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})

        half = 'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{"mo'
        head, _ = await _raw(gateway, half, wait=0.5)
        after = await gateway.ask()

    assert head == ""
    assert after.status == 200
    assert len(one.seen) == 1


async def test_a_client_that_goes_away_ends_its_request_in_the_engine(gateway: Gateway) -> None:
    async with FakeEngine("one") as one:
        one.behave(tokens=1000, between_tokens=0.05)
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        body = {"model": "chat", "stream": True}
        async with aiohttp.ClientSession() as session:
            response = await session.post(f"{gateway.url}/v1/chat/completions", json=body)
            await response.content.readany()
            response.close()
        await until(lambda: one.aborted == 1)

    assert one.running == 0


async def test_tokens_come_through_as_they_are_made(gateway: Gateway) -> None:
    """Nothing is buffered: a token is there before the next one is made."""
    async with FakeEngine("one") as one:
        one.behave(tokens=3, between_tokens=0.5)
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        body = {"model": "chat", "stream": True}
        async with aiohttp.ClientSession() as session:
            response = await session.post(f"{gateway.url}/v1/chat/completions", json=body)
            first = await response.content.readany()
            response.close()

    assert first.count(b"data: ") == 1


async def test_engines_are_told_how_long_a_token_may_take(gateway: Gateway) -> None:
    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        await gateway.tell(
            {"only": 100}, limits={"firstTokenSeconds": 2.5, "betweenTokensSeconds": 7}
        )
        await gateway.ask(headers={"x-dsd-first-token-seconds": "900"})

    [headers] = one.seen
    assert headers["x-dsd-first-token-seconds"] == "2.5"
    assert headers["x-dsd-between-tokens-seconds"] == "7"
