"""No word of a user, of an answer or of a key stands in what a gateway and a front write, keep and count; the real Envoy."""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from deepseek_operator.engines.trtllm import OPEN_PATHS
from deepseek_serving.front import proxy
from deepseek_serving.gateway.endpoints import Endpoint
from tests.gateway.rig import Gateway, running_gateway, until
from tests.gateway.volumes import SecretVolume

PROMPT, ANSWER = "a-prompt-that-nobody-may-read", "an-answer-that-nobody-may-read"
KEY, WRONG = "a-key-that-nobody-may-read", "a-wrong-key-that-nobody-may-read"
MARKS = (PROMPT, ANSWER, KEY, WRONG)
BEHAVIOUR = "x-test-behaviour"


@asynccontextmanager
async def echoing(name: str, heard: list[str]) -> AsyncIterator[Endpoint]:
    """An engine behind a front that repeats what it was asked, in its errors too, as engines do."""

    async def complete(request: web.Request) -> web.StreamResponse:
        heard.append(f"{request.query_string}{await request.text()}")
        behaviour = request.headers.get(BEHAVIOUR, "")
        if behaviour.isdecimal():
            return web.json_response({"error": {"message": heard[-1]}}, status=int(behaviour))
        response = web.StreamResponse(headers={"X-Said": ANSWER})
        await response.prepare(request)
        await response.write(f"data: {ANSWER}\n\n".encode())
        if behaviour == "cut":
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write_eof()
        return response

    application = web.Application(client_max_size=2**24)
    application.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    engine = URL(f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        async with proxy.serve(host="127.0.0.1", port=0, engine=engine, paths=OPEN_PATHS) as port:
            yield Endpoint("127.0.0.1", port, name)
    finally:
        await runner.cleanup()


async def post(gateway: Gateway, path: str, body: Any, headers: Mapping[str, str]) -> int:
    """The status of the answer; 0 where it was cut."""
    try:
        async with gateway.session.post(
            f"{gateway.url}{path}", json=body, headers={"Connection": "close", **headers}
        ) as response:
            await response.read()
            return response.status
    except (aiohttp.ClientPayloadError, OSError):
        return 0


def written(gateway: Gateway) -> dict[str, str]:
    """Every file of the gateway's pod but the Secret itself, by name."""
    return {
        str(path.relative_to(gateway.folder)): path.read_bytes().decode(errors="replace")
        for path in gateway.folder.rglob("*")
        if path.is_file() and "keys" not in path.parts
    }


async def test_no_word_and_no_key_is_written_anywhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    keys = SecretVolume(tmp_path / "keys")
    keys.write({"alice": KEY})
    heard: list[str] = []
    body = {"model": "chat", "messages": [{"role": "user", "content": PROMPT}], "user": PROMPT}
    async with (
        running_gateway(tmp_path, keys=keys) as gateway,
        echoing("first", heard) as first,
        echoing("second", heard) as second,
    ):
        gateway.pods(v3=[first], r1=[second])
        await gateway.tell(
            {"v3": 100},
            then={"v3": ["r1"]},
            replicas={"v3": 1, "r1": 1},
            limits={"bodyBytes": 4096},
            stickyHeader="x-conversation",
        )
        known = {"Authorization": f"Bearer {KEY}", "x-conversation": PROMPT}
        chat = "/v1/chat/completions"
        said = [
            await post(gateway, chat, body, known),
            await post(gateway, chat, body, {**known, BEHAVIOUR: "400"}),
            await post(gateway, chat, body, {**known, BEHAVIOUR: "503"}),
            await post(gateway, chat, body, {**known, BEHAVIOUR: "cut"}),
            await post(gateway, chat, {**body, "more": "x" * 9000}, known),
            await post(gateway, chat, body, {"Authorization": f"Bearer {WRONG}"}),
            await post(gateway, chat, body, {"x-api-key": WRONG}),
            await post(gateway, f"{chat}?prompt={PROMPT}&key={KEY}", body, known),
            await post(gateway, f"/v1/{PROMPT}/{KEY}", body, known),
        ]
        lines = await until(lambda: gateway.lines if len(gateway.lines) == len(said) else None)
        told = {
            "report": json.dumps(gateway.agent.report()),
            "metrics": await gateway.admin.metrics(gateway.agent.report()),
            "prometheus": await gateway.admin.prometheus(),
            "log of the agent and the front": caplog.text,
            **written(gateway),
        }

    assert said == [200, 400, 503, 0, 413, 401, 401, 200, 404]
    assert sum(PROMPT in one for one in heard) >= 5
    assert KEY not in "".join(heard)
    assert [line.get("client") for line in lines].count("alice") == 7
    assert {"envoy.log", "last-good.json"} <= set(told)
    found = {(name, mark) for name, text in told.items() for mark in MARKS if mark in text}
    assert found == set()
