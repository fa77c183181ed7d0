"""What the API server is asked for show, and what its answers mean."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.clusters import OBJECTS, V3, empty, plan, running, write
from tests.unit.cli.test_planning import OBJECT
from tests.unit.fake_api import Answer, Call


async def test_a_new_object_is_made_by_the_server_for_show(planned: Callable[..., Any]) -> None:
    api = empty()

    found = await planned(api, V3)

    [asked] = [call for call in api.calls if call.is_dry]
    assert (asked.method, asked.path) == ("POST", OBJECTS)
    assert asked.query["fieldValidation"] == "Strict"
    assert asked.body["metadata"] == {"name": "chat", "namespace": "team"}
    assert OBJECT not in api.objects
    assert (found["changes"]["exists"], found["time"]["strategy"]) == (False, "First")
    assert {one["action"] for one in found["children"]["objects"]} == {"make"}


async def test_an_object_that_is_there_is_patched_for_show(planned: Callable[..., Any]) -> None:
    api = running({**V3, "replicas": 3}, labels={"kept": "yes"})
    before = api.objects[OBJECT]

    await planned(api, V3, labels={"team": "search"})

    [asked] = [call for call in api.calls if call.is_dry]
    assert (asked.method, asked.path) == ("PATCH", OBJECT)
    assert asked.body == [
        {"op": "add", "path": "/spec", "value": V3},
        {"op": "add", "path": "/metadata/labels", "value": {"kept": "yes", "team": "search"}},
    ]
    assert api.objects[OBJECT] == before


def saying(code: int, reason: str, message: str) -> Callable[[Call], str | None]:
    """The server refuses what is dry."""

    def fault(call: Call) -> str | None:
        if call.is_dry:
            raise Answer(code, reason, message)
        return None

    return fault


REFUSALS = [
    pytest.param(422, "Invalid", 'spec.replicas: Invalid value: "integer"', id="schema"),
    pytest.param(400, "BadRequest", 'strict decoding error: unknown field "spec.x"', id="strict"),
    pytest.param(
        403, "Forbidden", "ValidatingAdmissionPolicy 'p' denied request: no", id="a-policy"
    ),
    pytest.param(403, "Forbidden", 'admission webhook "w" denied the request: no', id="a-webhook"),
]


@pytest.mark.parametrize(("code", "reason", "message"), REFUSALS)
async def test_what_the_server_refuses_is_refused_in_its_words(
    code: int, reason: str, message: str, planned: Callable[..., Any]
) -> None:
    api = running(V3)
    api.fault = saying(code, reason, message)

    found = await planned(api, V3)

    assert found["admission"] == {"asked": True, "refused": message}
    assert (found["code"], found["fits"]) == (1, False)


async def test_a_refusal_is_the_last_word_on_a_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = running(V3)
    api.fault = saying(422, "Invalid", "rollout.from is\nimmutable")

    assert await plan(api, write(tmp_path, V3)) == 1

    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "refused by the API server: rollout.from is immutable"


UNASKED = [
    pytest.param(
        403,
        'deepseekdeployments "chat" is forbidden: User "u" cannot patch resource "deepseekdeployments"',
        "with these credentials you may not patch deepseekdeployments in team; whoever may can ask",
        id="no-permission",
    ),
    pytest.param(
        400,
        'admission webhook "w" does not support dry run',
        'the API server could not tell: admission webhook "w" does not support dry run',
        id="a-webhook-with-effects",
    ),
    pytest.param(500, "etcd", "the API server could not tell: etcd", id="trouble"),
]


@pytest.mark.parametrize(("code", "message", "said"), UNASKED)
async def test_a_server_that_was_not_asked_refuses_nothing(
    code: int, message: str, said: str, planned: Callable[..., Any]
) -> None:
    api = running(V3)
    api.fault = saying(code, "Forbidden", message)

    found = await planned(api, V3)

    assert found["admission"] == {"asked": False, "refused": None, "notAsked": said}
    assert found["code"] == 0


async def test_whoever_may_not_make_one_is_told_so(planned: Callable[..., Any]) -> None:
    api = empty()
    api.fault = saying(403, "Forbidden", 'User "u" cannot create resource "deepseekdeployments"')

    assert "may not create" in (await planned(api, V3))["admission"]["notAsked"]


async def test_a_namespace_that_is_not_there_is_a_refusal(planned: Callable[..., Any]) -> None:
    api = empty()
    api.fault = saying(404, "NotFound", 'namespaces "team" not found')

    said = (await planned(api, V3))["admission"]["refused"]

    assert said == 'namespaces "team" not found: make namespace team first, or name another by -n'
