"""kubectl deepseek against an API server in memory."""

import argparse

import pytest

from deepseek_operator.cli import __main__ as cli
from deepseek_operator.cli import live
from deepseek_operator.cli.ask import NothingToAskError
from deepseek_operator.cli.lookup import MissingError, NotInstalledError
from deepseek_operator.cli.objects import InputError
from tests.unit.fake_api import Call, FakeApi
from tests.unit.samples import Manifest

PATH = "/apis/serving.deepseek.dev/v1alpha1/namespaces/team/deepseekdeployments/chat"


ALL = "/apis/serving.deepseek.dev/v1alpha1/deepseekdeployments"


def put(api: FakeApi, at: str = PATH, **more: Manifest) -> Manifest:
    metadata = {"name": "chat", "namespace": "team", "generation": 1, **more.pop("metadata", {})}
    rollout = {"strategy": "Canary"}
    return api.put(
        at,
        {
            "apiVersion": "serving.deepseek.dev/v1alpha1",
            "kind": "DeepSeekDeployment",
            "metadata": metadata,
            "spec": {"model": "tiny", "rollout": rollout},
            "status": {"rollout": {"at": "3-1a2b3c4d5e/1", "phase": "AwaitingApproval"}},
            **more,
        },
    )


async def carry_out(api: FakeApi, *words: str) -> int:
    options: argparse.Namespace = cli.parse(words)
    return await live.carry_out(api.kube(), options, namespace="team")


@pytest.mark.parametrize("verb", ["approve", "promote", "abort", "rollback", "retry"])
@pytest.mark.parametrize("annotations", [None, {"other": "kept"}])
async def test_a_verb_is_asked_of_the_run_and_step_that_are_there(
    verb: str, annotations: Manifest | None
) -> None:
    api = FakeApi()
    put(api, metadata={"annotations": annotations} if annotations else {})

    code = await carry_out(api, verb, "chat")

    found = api.objects[PATH]["metadata"]["annotations"]
    assert code == 0
    assert found == {
        **(annotations or {}),
        "serving.deepseek.dev/command": f"{verb}:3-1a2b3c4d5e/1",
    }


async def test_what_stands_there_already_is_asked_once_more() -> None:
    api = FakeApi()
    put(api)

    for again in ("", "#2", "#3"):
        assert await carry_out(api, "approve", "chat") == 0

        found = api.objects[PATH]["metadata"]["annotations"]
        assert found == {"serving.deepseek.dev/command": f"approve:3-1a2b3c4d5e/1{again}"}


@pytest.mark.parametrize(("verb", "paused"), [("pause", True), ("resume", False)])
async def test_a_canary_is_paused_in_its_spec(verb: str, *, paused: bool) -> None:
    api = FakeApi()
    put(api)

    assert await carry_out(api, verb, "chat") == 0

    assert api.objects[PATH]["spec"]["rollout"]["paused"] is paused


async def test_without_a_canary_there_is_nothing_to_ask() -> None:
    api = FakeApi()
    put(api, status={}, spec={"model": "tiny"})

    for verb in ("approve", "pause"):
        with pytest.raises(NothingToAskError, match=r"[Cc]anary"):
            await carry_out(api, verb, "chat")


async def test_a_missing_object_is_named() -> None:
    for words in (("status", "chat"), ("explain", "chat"), ("abort", "chat")):
        with pytest.raises(MissingError, match=r"^there is no DeepSeekDeployment team/chat$"):
            await carry_out(FakeApi(), *words)


async def test_an_object_of_another_namespace_is_named() -> None:
    api = FakeApi()
    for namespace in ("two", "one"):
        put(api, at=PATH.replace("/team/", f"/{namespace}/"), metadata={"namespace": namespace})

    with pytest.raises(MissingError, match=r"there is one in one, two: add -n one$"):
        await carry_out(api, "status", "chat")


async def test_whoever_may_not_look_elsewhere_is_told_of_here() -> None:
    def fault(call: Call) -> str | None:
        return "403" if call.path == ALL else None

    with pytest.raises(MissingError, match=r"^there is no DeepSeekDeployment team/chat$"):
        await carry_out(FakeApi(fault=fault), "status", "chat")


async def test_a_cluster_that_knows_no_such_objects_is_told_apart() -> None:
    with pytest.raises(InputError) as told:
        await carry_out(FakeApi(fault=lambda _: "404"), "status", "chat")

    assert isinstance(told.value, NotInstalledError)
    said = "the cluster has no DeepSeekDeployment of serving.deepseek.dev/v1alpha1: install the operator"
    assert str(told.value).startswith(said)


async def test_a_step_that_has_gone_on_is_not_asked(capsys: pytest.CaptureFixture[str]) -> None:
    api = FakeApi()
    put(api)

    def meanwhile(call: object) -> str | None:
        if getattr(call, "method", "") == "PATCH":
            put(api, status={"rollout": {"at": "3-1a2b3c4d5e/2"}})
            return "409"
        return None

    api.fault = meanwhile

    assert await carry_out(api, "approve", "chat") == 1
    assert "has gone on to 3-1a2b3c4d5e/2" in capsys.readouterr().err


async def test_status_ends_with_the_objects_standing(capsys: pytest.CaptureFixture[str]) -> None:
    api = FakeApi()
    conditions = [
        {"type": kind, "status": status, "reason": "R", "message": "m", "observedGeneration": 1}
        for kind, status in (("RolledOut", "True"), ("Reconciling", "False"), ("Stalled", "False"))
    ]
    put(api, status={"conditions": conditions})

    assert await carry_out(api, "status", "chat", "--watch") == 0
    assert capsys.readouterr().out.startswith("team/chat\n")


@pytest.mark.parametrize(
    "verb", ["status", "explain", "pause", "resume", "plan --filename=-", *cli.HELP]
)
def test_which_cluster_and_namespace_may_stand_before_the_verb_and_behind_it(verb: str) -> None:
    name = [] if verb.startswith("plan") else ["chat"]
    which = ["-n", "team", "--context=east", "--kubeconfig", "there"]
    for words in (
        [*which, *verb.split(), *name],
        [*verb.split(), *name, *which],
        [*verb.split(), *which, *name],
    ):
        told = cli.parse(words)
        assert (told.namespace, told.context, told.kubeconfig) == ("team", "east", "there")
    assert cli.parse([*verb.split(), *name]).namespace is None
    assert cli.parse(["-n", "one", *verb.split(), *name, "-n", "team"]).namespace == "team"


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.parse(["--help"])

    said = capsys.readouterr().out
    for verb in ("status", "approve", "promote", "abort", "rollback", "retry", "pause", "resume"):
        assert verb in said
