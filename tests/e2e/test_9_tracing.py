"""A trace that a client begins goes through the gateway into real vLLM, and both tell one collector of it."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from dev.cluster.layout import HOST_ADDRESS
from dev.demo.load import stream
from dev.kubectl import install_release
from tests.e2e.line import Line, deepseek
from tests.gateway.fake_collector import FakeCollector, Span
from tests.gateway.rig import until

NAME = "traced"
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SERVER, CLIENT = 2, 3
SECONDS = 60.0


@contextlib.contextmanager
def traced(line: Line, endpoint: str) -> Iterator[None]:
    """An object is served whose gateway and engine know a collector."""
    values = {**line.target.values(), "tracing": {"endpoint": endpoint, "samplingPercent": 0}}
    install_release(line.target.kubectl, values)
    try:
        engine = {"args": [f"--otlp-traces-endpoint=http://{endpoint}"]}
        pod = {"env": [{"name": "OTEL_SERVICE_NAME", "value": "engine"}]}
        line.apply(deepseek(NAME, engine=engine, pod=pod))
        line.ready(NAME)
        yield
    finally:
        line.run("delete", "deepseekdeployment", NAME, "--ignore-not-found")
        install_release(line.target.kubectl, line.target.values())


@pytest.mark.campaign
async def test_one_trace_tells_of_the_gateway_and_of_the_engine(line: Line) -> None:
    async with FakeCollector(address=HOST_ADDRESS) as collector:
        served = traced(line, f"{HOST_ADDRESS}:{collector.port}")
        await asyncio.to_thread(served.__enter__)
        try:
            headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
            await asyncio.to_thread(stream, line.url(NAME), NAME, headers=headers)

            def whole() -> list[Span]:
                spans = collector.of(TRACE)
                return spans if len(spans) > 2 else []

            spans = await until(whole, seconds=SECONDS)
        finally:
            await asyncio.to_thread(served.__exit__, None, None, None)

    [server] = [one for one in spans if one.kind == SERVER and one.parent == CALLER]
    [client] = [one for one in spans if one.kind == CLIENT]
    [engine] = [one for one in spans if one.service == "engine"]
    assert client.parent == server.span
    assert engine.parent == client.span
    assert int(engine.tags["gen_ai.usage.completion_tokens"]) > 0
    # The gateway begins none: a share of 0.
    assert {one.trace for one in collector.spans if one.service != "engine"} == {TRACE}
