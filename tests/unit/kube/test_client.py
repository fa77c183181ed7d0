"""The client, against a small API server on the loopback interface."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from deepseek_operator.kube import client, resources
from deepseek_operator.kube.errors import (
    AlreadyExistsError,
    ApiError,
    NotFoundError,
    RefusedError,
    UnreachableError,
    VersionConflictError,
)

Manifest = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CHILD: Manifest = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "x", "namespace": "ns", "uid": "u1"},
}


SILENCE = -1
"""In place of an answer's code."""


@dataclass
class Server:
    """Answers in turn with what it is told, and keeps what it was asked."""

    answers: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    counted: list[tuple[str, str, int]] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        self.asked.append(
            {
                "method": request.method,
                "path": request.path,
                "query": dict(request.query),
                "type": request.headers.get("Content-Type"),
                "authorization": request.headers.get("Authorization"),
                "text": text,
                "body": json.loads(text) if text else None,
            }
        )
        code, body = self.answers.pop(0)
        if code == SILENCE:
            await asyncio.Event().wait()
        if code == 0:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(
            status=code or 200, text=body if isinstance(body, str) else json.dumps(body)
        )


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    served = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", served.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield served
    await runner.cleanup()


@contextlib.asynccontextmanager
async def connected_to(
    server: Server, folder: Path, *, timeout_seconds: float = 5
) -> AsyncIterator[client.Kube]:
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "current-context": "it",
                "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
                "clusters": [{"name": "it", "cluster": {"server": server.url}}],
                "users": [{"name": "it", "user": {"token": "secret-token"}}],
            }
        )
    )
    connected = client.Kube(
        await client.connect(kubeconfig=str(kubeconfig)),
        timeout_seconds=timeout_seconds,
        observe_call=lambda *call: server.counted.append(call),
    )
    yield connected
    await connected.close()


@pytest.fixture
async def kube(server: Server, tmp_path: Path) -> AsyncIterator[client.Kube]:
    async with connected_to(server, tmp_path) as connected:
        yield connected


async def test_get_reads_an_object_with_the_token(server: Server, kube: client.Kube) -> None:
    server.answers = [(200, CHILD)]

    assert await kube.get(resources.SERVICE, "ns", "x") == CHILD
    assert server.asked[0]["authorization"] == "Bearer secret-token"
    assert server.asked[0]["path"] == "/api/v1/namespaces/ns/services/x"
    assert server.counted == [("get", "services", 200)]


async def test_get_of_nothing_is_none(server: Server, kube: client.Kube) -> None:
    server.answers = [(404, {"reason": "NotFound", "message": "gone"})]

    assert await kube.get(resources.SERVICE, "ns", "x") is None


async def test_a_list_is_read_to_its_last_page_and_typed(server: Server, kube: client.Kube) -> None:
    server.answers = [
        (200, {"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]}),
        (200, {"metadata": {}, "items": [{"metadata": {"name": "b"}}]}),
    ]

    found = await kube.list_all(
        resources.DEPLOYMENT, None, labels={"a": "1", "b": "2"}, fields={"c": "3"}
    )

    assert [item["metadata"]["name"] for item in found] == ["a", "b"]
    assert all((i["apiVersion"], i["kind"]) == ("apps/v1", "Deployment") for i in found)
    assert server.asked[0]["query"]["labelSelector"] == "a=1,b=2"
    assert server.asked[0]["query"]["fieldSelector"] == "c=3"
    assert server.asked[1]["query"]["continue"] == "more"


async def test_a_create_names_the_field_manager(server: Server, kube: client.Kube) -> None:
    server.answers = [(201, CHILD)]

    await kube.create(resources.SERVICE, CHILD)

    asked = server.asked[0]
    assert (asked["method"], asked["path"]) == ("POST", "/api/v1/namespaces/ns/services")
    assert asked["query"] == {"fieldManager": "deepseek-operator", "fieldValidation": "Strict"}
    assert asked["body"] == CHILD


async def test_a_create_is_sent_in_a_form_that_the_server_has_to_write_anew(
    server: Server, kube: client.Kube
) -> None:
    """Python's spaces in what may not change would make every later change one of it too."""
    server.answers = [(201, CHILD)]

    await kube.create(resources.SERVICE, CHILD)

    assert server.asked[0]["type"] == "application/yaml"


@pytest.mark.parametrize(
    "text",
    [
        "1e3",
        "yes",
        "2026-03-01",
        "é😀",
        "a\u0085b",
        "a\u2028b",
        "\x7f",
        "a\tb\n",
        '<&>"\\/',
        "0x1F",
    ],
)
async def test_any_text_arrives_as_it_is_whether_read_as_yaml_or_as_json(
    server: Server, kube: client.Kube, text: str
) -> None:
    server.answers = [(201, CHILD), (200, CHILD)]
    manifest = {**CHILD, "spec": {text: [text, 1, 0.5, True, None]}}

    await kube.create(resources.SERVICE, manifest)
    await kube.apply(resources.SERVICE, manifest)

    for asked in server.asked:
        assert manifest == asked["body"]
        assert manifest == yaml.safe_load(asked["text"])


async def test_an_apply_is_forced_and_may_go_to_the_status(
    server: Server, kube: client.Kube
) -> None:
    server.answers = [(200, CHILD), (200, CHILD)]

    await kube.apply(resources.SERVICE, CHILD)
    await kube.apply(resources.SERVICE, CHILD, sub="status")

    assert server.asked[0]["query"] == {"fieldManager": "deepseek-operator", "force": "true"}
    assert server.asked[0]["type"] == "application/apply-patch+yaml; charset=utf-8"
    assert server.asked[1]["path"].endswith("/services/x/status")


async def test_a_json_patch_and_a_replace_are_sent_as_such(
    server: Server, kube: client.Kube
) -> None:
    server.answers = [(200, CHILD), (200, CHILD)]
    operations = [{"op": "test", "path": "/a", "value": 1}]

    await kube.json_patch(resources.SERVICE, "ns", "x", operations)
    await kube.replace(resources.SERVICE, CHILD)

    assert server.asked[0]["type"] == "application/json-patch+json"
    assert operations == server.asked[0]["body"]
    assert server.asked[1]["method"] == "PUT"


async def test_what_is_only_for_show_says_so(server: Server, kube: client.Kube) -> None:
    server.answers = [(201, CHILD), (200, CHILD)]

    await kube.create(resources.SERVICE, CHILD, dry_run=True)
    await kube.json_patch(resources.SERVICE, "ns", "x", [], dry_run=True)

    dry = {"dryRun": "All", "fieldValidation": "Strict", "fieldManager": "deepseek-operator"}
    assert [call["query"] for call in server.asked] == [dry, dry]


async def test_a_delete_means_this_very_object(server: Server, kube: client.Kube) -> None:
    server.answers = [(200, CHILD)]

    await kube.delete(resources.SERVICE, CHILD)

    assert server.asked[0]["body"] == {
        "propagationPolicy": "Background",
        "preconditions": {"uid": "u1"},
    }


async def test_what_is_gone_needs_no_delete(server: Server, kube: client.Kube) -> None:
    server.answers = [(404, {"reason": "NotFound"})]

    await kube.delete(resources.SERVICE, CHILD)

    assert [asked["method"] for asked in server.asked] == ["DELETE"]


async def test_a_log_is_read_from_its_end(server: Server, kube: client.Kube) -> None:
    server.answers = [(200, "one\ntwo\n")]

    text = await kube.log_tail(resources.POD, "ns", "p", container="engine", previous=True)

    assert text == "one\ntwo\n"
    assert server.asked[0]["query"] == {
        "container": "engine", "previous": "true", "tailLines": "200", "limitBytes": "65536",
    }  # fmt: skip


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(400, id="no-previous-run"),
        pytest.param(404, id="pod-gone"),
        pytest.param(500, id="node-refuses"),
    ],
)
async def test_a_log_that_cannot_be_read_is_empty(
    server: Server, kube: client.Kube, code: int
) -> None:
    server.answers = [(code, {"reason": "x", "message": "y"})]

    assert await kube.log_tail(resources.POD, "ns", "p", container="c", previous=False) == ""


async def test_a_log_of_a_node_that_is_silent_is_empty_long_before_a_call_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_LOG_SECONDS", 0.1)
    server.answers = [(SILENCE, None), (200, CHILD)]
    async with connected_to(server, tmp_path, timeout_seconds=600) as kube, asyncio.timeout(60):
        assert await kube.log_tail(resources.POD, "ns", "p", container="c") == ""
        assert await kube.get(resources.SERVICE, "ns", "x") == CHILD


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        pytest.param(409, "AlreadyExists", AlreadyExistsError, id="name-taken"),
        pytest.param(409, "Conflict", VersionConflictError, id="changed-meanwhile"),
        pytest.param(404, "NotFound", NotFoundError, id="not-there"),
        pytest.param(410, "Expired", NotFoundError, id="list-expired"),
        pytest.param(400, "BadRequest", RefusedError, id="bad-request"),
        pytest.param(403, "Forbidden", RefusedError, id="forbidden"),
        pytest.param(422, "Invalid", RefusedError, id="invalid"),
        pytest.param(429, "TooManyRequests", ApiError, id="too-many"),
        pytest.param(500, "InternalError", ApiError, id="broken"),
    ],
)
async def test_an_answer_that_is_not_success_is_an_error_of_its_kind(
    server: Server, kube: client.Kube, code: int, reason: str, error: type[ApiError]
) -> None:
    server.answers = [(code, {"reason": reason, "message": "because"})]

    with pytest.raises(ApiError) as raised:
        await kube.create(resources.SERVICE, CHILD)

    assert error is type(raised.value)
    assert (code, reason, "because") == (
        raised.value.code, raised.value.reason, raised.value.message,
    )  # fmt: skip


@pytest.mark.parametrize("body", ["<html>bad gateway</html>", "[1]"], ids=["text", "no-status"])
async def test_an_answer_of_something_in_between_is_an_error_too(
    server: Server, kube: client.Kube, body: str
) -> None:
    server.answers = [(502, body)]

    with pytest.raises(ApiError) as raised:
        await kube.create(resources.SERVICE, CHILD)

    assert body == raised.value.message


async def test_no_answer_is_unreachable_and_counted(server: Server, kube: client.Kube) -> None:
    server.answers = [(0, "")]

    with pytest.raises(UnreachableError, match="POST /api/v1/namespaces/ns/services: "):
        await kube.create(resources.SERVICE, CHILD)

    assert server.counted == [("create", "services", 0)]


async def test_a_host_given_by_hand_replaces_the_kubeconfigs(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "current-context": "it",
                "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
                "clusters": [{"name": "it", "cluster": {"server": "https://there"}}],
                "users": [{"name": "it", "user": {}}],
            }
        )
    )

    api = await client.connect(kubeconfig=str(kubeconfig), host="http://here")
    found = await client.credentials(api)
    await api.close()

    assert (found.server, found.token) == ("http://here", None)


async def test_credentials_are_those_of_the_transport(server: Server, kube: client.Kube) -> None:
    found = await client.credentials(kube._api)

    assert (server.url, "secret-token") == (found.server, found.token)


@pytest.mark.parametrize(
    ("header", "token"),
    [
        pytest.param("Bearer abc.def", "abc.def", id="as a kubeconfig's"),
        pytest.param("bearer abc.def", "abc.def", id="as a ServiceAccount's"),
        pytest.param("Basic YTpi", None, id="another scheme"),
        pytest.param("Bearer ", None, id="empty"),
        pytest.param("", None, id="none"),
    ],
)
def test_a_token_is_read_from_its_header(header: str, token: str | None) -> None:
    assert client.bearer_token(header) == token
