"""Whatever clients send: an engine sees whole requests in one form only, and users beside are answered; the real Envoy."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from deepseek_serving.gateway import limits
from tests.gateway import abusing
from tests.gateway.abuses import ABUSES, Abuse, get
from tests.gateway.abusing import Abused

pytestmark = pytest.mark.asyncio(loop_scope="module")

_SECONDS = 10.0


@pytest.mark.parametrize("abuse", [pytest.param(abuse, id=abuse.name) for abuse in ABUSES])
async def test_an_engine_sees_whole_requests_only(abused: Abused, abuse: Abuse) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", abused.gateway.ports["client"])
    writer.write(abuse.sent)
    is_head = abuse.sent.startswith(b"HEAD")
    answers = [await _answer(reader, is_head=is_head) for _ in abuse.answers]
    await abused.users_are_answered()
    writer.write_eof()
    rest = await _rest(reader)
    writer.close()

    assert tuple(code for code, _ in answers) == abuse.answers
    assert rest == b""
    assert tuple(request.body for request in abused.seen) == abuse.bodies
    assert abused.wire.nonsense == []
    abusing.check_requests(abused.seen)
    if not is_head:
        _check_errors(answers)


async def _answer(reader: asyncio.StreamReader, *, is_head: bool) -> tuple[int, bytes]:
    """The code and the body of the next one; 0 where none comes."""
    try:
        async with asyncio.timeout(_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
            line, *lines = head.decode().lower().split("\r\n")
            fields = dict(text.split(": ", 1) for text in lines if text)
            length = 0 if is_head else int(fields.get("content-length", 0))
            return int(line.split()[1]), await reader.readexactly(length)
    except TimeoutError:
        return 0, b""


async def _rest(reader: asyncio.StreamReader) -> bytes:
    """What comes until the gateway closes."""
    try:
        return await asyncio.wait_for(reader.read(), _SECONDS)
    except ConnectionResetError:
        return b""


def _check_errors(answers: Sequence[tuple[int, bytes]]) -> None:
    for code, body in answers:
        if code < 400:
            continue
        error = json.loads(body)["error"]
        assert error["message"] != ""
        assert error["type"] == "invalid_request_error"
        assert int(error["code"]) == code


_SPOOFED = (
    *(f"{name}: 9" for name in (*limits.REMOVED, *abusing.OURS)),
    *(f"{name}: 9" for name in abusing.OF_ENVOY),
    "x-envoy-upstream-rq-timeout-ms: 1",
    "x-envoy-upstream-rq-per-try-timeout-ms: 1",
    "x-envoy-max-retries: 9",
    "x-envoy-retry-on: 5xx",
    "x-envoy-original-path: /a",
    "x-envoy-internal: true",
    "x-envoy-force-trace: 1",
    "x-envoy-decorator-operation: z",
    "x-envoy-downstream-service-cluster: z",
    "x-envoy-downstream-service-node: z",
    "x-envoy-hedge-on-per-try-timeout: true",
    "x-envoy-ip-tags: z",
    "x-envoy-upstream-alt-stat-name: z",
    "x-forwarded-client-cert: By=z",
    "x-request-id: mine",
)


@pytest.mark.parametrize("forwarded", [(), ("x-forwarded-for: 10.0.0.1",)], ids=["pod", "proxy"])
async def test_no_engine_sees_a_header_that_is_not_its_clients_to_set(
    abused: Abused, forwarded: tuple[str, ...]
) -> None:
    """A client with an address of a pod, too: others are set up to believe these."""
    reader, writer = await asyncio.open_connection("127.0.0.1", abused.gateway.ports["client"])
    writer.write(get("/v1/models", *_SPOOFED, *forwarded, "x-forwarded-proto: https"))
    code, _ = await _answer(reader, is_head=False)
    writer.close()
    await writer.wait_closed()

    assert code == 200
    assert len(abused.seen) == 1
    [request] = abused.seen
    abusing.check_requests(abused.seen)
    assert request.values("x-forwarded-client-cert") == []
    assert request.values("x-forwarded-proto") == ["http"]
    assert request.values("x-request-id") not in ([], ["mine"])
