"""status and explain as data: a shape that stays, one document a change where it is watched."""

import argparse
import json
from typing import Any

import pytest
import yaml

from deepseek_operator.cli import __main__ as cli
from deepseek_operator.cli import live, remedies, show
from deepseek_operator.kube.errors import UnreachableError, api_error
from tests.unit.cli.test_main import PATH, carry_out, put
from tests.unit.fake_api import Call, FakeApi
from tests.unit.samples import Manifest, deepseek
from tests.unit.world import served


def conditions(*, rolled_out: str = "True", reconciling: str = "False") -> list[Manifest]:
    found = {"RolledOut": rolled_out, "Reconciling": reconciling, "Stalled": "False"}
    return [
        {"type": kind, "status": status, "reason": "R", "message": "m", "observedGeneration": 1}
        for kind, status in found.items()
    ]


async def told(api: FakeApi, *words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    code = await carry_out(api, *words)
    return code, json.loads(capsys.readouterr().out)


async def test_status_is_the_objects_own_but_for_what_is_the_operators(
    capsys: pytest.CaptureFixture[str],
) -> None:
    api = FakeApi()
    status = {
        "url": "http://chat.team",
        "rollout": {"phase": "Held", "message": "m", "record": "{}"},
        "conditions": conditions(),
    }
    put(api, status=status)

    code, found = await told(api, "status", "chat", "-o", "json", capsys=capsys)

    assert code == 3
    assert found == {
        "namespace": "team",
        "name": "chat",
        "generation": 1,
        "standing": "NeedsAPerson",
        "exitCode": 3,
        "status": {**status, "rollout": {"phase": "Held", "message": "m"}},
        "pods": [],
    }
    assert api.objects[PATH]["status"]["rollout"]["record"] == "{}"


async def test_yaml_says_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    api = FakeApi()
    put(api, status={"conditions": conditions()})

    for verb in ("status", "explain"):
        _, found = await told(api, verb, "chat", "-o", "json", capsys=capsys)
        await carry_out(api, verb, "chat", "-o", "yaml")
        assert yaml.safe_load(capsys.readouterr().out) == found


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ({}, "UnderWay"),
        ({"conditions": conditions()}, "AsAsked"),
        ({"conditions": conditions(rolled_out="False")}, "UnderWay"),
        (
            {"conditions": [{**conditions()[2], "status": "True"}]},
            "Refused",
        ),
    ],
)
async def test_how_it_stands_is_a_word_and_the_exit_code(
    status: Manifest, standing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    api = FakeApi()
    put(api, status=status)

    code, found = await told(api, "status", "chat", "-o", "json", capsys=capsys)

    assert found["standing"] == standing
    assert found["exitCode"] == code


async def test_what_was_derived_is_data_too(capsys: pytest.CaptureFixture[str]) -> None:
    world = served(
        deepseek(model="DeepSeek-V3", source="pvc://v3", accelerator={"product": "NVIDIA-H200"})
    )
    api = FakeApi()
    put(api, status=world.stored)

    code, found = await told(api, "explain", "chat", "-o", "json", capsys=capsys)

    assert code == 0
    assert found["sizing"] == world.stored["sizing"]


async def test_of_an_older_operator_there_is_nothing_to_explain(
    capsys: pytest.CaptureFixture[str],
) -> None:
    api = FakeApi()
    put(api, status={"serving": {"revision": "a"}, "conditions": conditions()})

    assert (await told(api, "explain", "chat", "-o", "json", capsys=capsys))[1]["sizing"] is None
    assert await carry_out(api, "explain", "chat") == 0
    assert "nothing is known of how its revision was made" in capsys.readouterr().out


class Stages:
    """A server whose object goes on with every look at it."""

    def __init__(self, *stages: Manifest) -> None:
        self.api = FakeApi(fault=self._go_on)
        self._stages = iter(stages)

    def _go_on(self, call: Call) -> str | None:
        if call.path == PATH:
            put(self.api, status=next(self._stages))
        return None


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between two looks."""
    monkeypatch.setattr(live, "_PERIOD_SECONDS", 0.0)


UNDER_WAY = conditions(rolled_out="False")
STAGES: tuple[Manifest, ...] = (
    {"url": "a", "conditions": UNDER_WAY},
    {"url": "a", "conditions": UNDER_WAY},
    {"url": "b", "conditions": UNDER_WAY},
    {"url": "b", "conditions": conditions()},
)


@pytest.mark.usefixtures("at_once")
async def test_a_watched_status_is_a_line_of_json_for_each_change(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = await carry_out(Stages(*STAGES).api, "status", "chat", "--watch", "-o", "json")

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    assert [(line["status"]["url"], line["standing"]) for line in lines] == [
        ("a", "UnderWay"),
        ("b", "UnderWay"),
        ("b", "AsAsked"),
    ]


@pytest.mark.usefixtures("at_once")
async def test_a_watched_status_is_a_stream_of_yaml_documents(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await carry_out(Stages(*STAGES).api, "status", "chat", "--watch", "-o", "yaml")

    text = capsys.readouterr().out
    assert text.startswith("---\n")
    assert [one["status"]["url"] for one in yaml.safe_load_all(text)] == ["a", "b", "b"]


def test_no_verb_of_an_object_paints_anything() -> None:
    manifest = {"metadata": {"name": "a", "namespace": "b", "generation": 1}, "status": {}}

    assert "\x1b" not in show.explain(manifest)


def options(*words: str) -> argparse.Namespace:
    return cli.parse(words)


PLAN = ("plan", "-f", "x")
WITHOUT = ", or plan without a cluster: --accelerators 16xH200:8"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            UnreachableError("GET /: refused"),
            "the API server gave no answer (GET /: refused); check --context and --kubeconfig",
        ),
        (
            api_error(401, "Unauthorized", "Unauthorized"),
            "the API server does not accept these credentials; log in again, or choose others by --context",
        ),
        (
            api_error(403, "Forbidden", "you\nmay not"),
            "not permitted: you may not; ask for the permission, or choose other credentials by --context",
        ),
        (
            api_error(500, "InternalError", "etcd"),
            "the API server answered 500 InternalError: etcd; try again, or look at its log",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_is_one_sentence_with_its_remedy(error: Exception, said: str) -> None:
    assert remedies.told(error, options("status", "chat")) == said
    assert remedies.told(error, options(*PLAN)) == said + WITHOUT
    assert remedies.told(error, options(*PLAN, "--accelerators", "8xH200:8", "--diff")) == said
