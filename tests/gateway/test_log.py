"""What a gateway writes and counts of requests, and of which; the real Envoy."""

import json
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Gateway, until

ANEW = {"Connection": "close"}
"""What is changed of the log, new connections see at once and others within minutes."""


async def test_a_line_is_written_of_the_requests_that_the_object_asks_for(
    gateway: Gateway,
) -> None:
    async with FakeEngine("v3") as v3, FakeEngine("r1") as r1:
        gateway.pods(v3=[v3], r1=[r1])
        chain: dict[str, Any] = {"then": {"v3": ["r1"]}, "replicas": {"v3": 1, "r1": 1}}
        await gateway.tell({"v3": 100}, **chain, accessLog="Off")
        await gateway.ask(headers=ANEW)
        await gateway.tell({"v3": 100}, **chain, accessLog="Failures")
        await gateway.ask(headers=ANEW)
        v3.behave(status=503)
        await gateway.ask(headers=ANEW)
        v3.behave(status=400)
        await gateway.ask(headers=ANEW)
        v3.behave(status=200)
        await gateway.tell({"v3": 100}, **chain)
        async with gateway.session.get(f"{gateway.url}/v1/models/walnut?key=walnut", headers=ANEW):
            pass
        await gateway.ask(headers={**ANEW, "X-Request-Id": "x" * 500})
        lines = await until(lambda: gateway.lines if len(gateway.lines) == 4 else None)
        told = await until(lambda: _with_first_bytes(gateway))

    assert [(line["path"], line["code"], line["revision"], line["reason"]) for line in lines] == [
        ("/v1/chat/completions", 200, "r1", "Overloaded"),
        ("/v1/chat/completions", 400, "v3", None),
        ("/v1/models/{model}", 404, "v3", None),
        ("/v1/chat/completions", 200, "v3", None),
    ]
    assert all("client" not in line for line in lines)
    assert len(json.dumps(lines[-1])) < 600
    assert "walnut" not in gateway.log
    assert told["deepseek_gateway_fallbacks_total"] == 1
    assert told["deepseek_gateway_requests_total"] == 6


async def _with_first_bytes(gateway: Gateway) -> dict[str, float] | None:
    """The sums of its metrics, once Envoy has added all to its histogram."""
    page = await gateway.admin.metrics(gateway.agent.report())
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0) + sample.value
    return found if found.get("deepseek_gateway_first_byte_seconds_count") == 6 else None
