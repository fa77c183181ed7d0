"""Clients that cancel a stream of HTTP/2, through a real Envoy to what a rollout is judged by."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from deepseek_operator.observed import Gateway as Told
from deepseek_operator.rollout import counting
from deepseek_operator.rollout.evidence import Outcomes
from deepseek_operator.rollout.stretches import USERS, Counter
from tests.gateway import frames
from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Gateway, until

BODY = json.dumps(
    {"model": "chat", "messages": [{"role": "user", "content": "hello"}], "stream": True}
).encode()
COUNT = 3


@pytest.mark.parametrize("answered", [False, True], ids=["before-a-token", "in-the-answer"])
async def test_a_cancelled_stream_is_nobodys_error(gateway: Gateway, *, answered: bool) -> None:
    asked = [2 * number + 1 for number in range(COUNT)]
    async with FakeEngine("v3") as v3:
        v3.behave(tokens=1000, between_tokens=0.05, silent=not answered)
        gateway.pods(v3=[v3])
        await gateway.tell({"v3": 100})
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ports["client"])
        seen = frames.Seen()
        listening = asyncio.create_task(frames.listen(reader, seen))
        writer.write(frames.PREFACE + frames.settings() + b"".join(map(_stream, asked)))
        await until(lambda: len(v3.seen) == COUNT)
        if answered:
            await until(lambda: seen.answered == set(asked))
        writer.write(b"".join(map(frames.reset, asked)))
        await writer.drain()

        counted = await until(lambda: _counted(gateway))
        writer.close()
        await asyncio.wait([listening])

    assert {item["flags"] for item in counted["requests"]} == {"DR"}
    told = Told("gateway", is_ready=True, report={"envoy": "1", "counted": counted})
    [counts] = counting.reading([told], at=datetime.now(UTC)).sources.values()
    assert counts == {Counter("v3", USERS): Outcomes(COUNT, 0)}


def _stream(stream: int) -> bytes:
    json_body = ("content-type", "application/json")
    path = "/v1/chat/completions"
    return frames.request(stream, json_body, body=BODY, method="POST", path=path)


async def _counted(gateway: Gateway) -> dict[str, Any] | None:
    """Once all have ended: for a moment one that ends may still be among those that run."""
    counted = await gateway.admin.counted()
    total = sum(item["count"] for item in counted["requests"])
    return counted if total == COUNT and not any(counted["active"].values()) else None
