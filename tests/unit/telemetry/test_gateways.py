"""Asking gateways: what they say, and that silence, nonsense and refusals are no report."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from deepseek_operator.observed import Gateway
from deepseek_operator.telemetry import gateways
from deepseek_operator.telemetry.gateways import Gateways
from tests.unit.samples import Manifest


def pod(
    name: str, *, ip: str | None = "127.0.0.1", ready: bool = True, **metadata: Any
) -> Manifest:
    status: Manifest = {"conditions": [{"type": "Ready", "status": str(ready)}]}
    if ip is not None:
        status["podIP"] = ip
    return {"metadata": {"name": name, **metadata}, "status": status}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def serve(response: web.Response) -> TestServer:
    async def report(_: web.Request) -> web.Response:
        return response

    application = web.Application()
    application.router.add_get("/report", report)
    server = TestServer(application)
    await server.start_server()
    return server


async def test_a_report_is_read_with_its_pod(session: aiohttp.ClientSession) -> None:
    server = await serve(web.json_response({"taken": "7"}))
    asking = Gateways(session, port=server.port or 0)

    found = await asking.ask([pod("a"), pod("b", ip=None, ready=False)])
    await server.close()

    assert found == (
        Gateway("a", is_ready=True, report={"taken": "7"}),
        Gateway("b", is_ready=False, report=None),
    )


async def test_each_report_is_passed_on_with_its_pod(session: aiohttp.ClientSession) -> None:
    server = await serve(web.json_response({"taken": "7"}))
    told: list[tuple[str, Manifest]] = []

    def tell(one: Manifest, report: Manifest) -> None:
        told.append((one["metadata"]["name"], report))

    asking = Gateways(session, port=server.port or 0, tell=tell)

    await asking.ask([pod("a"), pod("b", ip=None)])
    await server.close()

    assert told == [("a", {"taken": "7"})]


async def test_a_pod_on_its_way_out_is_not_asked(session: aiohttp.ClientSession) -> None:
    leaving = pod("a", deletionTimestamp="2026-03-01T12:00:00Z")

    assert await Gateways(session, port=1).ask([leaving]) == ()


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(lambda: web.Response(status=503), id="refused"),
        pytest.param(lambda: web.Response(text="<html>"), id="nonsense"),
        pytest.param(lambda: web.json_response([1]), id="no-report"),
    ],
)
async def test_what_is_no_report_is_none(session: aiohttp.ClientSession, response: Any) -> None:
    server = await serve(response())

    [found] = await Gateways(session, port=server.port or 0).ask([pod("a")])
    await server.close()

    assert found == Gateway("a", is_ready=True, report=None)


async def test_a_pod_that_nobody_reaches_has_no_report(session: aiohttp.ClientSession) -> None:
    server = await serve(web.Response())
    port = server.port or 0
    await server.close()

    [found] = await Gateways(session, port=port).ask([pod("a")])

    assert found.report is None


async def test_where_gateways_cannot_be_reached_nobody_has_said_anything() -> None:
    assert await gateways.ask_nobody([pod("a")]) == (Gateway("a", is_ready=True, report=None),)
