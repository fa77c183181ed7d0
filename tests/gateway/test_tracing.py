"""Traces of requests through the real Envoy to a collector, and on to engines."""

from typing import Any

import pytest

from tests.gateway.fake_collector import FakeCollector, Span
from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Gateway, probe, until

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
TRACED = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "vendor=1"}
UNTRACED = {"traceparent": f"00-{TRACE}-{CALLER}-00"}
SECRET = "walnut"


def to(
    collector: FakeCollector, *, percent: float = 100, host: str = "127.0.0.1"
) -> dict[str, Any]:
    """What the operator says of traces."""
    return {
        "tracing": {
            "host": host,
            "port": collector.port,
            "percent": percent,
            "service": "chat-gateway",
            "namespace": "team",
        }
    }


async def exported(collector: FakeCollector, count: int) -> list[Span]:
    """So many spans, once they have come."""
    await until(lambda: len(collector.spans) >= count)
    assert len(collector.spans) == count
    return collector.spans


async def test_a_trace_goes_on_through_the_gateway_to_the_engine(gateway: Gateway) -> None:
    async with FakeCollector() as collector, FakeEngine("v3") as v3:
        gateway.pods(v3=[v3])
        await gateway.tell({"v3": 100}, **to(collector, percent=0))

        answer = await gateway.ask(headers=TRACED)

        spans = await exported(collector, 2)
    [server] = [one for one in spans if one.kind == 2]
    [client] = [one for one in spans if one.kind == 3]
    assert answer.status == 200
    assert {one.trace for one in spans} == {TRACE}
    assert (server.parent, client.parent) == (CALLER, server.span)
    assert {one.service for one in spans} == {"chat-gateway"}
    assert server.name == "POST /v1/chat/completions"
    assert server.tags["deepseek.revision"] == "v3"
    assert server.tags["k8s.namespace.name"] == "team"
    assert server.tags["gen_ai.request.model"] == "chat"
    assert server.tags["http.status_code"] == "200"
    assert "deepseek.fallback" not in server.tags
    # The engine's own span is a child of its try's.
    [seen] = v3.seen
    assert seen["traceparent"] == f"00-{TRACE}-{client.span}-01"
    assert seen["tracestate"] == "vendor=1"


async def test_no_prompt_query_or_key_is_in_a_span(gateway: Gateway) -> None:
    said = {
        **TRACED,
        "Authorization": f"Bearer {SECRET}",
        "x-client-trace-id": SECRET,
        "x-envoy-decorator-operation": SECRET,
        "x-request-id": SECRET,
        "baggage": f"word={SECRET}",
    }
    async with FakeCollector() as collector, FakeEngine("v3") as v3:
        gateway.pods(v3=[v3])
        await gateway.tell({"v3": 100}, **to(collector))
        await gateway.ask(headers=said, messages=[{"role": "user", "content": SECRET}])
        async with gateway.session.get(
            f"{gateway.url}/v1/models/{SECRET}?key={SECRET}", headers=said
        ) as response:
            await response.read()
        async with gateway.session.get(f"{gateway.url}/{SECRET}", headers=said) as response:
            await response.read()

        await until(lambda: len([one for one in collector.spans if one.kind == 2]) == 3)

    names = {one.name for one in collector.spans if one.kind == 2}
    assert names == {"POST /v1/chat/completions", "GET /v1/models/{model}", "GET other"}
    assert [one.tags for one in collector.spans if SECRET in str(one)] == []
    assert not any(SECRET.encode() in one for one in collector.raw)


async def test_a_fallback_is_told_with_its_reason_and_each_try_is_seen(gateway: Gateway) -> None:
    async with FakeCollector() as collector, FakeEngine("v3") as v3, FakeEngine("r1") as r1:
        v3.behave(status=503)
        gateway.pods(v3=[v3], r1=[r1])
        chain: dict[str, Any] = {"then": {"v3": ["r1"]}, "replicas": {"v3": 1, "r1": 1}}
        await gateway.tell({"v3": 100}, **chain, **to(collector))

        answer = await gateway.ask(headers=TRACED)

        spans = await exported(collector, 3)
    [server] = [one for one in spans if one.kind == 2]
    tries = [one for one in spans if one.kind == 3]
    assert (answer.revision, answer.fallback) == ("r1", "Overloaded")
    assert server.tags["deepseek.revision"] == "r1"
    assert server.tags["deepseek.fallback"] == "Overloaded"
    assert server.tags["deepseek.attempts"] == "2"
    assert {one.parent for one in tries} == {server.span}
    assert sorted(one.tags["http.status_code"] for one in tries) == ["200", "503"]


async def test_who_cannot_be_reached_is_the_reason_too(gateway: Gateway) -> None:
    async with FakeCollector() as collector, FakeEngine("r1") as r1:
        gateway.pods(v3=[], r1=[r1])
        chain: dict[str, Any] = {"then": {"v3": ["r1"]}, "replicas": {"v3": 1, "r1": 1}}
        await gateway.tell({"v3": 100}, **chain, **to(collector))

        await gateway.ask(headers=TRACED)

        spans = await exported(collector, 2)
    [server] = [one for one in spans if one.kind == 2]
    assert server.tags["deepseek.fallback"] == "Unavailable"


@pytest.mark.parametrize(
    ("headers", "percent", "spans"),
    [
        pytest.param({}, 0, 0, id="none-of-0-percent"),
        pytest.param({}, 100, 2, id="all-of-100-percent"),
        pytest.param(UNTRACED, 100, 0, id="as-the-caller-has-it"),
        pytest.param(
            {"x-client-trace-id": "1", "x-envoy-force-trace": "1"}, 0, 0, id="not-as-a-client-says"
        ),
    ],
)
async def test_of_how_many_requests_there_are_spans(
    gateway: Gateway, headers: dict[str, str], percent: float, spans: int
) -> None:
    async with FakeCollector() as collector, FakeEngine("v3") as v3:
        gateway.pods(v3=[v3])
        await gateway.tell({"v3": 100}, **to(collector, percent=percent))
        await gateway.ask(headers=headers)
        # What comes after it has a span: until that is there, the first one's would be, too.
        await gateway.ask(headers=TRACED)

        await exported(collector, spans + 2)

    # Engines are told of a trace in any case, and whether it is written.
    assert v3.seen[0]["traceparent"].endswith("-01" if spans else "-00")
    assert len(collector.of(TRACE)) == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "collector.invalid"])
async def test_a_collector_that_is_away_costs_no_request_and_no_start(
    gateway: Gateway, host: str
) -> None:
    async with FakeCollector() as collector:
        away = to(collector, host=host)
    async with FakeEngine("v3") as v3:
        gateway.pods(v3=[v3])
        await gateway.tell({"v3": 100}, **away)
        answers = await gateway.ask_many(50, headers=TRACED)
        gateway.stop_envoy()
        gateway.start_envoy("second")
        await until(lambda: probe(gateway))
        await until(lambda: gateway.agent.server.taken.envoy == "second")
        again = await gateway.ask(headers=TRACED)

    assert {answer.status for answer in (*answers, again)} == {200}


async def test_it_is_switched_on_and_off_while_users_ask(gateway: Gateway) -> None:
    async with FakeCollector() as collector, FakeEngine("v3") as v3:
        gateway.pods(v3=[v3])
        await gateway.tell({"v3": 100})
        # What is changed of listeners, new connections see at once and others within minutes.
        anew = {**TRACED, "Connection": "close"}
        without = await gateway.ask(headers=anew)
        await gateway.tell({"v3": 100}, **to(collector))
        within = await gateway.ask(headers=anew)
        await exported(collector, 2)
        await gateway.tell({"v3": 100})
        after = await gateway.ask(headers=anew)

    assert {one.status for one in (without, within, after)} == {200}
    # Without it a trace is passed on as it came.
    assert v3.seen[0]["traceparent"] == v3.seen[2]["traceparent"] == TRACED["traceparent"]
    assert len(collector.spans) == 2
    assert gateway.agent.server.taken.refusals == 0


async def test_what_is_sent_to_the_collector_is_no_users_request(gateway: Gateway) -> None:
    async with FakeCollector() as collector, FakeEngine("v3") as v3:
        gateway.pods(v3=[v3])
        await gateway.tell({"v3": 100}, **to(collector))
        await gateway.ask(headers=TRACED)
        await exported(collector, 2)
        counted = (await gateway.admin.counted())["active"]

    assert set(counted) <= {"v3"}
