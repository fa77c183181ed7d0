"""What a fake engine and a real one answer to the same requests, and where their answers differ in shape."""

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

import aiohttp

from tests.e2e.line import Manifest
from tests.gateway.fake_engine import FakeEngine

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
ASKED: dict[str, Manifest] = {
    CHAT: {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 4},
    TEXT: {"prompt": "hello", "max_tokens": 4},
    "/tokenize": {"prompt": "hello"},
    "/detokenize": {"tokens": [1, 2]},
}
"""What this model answers of the API; it embeds nothing."""


def posted(url: str, body: object) -> tuple[int, str]:
    """The status and the text of an answer, whatever they are."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def of_fake(path: str, body: object, *, model: str) -> tuple[int, str]:
    """The same of a fake engine; of no JSON where there is no body."""

    async def asked() -> tuple[int, str]:
        async with FakeEngine("fake", model=model) as engine, aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{engine.port}{path}"
            sent = b"{" if body is None else json.dumps(body).encode()
            async with session.post(url, data=sent) as response:
                return response.status, await response.text()

    return asyncio.run(asked())


def chunks(text: str) -> list[Any]:
    """The JSON events of a stream."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def foreign(fake: Any, real: Any, place: str = "") -> list[str]:
    """Where the fake says what the real one does not, or says it in another type."""
    if isinstance(fake, dict) and isinstance(real, dict):
        missing = [f"{place}.{key}" for key in fake if key not in real]
        return missing + [
            found
            for key in fake.keys() & real.keys()
            for found in foreign(fake[key], real[key], f"{place}.{key}")
        ]
    if isinstance(fake, list) and isinstance(real, list):
        return foreign(fake[0], real[0], f"{place}[0]") if fake and real else []
    same = type(fake) is type(real) or fake is None or real is None
    return [] if same else [f"{place}: {type(fake).__name__} and {type(real).__name__}"]
