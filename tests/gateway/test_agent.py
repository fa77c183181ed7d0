"""What survives when a part of a gateway ends, and what it tells; the real Envoy."""

import asyncio
import json
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from deepseek_serving.gateway import store
from deepseek_serving.gateway.__main__ import application
from deepseek_serving.gateway.drain import drain
from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Gateway, probe, until


async def test_an_envoy_that_starts_anew_serves_as_before(gateway: Gateway) -> None:
    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        version = await gateway.tell({"only": 100})
        gateway.stop_envoy()
        await until(lambda: not gateway.agent.server.taken.connected)
        gateway.start_envoy("second")
        await until(lambda: gateway.agent.server.taken.envoy == "second")
        await until(lambda: probe(gateway))

        answer = await gateway.ask()

    assert answer.status == 200
    assert gateway.agent.report()["taken"] == version


async def test_an_envoy_is_not_ready_before_it_knows_whom_to_ask(gateway: Gateway) -> None:
    await until(lambda: gateway.agent.server.taken.connected)
    assert not await probe(gateway)

    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        await until(lambda: probe(gateway))


async def test_a_pod_that_starts_anew_without_an_api_server_serves_as_before(
    gateway: Gateway,
) -> None:
    """Both processes are new; only the folder of the pod is the old one."""
    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        version = await gateway.tell({"only": 100})
        await until(lambda: store.load(gateway.folder))
        gateway.stop_envoy()
        await gateway.exchange_agent()
        gateway.start_envoy("second")
        await asyncio.wait_for(gateway.agent.server.wait_taken(version), 20)
        await until(lambda: probe(gateway))
        answer = await gateway.ask()

    assert answer.status == 200


async def test_requests_are_served_while_the_agent_is_away(gateway: Gateway) -> None:
    async with FakeEngine("one") as one:
        one.behave(tokens=3, between_tokens=0.2)
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        await until(lambda: store.load(gateway.folder))
        load = asyncio.create_task(gateway.ask_many(200, stream=True))
        await until(lambda: len(one.seen) > 20)
        await gateway.stop_agent()
        await until(lambda: len(one.seen) > 60)
        await gateway.exchange_agent()
        await until(lambda: gateway.agent.server.taken.version)
        answers = await load

    assert {answer.status for answer in answers} == {200}


def test_a_state_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert store.load(tmp_path) is None
    for text in (
        "",
        "{",
        "[]",
        '{"document": "x"}',
        '{"document": "x", "endpoints": {"a": [[1]]}}',
    ):
        (tmp_path / store.FILE).write_text(text)
        assert store.load(tmp_path) is None


async def test_what_was_asked_is_counted_once_by_whose_turn_it_was(gateway: Gateway) -> None:
    async with FakeEngine("v3") as v3, FakeEngine("r1") as r1:
        gateway.pods(v3=[v3], r1=[r1])
        await gateway.tell({"v3": 100}, then={"v3": ["r1"]}, replicas={"v3": 1, "r1": 1}, pins=True)
        await gateway.ask_many(20)
        await gateway.ask(headers={"x-dsd-pin": "r1"})
        v3.behave(status=500)
        await gateway.ask()
        v3.behave(status=503)
        await gateway.ask()
        counted = await until(lambda: _counted(gateway, 23))

    kinds = {
        (item["chosen"], item["served"], item["code"], item["attempts"], item["pinned"]): item[
            "count"
        ]
        for item in counted["requests"]
    }
    assert kinds == {
        ("v3", "v3", 200, 1, False): 20,
        ("r1", "r1", 200, 1, True): 1,
        ("v3", "v3", 500, 1, False): 1,
        ("v3", "r1", 200, 2, False): 1,
    }
    assert counted["active"] == {"v3": 0, "r1": 0}


async def _counted(gateway: Gateway, total: int) -> dict[str, object] | None:
    counted = await gateway.admin.counted()
    return counted if sum(item["count"] for item in counted["requests"]) == total else None


async def test_it_tells_how_far_it_is_over_http(gateway: Gateway) -> None:
    async with (
        FakeEngine("one") as one,
        TestClient(TestServer(application(gateway.agent, gateway.admin, ()))) as client,
    ):
        early = await client.get("/readyz")
        gateway.pods(only=[one])
        version = await gateway.tell({"only": 100})
        await gateway.ask()
        await until(lambda: _counted(gateway, 1))
        late = await client.get("/readyz")
        report = await (await client.get("/report")).json()
        metrics = await (await client.get("/metrics")).text()

    assert (early.status, late.status) == (503, 200)
    assert (report["told"], report["taken"], report["refusal"]) == (version, version, None)
    assert report["envoy"] == "first"
    assert report["pods"] == {"only": 1}
    assert report["counted"]["requests"][0]["count"] == 1
    assert 'requests_total{code="200",revision="only",served_by="only"} 1.0' in metrics


async def test_what_runs_may_end_before_a_gateway_does(gateway: Gateway) -> None:
    async with FakeEngine("one") as one:
        one.behave(tokens=20, between_tokens=0.1)
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        running = asyncio.create_task(gateway.ask_many(10, stream=True))
        await until(lambda: one.running == 10)

        left = await drain(gateway.admin, timeout=20, settle=0.1)
        answers = await running

    assert left == 0
    assert all(answer.text.endswith("data: [DONE]\n\n") for answer in answers)


async def test_the_log_holds_no_word_of_what_was_asked(gateway: Gateway) -> None:
    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        await gateway.ask(secret="walnut", headers={"Authorization": "Bearer walnut"})
        async with gateway.session.get(f"{gateway.url}/v1/models?key=walnut"):
            pass
        lines = await until(lambda: _lines(gateway, 2))

    assert "walnut" not in gateway.log
    assert {line["revision"] for line in lines} == {"only"}


def _lines(gateway: Gateway, count: int) -> list[dict[str, object]] | None:
    found = [json.loads(line) for line in gateway.log.splitlines() if line.startswith("{")]
    return found if len(found) >= count else None
