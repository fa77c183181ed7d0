"""Long requests get a priority behind the others, without anybody reading their bodies."""

import json
from typing import Any

import pytest

from deepseek_serving.engine import classes, priority
from deepseek_serving.engine.bounded import Bounded
from deepseek_serving.engine.priority import PRIORITY_VARIABLE

CHAT = "/v1/chat/completions"
BY_PRIORITY = {PRIORITY_VARIABLE: "1"}


class Reader:
    """An engine that reads a request to its end."""

    def __init__(self) -> None:
        self.body = b""
        self.after: list[str] = []

    async def __call__(self, _: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            self.body += message["body"]
            if not message.get("more_body"):
                break
        self.after.append((await receive())["type"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def read(
    *parts: bytes,
    environment: dict[str, str] | None = None,
    path: str = CHAT,
    least: int = 10,
) -> bytes:
    """What the engine reads of a body that comes in these parts."""
    engine, left = Reader(), list(parts)

    async def receive() -> dict[str, Any]:
        if not left:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(_: Any) -> None:
        pass

    scope = {
        "type": "http",
        "path": path,
        "headers": [
            (b"x-dsd-most-requests", b"8"),
            (classes.LONG_BYTES_HEADER, str(least).encode()),
            (b"content-length", str(sum(map(len, parts))).encode()),
        ],
    }
    app = Bounded(engine, BY_PRIORITY if environment is None else environment)
    await app(scope, receive, send)
    assert engine.after == ["http.disconnect"]
    return engine.body


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((b'{"model": "chat", "n": 1}',), id="at-once"),
        pytest.param((b'{"model": "chat", "n": 1} \r\n',), id="with-space-behind"),
        pytest.param((b'{"model": "chat", "n": 1', b"}"), id="its-end-alone"),
        pytest.param((b'{"model": "chat", "n": 1}', b""), id="nothing-behind"),
        pytest.param((b'{"model": "chat", "n": 1} ', b"\n", b" "), id="space-alone"),
        pytest.param((b'{"model": "chat"', b', "n": 1}', b"\n"), id="in-parts"),
        pytest.param((b'{"model": "chat", "priority": -9, "n": 1}',), id="its-client-says-it"),
    ],
)
async def test_a_long_request_is_behind_the_others(parts: tuple[bytes, ...]) -> None:
    assert json.loads(await read(*parts)) == {"model": "chat", "n": 1, "priority": 1}


async def test_what_is_passed_on_waits_for_one_sign_alone() -> None:
    """A body of many megabytes is not held twice."""
    parts = [b'{"a": "' + b"x" * 100_000, b"y" * 100_000, b'"}']
    left = list(parts)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    changed = priority.behind(receive, 1)

    assert len((await changed())["body"]) == len(parts[0]) - 1
    assert len((await changed())["body"]) == len(parts[1])
    assert (await changed())["body"] == b'y","priority":1}'


@pytest.mark.parametrize(
    "body",
    [b'["a", "list", "of"]', b"no JSON at all", b'{"cut": "in the mid'],
    ids=["list", "no", "cut"],
)
async def test_what_is_no_object_stays_as_it_is(body: bytes) -> None:
    assert await read(body) == body


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"least": 1000}, id="short"),
        pytest.param({"environment": {}}, id="in-the-order-of-arrival"),
        pytest.param({"path": "/v1/embeddings"}, id="no-answer-of-tokens"),
    ],
)
async def test_other_bodies_stay_as_they_are(how: dict[str, Any]) -> None:
    body = b'{"model": "chat", "priority": -9}'

    assert await read(body, **how) == body
