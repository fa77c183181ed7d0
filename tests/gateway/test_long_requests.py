"""Long requests beside short ones: the real Envoy, and the code that engines run in front of a fake one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from yarl import URL

from deepseek_serving.front import proxy
from deepseek_serving.gateway.endpoints import Endpoint
from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Gateway, until

TWO = {"fromBytes": 2000, "most": 2}
LONG = "x" * 200_000


@asynccontextmanager
async def pod(engine: FakeEngine) -> AsyncIterator[Endpoint]:
    """A pod whose engine keeps the limits of its own."""
    async with engine:
        url = URL(f"http://127.0.0.1:{engine.port}")
        paths = ("/v1/chat/completions",)
        async with proxy.serve(host="127.0.0.1", port=0, engine=url, paths=paths) as port:
            yield Endpoint("127.0.0.1", port, engine.name)


async def test_long_requests_cannot_fill_the_queue(gateway: Gateway) -> None:
    engine = FakeEngine("one")
    engine.behave(first_token=2.0, tokens=1)
    async with pod(engine) as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100}, limits={"requestsPerPod": 16}, longRequests=TWO)

        long = asyncio.create_task(gateway.ask_many(12, at_once=12, text=LONG))
        await until(lambda: engine.running == 2)
        short = await gateway.ask_many(8, at_once=8)
        refused = [answer for answer in await long if answer.status == 429]
        told = await until(lambda: _all_by_class(gateway, 20))

    assert Counter(answer.status for answer in await long) == {200: 2, 429: 10}
    assert {answer.status for answer in short} == {200}
    assert {answer.headers["x-dsd-class"] for answer in short} == {"short"}
    assert {answer.headers["x-dsd-class"] for answer in refused} == {"long"}
    assert {answer.headers["Retry-After"] for answer in refused} == {"5"}
    assert refused[0].error["message"] == "there are 2 long requests already: try again"
    assert told == {
        ("only", "long", "200"): 2,
        ("only", "long", "429"): 10,
        ("only", "short", "200"): 8,
    }


async def _all_by_class(gateway: Gateway, count: int) -> dict[tuple[str, str, str], int] | None:
    found = _by_class(await gateway.admin.metrics({}))
    return found if sum(found.values()) == count else None


def _by_class(page: str) -> dict[tuple[str, str, str], int]:
    return {
        (sample.labels["revision"], sample.labels["class"], sample.labels["code"]): int(
            sample.value
        )
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "deepseek_gateway_class_requests_total"
    }


async def test_a_body_that_does_not_say_its_length_has_the_one_that_it_has(
    gateway: Gateway,
) -> None:
    """Envoy waits for all of a body and then says how long it is."""
    engine = FakeEngine("one")
    async with pod(engine) as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100}, longRequests={"fromBytes": 2000, "most": 2})

        found = [await _chunked(gateway, size) for size in (100, 4000)]

    assert found == ["short", "long"]


async def _chunked(gateway: Gateway, size: int) -> str:
    async def parts() -> AsyncIterator[bytes]:
        yield b'{"model": "chat", "text": "'
        yield b"x" * size
        yield b'"}'

    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession() as session:
        url = f"{gateway.url}/v1/chat/completions"
        async with session.post(url, data=parts(), headers=headers) as response:
            assert response.status == 200
            return response.headers["x-dsd-class"]


async def test_what_one_engine_has_no_room_for_goes_to_another_revision(gateway: Gateway) -> None:
    first, second = FakeEngine("v3"), FakeEngine("r1")
    first.behave(first_token=2.0, tokens=1)
    async with pod(first) as v3, pod(second) as r1:
        gateway.pods(v3=[v3], r1=[r1])
        then, replicas = {"v3": ["r1"]}, {"v3": 1, "r1": 1}
        await gateway.tell({"v3": 100}, then=then, replicas=replicas, longRequests=TWO)

        answers = await gateway.ask_many(3, at_once=3, text=LONG)

    assert Counter((answer.status, answer.revision) for answer in answers) == {
        (200, "v3"): 2,
        (200, "r1"): 1,
    }
    assert "Overloaded" in {answer.fallback for answer in answers}


async def test_no_client_says_what_is_long(gateway: Gateway) -> None:
    engine = FakeEngine("one")
    claimed = {"x-dsd-long-bytes": "1", "x-dsd-most-long-requests": "1"}
    async with pod(engine) as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        alike = await gateway.ask(headers=claimed)
        await gateway.tell({"only": 100}, longRequests={"fromBytes": 2000})
        short = await gateway.ask(headers=claimed)

    assert "x-dsd-class" not in alike.headers
    assert short.headers["x-dsd-class"] == "short"
    unsaid, said = engine.seen
    assert "x-dsd-long-bytes" not in unsaid
    assert said["x-dsd-long-bytes"] == "2000"
    assert "x-dsd-most-long-requests" not in unsaid
    assert "x-dsd-most-long-requests" not in said
