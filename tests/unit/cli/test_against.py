"""A plan against a cluster: what runs, what changes; and whatever may be missing there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deepseek_operator.cli import __main__ as cli
from deepseek_operator.cli import live
from deepseek_operator.cli.lookup import NotInstalledError
from deepseek_operator.cli.objects import InputError
from deepseek_operator.kube.errors import UnreachableError
from deepseek_operator.rollout.revisions import target_key
from tests.conftest import Golden
from tests.unit.cli.clusters import NODES, OBJECTS, V3, cluster_of, empty, plan, running, write
from tests.unit.cli.test_planning import OBJECT
from tests.unit.fake_api import FakeApi
from tests.unit.samples import CPU_SPEC, Manifest, deepseek
from tests.unit.world import World, served


async def test_a_plan_of_what_runs_on_a_screen(
    golden: Golden, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {**V3, "batching": {"maxConcurrentSequences": 64}, "replicas": 1}
    after = {
        **V3,
        "replicas": 2,
        "gateway": {"replicas": 3, "tls": {"secretName": "chat-tls"}},
        "rollout": {"strategy": "Canary", "steps": [{"weight": 20}, {"weight": 50, "pause": True}]},
    }
    api = running(before)

    code = await plan(api, write(tmp_path, after), "--requests-per-second", "20")

    assert code == 0
    golden("plan_changes.txt", capsys.readouterr().out)


async def test_what_is_as_it_is_changes_nothing(planned: Callable[..., Any]) -> None:
    key = target_key(deepseek(**V3).spec)

    found = await planned(running(V3), {**V3, "replicas": 1, "gateway": {"replicas": 2}})

    assert found["changes"] == {
        "namespace": "team",
        "exists": True,
        "revision": key,
        "serving": key,
        "desired": key,
        "newRevision": False,
        "message": f"revision {key} serves: no new revision, no engine restarts",
        "spec": [],
        "sizing": [],
        "notes": [],
    }
    assert {one["action"] for one in found["children"]["objects"]} == {"keep"}
    assert found["time"]["strategy"] == "None"
    assert found["admission"] == {"asked": True, "refused": None}
    assert found["code"] == 0


async def test_what_changes_is_told_by_field_and_by_derived_value(
    planned: Callable[..., Any],
) -> None:
    api = running({**V3, "batching": {"maxConcurrentSequences": 64}})

    changes = (await planned(api, {**V3, "replicas": 2}))["changes"]

    assert changes["newRevision"]
    assert [one["field"] for one in changes["spec"]] == [
        "spec.batching.maxConcurrentSequences", "spec.replicas",
    ]  # fmt: skip
    [sequences, replicas] = changes["spec"]
    assert (sequences["before"], sequences["after"]) == (64, None)
    assert sequences["effect"] == "makes a revision"
    assert (replicas["before"], replicas["after"]) == (1, 2)
    assert "do not restart" in replicas["effect"]
    [derived] = [one for one in changes["sizing"] if one["name"] == "maxConcurrentSequences"]
    assert derived["before"] == "64"
    assert int(derived["after"]) > 64


async def test_a_revision_of_before_comes_back_as_it_was_frozen(
    planned: Callable[..., Any],
) -> None:
    other = {**V3, "batching": {"maxConcurrentSequences": 64}}
    world = served(deepseek(**other))
    world.settle(deepseek(generation=2, **V3))

    found = await planned(cluster_of(world, V3), other)

    assert "was there before: as it was frozen then" in found["changes"]["message"]


async def test_without_the_record_status_has_what_was_derived(planned: Callable[..., Any]) -> None:
    world = served(deepseek(**{**V3, "batching": {"maxConcurrentSequences": 64}}))
    world.children = {
        place: item for place, item in world.children.items() if place[0] == "Service"
    }

    found = await planned(cluster_of(world, {**V3, "batching": {"maxConcurrentSequences": 64}}), V3)

    names = [one["name"] for one in found["changes"]["sizing"]]
    assert "maxConcurrentSequences" in names
    assert found["changes"]["notes"] == []


async def test_of_an_older_operator_nothing_derived_is_known(planned: Callable[..., Any]) -> None:
    key = target_key(deepseek(**{**V3, "model": "DeepSeek-R1"}).spec)
    world = World(stored={"serving": {"revision": key}, "conditions": []})

    changes = (await planned(cluster_of(world, {**V3, "model": "DeepSeek-R1"}), V3))["changes"]

    assert changes["serving"] == key
    assert changes["sizing"] == []
    assert changes["notes"] == [
        f"what revision {key} was derived to is not known: its operator was older, or its record may not be read"
    ]


async def test_what_was_derived_of_another_revision_is_not_compared(
    planned: Callable[..., Any],
) -> None:
    world = served(deepseek(**V3))
    world.stored["sizing"]["revision"] = "another"
    world.children = {}

    serving = world.stored["serving"]["revision"]

    after = {**V3, "batching": {"maxConcurrentSequences": 64}}
    changes = (await planned(cluster_of(world, V3), after))["changes"]

    assert changes["sizing"] == []
    assert [note.split(" was ")[0] for note in changes["notes"]] == [f"what revision {serving}"]


async def test_a_spec_that_cannot_be_read_any_more_is_said(planned: Callable[..., Any]) -> None:
    api = empty()
    api.put(OBJECT, {"metadata": {"name": "chat"}, "spec": {"model": ""}})

    changes = (await planned(api, V3))["changes"]

    assert (changes["desired"], changes["spec"]) == (None, [])
    assert "cannot be read by this version" in changes["notes"][0]


async def test_a_record_of_a_newer_operator_is_not_compared(planned: Callable[..., Any]) -> None:
    world = served(deepseek(**V3))
    del world.stored["sizing"]
    for (kind, _), item in world.children.items():
        if kind == "ControllerRevision":
            item["data"]["format"] = 99

    changes = (await planned(cluster_of(world, V3), {**V3, "quantization": "fp8"}))["changes"]

    assert changes["sizing"] == []
    assert "is not known" in changes["notes"][0]


async def test_an_object_that_goes_is_said(planned: Callable[..., Any]) -> None:
    api = running(V3, deletionTimestamp="2026-03-01T12:00:00Z")

    assert "is being deleted" in (await planned(api, V3))["changes"]["notes"][0]


async def test_a_revision_that_was_rolled_back_is_not_tried_again_by_itself(
    planned: Callable[..., Any],
) -> None:
    world = served(deepseek(**V3))
    new = {**V3, "model": "DeepSeek-R1"}
    stalled = {"type": "Stalled", "status": "True", "reason": "RolledBack", "message": "m"}
    world.stored["conditions"] = [{**stalled, "observedGeneration": 2}]

    found = await planned(cluster_of(world, new), new)

    assert "kubectl deepseek retry chat" in found["changes"]["message"]
    assert found["time"]["strategy"] == "None"


async def test_kinds_that_may_not_be_listed_are_named(planned: Callable[..., Any]) -> None:
    api = running(V3)
    api.fault = lambda call: "403" if "rbac" in call.path or "leader" in call.path else None

    found = (await planned(api, V3))["children"]

    assert found["notListed"] == ["Role", "RoleBinding", "LeaderWorkerSet"]
    unknown = [one["kind"] for one in found["objects"] if one["action"] == "keep or make"]
    assert unknown == ["Role", "RoleBinding"]


async def test_what_is_not_known_and_what_cannot_be_is_told_on_a_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two_nodes = {"model": "DeepSeek-V3", "accelerator": {"product": "NVIDIA-H100-80GB-HBM3"}}
    api = empty()
    api.fault = lambda call: "403" if call.path.endswith("/jobs") else None
    file, there = write(tmp_path, two_nodes), ("--accelerators", "16xH100:8", "--diff")

    assert await plan(api, file, *there) == 0
    assert "you may not list Job: what is there of them is not known" in capsys.readouterr().out
    api.fault = lambda call: "404" if "leaderworkersets" in call.path else None
    assert await plan(api, file, *there) == 1

    *_, last = said = capsys.readouterr().out.splitlines()
    assert "children  nothing new is made" in said
    assert last.startswith("the operator would make nothing new: spec: one replica")
    assert "the cluster has no LeaderWorkerSet" in last
    assert "time  no revision is rolled out" in said


async def test_a_route_that_may_not_be_read_is_named(planned: Callable[..., Any]) -> None:
    given = {**V3, "gateway": {"provider": "GatewayAPI", "parentRef": {"name": "edge"}}}
    api = empty()
    api.fault = lambda call: "403" if "gateway.networking" in call.path else None

    assert (await planned(api, given))["children"]["notListed"] == ["HTTPRoute"]


async def test_trouble_is_no_lack_of_permission(tmp_path: Path) -> None:
    api = running(V3)
    api.fault = lambda call: "422" if call.path.endswith("/roles") else None

    with pytest.raises(Exception, match="422 Injected"):
        await plan(api, write(tmp_path, V3))


async def test_without_nodes_it_is_compared_on_what_the_command_line_names(
    planned: Callable[..., Any],
) -> None:
    api = running({**V3, "replicas": 2}, nodes=0)
    api.fault = lambda call: "403" if call.path == "/api/v1/nodes" else None

    found = await planned(api, V3, *NODES)

    assert found["changes"]["spec"][0]["field"] == "spec.replicas"
    assert "peak" not in found
    assert "what of --accelerators is free is not known" in found["notes"][-1]
    with pytest.raises(InputError, match=r"by --accelerators, .* --diff to compare with what runs"):
        await planned(api, V3)


@pytest.mark.parametrize(
    ("words", "metadata", "namespace"),
    [
        pytest.param((), {}, "team", id="the-contexts"),
        pytest.param((), {"namespace": "other"}, "other", id="the-files"),
        pytest.param(("--namespace=third",), {}, "third", id="the-command-lines"),
        pytest.param(("--namespace=other",), {"namespace": "other"}, "other", id="both"),
    ],
)
async def test_the_namespace_is_the_one_that_kubectl_would_take(
    words: tuple[str, ...], metadata: Manifest, namespace: str, planned: Callable[..., Any]
) -> None:
    found = await planned(empty(), V3, *words, **metadata)

    assert found["changes"]["namespace"] == namespace


ON_CPU: Manifest = {**CPU_SPEC, "model": "DeepSeek-R1-Distill-Qwen-7B", "gateway": {}}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param(ON_CPU, "spec.accelerator.kind: CPU is not planned for", id="cpu"),
        pytest.param({**V3, "model": "own"}, "spec.model: own is not in the catalog", id="own"),
        pytest.param(
            {**V3, "engine": {"args": ["--cpu-offload-gb=4"]}},
            "spec.engine.args has --cpu-offload-gb, which the arithmetic does not know",
            id="unknown-flag",
        ),
    ],
)
async def test_what_is_not_sized_is_compared_all_the_same(
    given: Manifest, why: str, planned: Callable[..., Any]
) -> None:
    found = await planned(running(given), {**given, "replicas": 2})

    assert [one["field"] for one in found["changes"]["spec"]] == ["spec.replicas"]
    assert any(one["action"] == "keep" for one in found["children"]["objects"])
    assert found["admission"]["asked"]
    assert found["blocks"] == []
    assert not {"time", "peak"} & set(found)
    assert (found["fits"], found["code"]) == (None, 0)
    assert found["notes"][0].startswith(f"not sized: {why}")


async def test_what_is_not_sized_says_so_on_a_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await plan(running(ON_CPU), write(tmp_path, ON_CPU)) == 0

    lines = capsys.readouterr().out.splitlines()
    [note] = [line for line in lines if line.startswith("note: not sized")]
    assert note.startswith("note: not sized: spec.accelerator.kind: CPU is not planned for")
    assert lines[-1] == "nothing is refused"


async def test_two_namespaces_are_one_too_many(tmp_path: Path) -> None:
    file = write(tmp_path, V3, namespace="other")

    with pytest.raises(InputError, match=r"metadata\.namespace: other, and --namespace says third"):
        await plan(empty(), file, "--namespace=third")


async def test_a_file_without_a_name_is_compared_with_nothing(
    planned: Callable[..., Any],
) -> None:
    found = await planned(empty(), V3, name="")

    assert "metadata.name: missing, so nothing is compared" in found["notes"][-1]
    assert "changes" not in found
    assert "admission" not in found


async def test_a_cluster_without_such_objects_is_told_first(tmp_path: Path) -> None:
    api = empty()
    api.fault = lambda call: "404" if "deepseekdeployments" in call.path else None

    with pytest.raises(NotInstalledError, match="install the operator there"):
        await plan(api, write(tmp_path, V3))


async def test_whoever_may_not_list_them_has_a_new_object(planned: Callable[..., Any]) -> None:
    api = empty()
    api.fault = lambda call: "403" if call.path == OBJECTS and call.method == "GET" else None

    assert not (await planned(api, V3))["changes"]["exists"]


async def test_a_server_that_does_not_answer_is_no_empty_cluster(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError):
        await plan(FakeApi(fault=lambda _: "before"), write(tmp_path, V3))


async def test_what_the_command_line_sets_is_not_of_the_file(planned: Callable[..., Any]) -> None:
    found = await planned(running(V3), V3, "--set", "contextTokens=4096", "--input-tokens", "99")

    said = "children and changes are of the file alone: --input-tokens, --set is not in them"
    assert said in found["notes"]


def test_an_error_of_a_cluster_has_its_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, config = write(tmp_path, V3), tmp_path / "none.kubeconfig"

    code = live.connect_and_run(cli.parse([f"--kubeconfig={config}", "plan", "-f", file]))

    said = capsys.readouterr().err
    assert code == 1
    assert said.startswith("error: kubeconfig ")
    assert said.endswith("or plan without a cluster: --accelerators 16xH200:8\n")
    assert said.count("\n") == 1
