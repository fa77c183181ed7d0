"""Pods that go: until all of Envoy has heard of it one that is gone may be drawn, and then another is tried."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deepseek_serving.gateway import envoy
from deepseek_serving.gateway.agent import DOCUMENT_KEY, Agent
from deepseek_serving.gateway.document import Document, Route
from deepseek_serving.gateway.endpoints import Endpoint, together
from tests.gateway.rig import until
from tests.unit.serving.gateway.test_absence import slices

ONE, TWO = Endpoint("10.0.0.1", 8000), Endpoint("10.0.0.2", 8000)
DOCUMENT = Document("1", "chat", (Route("a", 100),), {"a": 2})
TEXT = json.dumps(
    {
        "format": 1,
        "version": "1",
        "servedName": "chat",
        "routes": [{"revision": "a", "weight": 100}],
        "replicas": {"a": 2},
    }
)


def test_routes_have_tries_for_pods_that_were_there_lately() -> None:
    both = envoy.build(DOCUMENT, {"a": (ONE, TWO)})
    one = envoy.build(DOCUMENT, {"a": (ONE,)})

    leaving = envoy.build(DOCUMENT, {"a": (ONE,)}, lately={"a": (ONE, TWO)})

    assert one.routes != both.routes
    assert leaving.routes == both.routes
    assert leaving.endpoints == one.endpoints


def test_pods_of_several_times_are_each_there_once() -> None:
    assert together({"a": (TWO,)}, {}, {"a": (ONE, TWO), "b": (ONE,)}) == {
        "a": (TWO, ONE),
        "b": (ONE,),
    }


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    """One that runs, and knows two pods."""
    found = Agent(tmp_path, leave_seconds=2)
    found.documents_changed({"gateway": {"data": {DOCUMENT_KEY: TEXT}}})
    found.slices_changed(slices(p1=True, p2=True))
    running = asyncio.create_task(found.run())
    try:
        await until(lambda: found.server.published is not None)
        yield found
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def routes(agent: Agent) -> tuple[dict[str, Any], ...]:
    """That Envoy is told of."""
    assert agent.server.published is not None
    return agent.server.published.resources.routes


async def test_for_a_while_there_are_tries_for_a_pod_that_is_gone(agent: Agent) -> None:
    before = agent.server.published
    for_two = routes(agent)

    agent.slices_changed(slices(p1=True, p2=False))
    await until(lambda: agent.server.published is not before)
    assert routes(agent) == for_two

    await until(lambda: routes(agent) != for_two)
    agent.slices_changed(slices(p1=True, p2=True))
    await until(lambda: routes(agent) == for_two)
