"""The fake engine tells what it did as the operator reads it of a real one."""

import math

import aiohttp

from deepseek_operator.engines.figures import EngineFigures
from deepseek_operator.telemetry.engines import Engines
from tests.gateway.fake_engine import FakeEngine

POD = {
    "metadata": {"name": "a", "uid": "1", "labels": {"serving.deepseek.dev/revision": "new"}},
    "spec": {"containers": [{"name": "engine", "command": ["vllm", "serve"]}]},
    "status": {"podIP": "127.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
}


async def figures(engine: FakeEngine, session: aiohttp.ClientSession) -> EngineFigures:
    [found] = await Engines(session, port=engine.port).ask([POD])
    assert found.figures is not None
    return found.figures


async def ask(engine: FakeEngine, session: aiohttp.ClientSession, *, stream: bool) -> None:
    url = f"http://127.0.0.1:{engine.port}/v1/chat/completions"
    async with session.post(url, json={"model": "chat", "stream": stream}) as response:
        await response.read()


async def test_what_it_answered_stands_on_its_page() -> None:
    async with FakeEngine("a") as engine, aiohttp.ClientSession() as session:
        engine.behave(tokens=1, reason="length")
        await ask(engine, session, stream=True)
        engine.behave(tokens=3, reason="stop", first_token=0.02)
        await ask(engine, session, stream=False)
        engine.behave(status=503)
        await ask(engine, session, stream=True)
        engine.metrics.preempt()

        found = await figures(engine, session)

    assert found.finished == {"stop": 1, "length": 1, "abort": 0, "error": 0, "repetition": 0}
    assert found.answered == {"2xx": 2, "5xx": 1}
    assert found.generated is not None
    assert (found.generated[1.0], found.generated[math.inf]) == (1, 2)
    assert found.first_token is not None
    assert (found.first_token[0.01], found.first_token[0.02]) == (1, 2)
    assert found.per_output_token is not None
    assert found.preemptions == 1


async def test_another_process_begins_with_nothing() -> None:
    async with FakeEngine("a") as engine, aiohttp.ClientSession() as session:
        await ask(engine, session, stream=True)
        before = await figures(engine, session)
        await engine.stop()
        await engine.__aenter__()
        after = await figures(engine, session)

    assert (before.finished or {})["stop"] == 1
    assert (after.finished or {})["stop"] == 0
    assert before.started != after.started
