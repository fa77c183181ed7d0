"""What no request exceeds, and what clients that misbehave get; the real Envoy."""

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from deepseek_serving.gateway import clusters, routes
from deepseek_serving.gateway.endpoints import Endpoint
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


@pytest.mark.parametrize("path", routes.PATHS)
async def test_each_path_of_the_api_reaches_an_engine(gateway: Gateway, path: str) -> None:
    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})

        async with gateway.session.post(f"{gateway.url}{path}", json={}) as response:
            answer = await response.json()

    assert (response.status, response.headers["x-dsd-revision"]) == (200, "only")
    assert answer.get("object") == _OBJECTS.get(path)
    assert len(one.seen) == 1


_OBJECTS = {
    "/v1/chat/completions": "chat.completion",
    "/v1/completions": "text_completion",
    "/v1/embeddings": "list",
}
"""What answers say that they are; those of vLLM's own paths say nothing."""


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


@contextlib.asynccontextmanager
async def _begun(gateway: Gateway) -> AsyncIterator[bytes]:
    """A stream and its first part, left in the middle."""
    body = {"model": "chat", "stream": True}
    async with aiohttp.ClientSession() as session:
        response = await session.post(f"{gateway.url}/v1/chat/completions", json=body)
        yield await response.content.readany()
        response.close()


async def test_a_client_that_goes_away_ends_its_request_in_the_engine(gateway: Gateway) -> None:
    async with FakeEngine("one") as one:
        one.behave(tokens=1000, between_tokens=0.05)
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        async with _begun(gateway):
            pass
        await until(lambda: one.aborted == 1)

    assert one.running == 0


async def test_tokens_come_through_as_they_are_made(gateway: Gateway) -> None:
    """Nothing is buffered: a token is there before the next one is made."""
    async with FakeEngine("one") as one:
        one.behave(tokens=3, between_tokens=0.5)
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        async with _begun(gateway) as first:
            pass

    assert first.count(b"data: ") == 1


@pytest.mark.parametrize("others", [0, 2])
async def test_an_answer_that_falls_silent_ends_however_many_may_answer(
    gateway: Gateway, others: int
) -> None:
    """An engine keeps it shorter; one whose process stands still keeps nothing. Waiting for three tries is no part of it."""
    async with contextlib.AsyncExitStack() as stack:
        names = ["v3", "r1", "small"][: 1 + others]
        engines = {name: await stack.enter_async_context(FakeEngine(name)) for name in names}
        engines["v3"].behave(tokens=2, between_tokens=60)
        gateway.pods(**{name: [engine] for name, engine in engines.items()})
        await gateway.tell(
            {"v3": 100},
            then={"v3": names[1:]},
            replicas=dict.fromkeys(names, 1),
            limits={"responseSeconds": 1, "betweenTokensSeconds": 0.5},
        )
        with pytest.raises(aiohttp.ClientPayloadError):
            await gateway.ask(stream=True)
        [line] = await until(lambda: gateway.lines)

    assert (line["code"], line["details"]) == (200, "upstream_per_try_idle_timeout")
    assert all(engines[name].seen == [] for name in names[1:])


async def test_connections_to_engines_are_asked_whether_somebody_is_there(gateway: Gateway) -> None:
    """As the kernel says: a timer of keep-alive, and no other, is on the connection of an answer that is under way."""
    async with FakeEngine("one") as one:
        one.behave(tokens=2, between_tokens=30)
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        async with _begun(gateway):
            timer = await until(lambda: _timer(one.port))

    assert timer == _KEEP_ALIVE


_KEEP_ALIVE, _NOT_ACKNOWLEDGED = "02", "01"


def _timer(port: int) -> str | None:
    """Of the one connection that is open to this port, in /proc/net/tcp; None while something is not acknowledged."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        remote, state, timer = fields[2], fields[3], fields[5].partition(":")[0]
        if remote.endswith(f":{port:04X}") and state == "01" and timer != _NOT_ACKNOWLEDGED:
            return timer
    return None


async def test_who_reads_nothing_is_given_up_and_another_answers(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To its sender that is a node which is gone: what is not acknowledged in time is sent elsewhere."""
    monkeypatch.setattr(clusters, "DEAD_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        async with FakeEngine("r1") as r1:
            gateway.pods(v3=[Endpoint("127.0.0.1", deaf.getsockname()[1])], r1=[r1])
            await gateway.tell(
                {"v3": 100},
                then={"v3": ["r1"]},
                replicas={"v3": 1, "r1": 1},
                # To run out of time is no reason to go on.
                fallbackOn=["Unavailable"],
                limits={"responseSeconds": 20},
            )

            answer = await gateway.ask(text="x" * 900_000)

    assert (answer.status, answer.revision, answer.fallback) == (200, "r1", "Unavailable")


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
