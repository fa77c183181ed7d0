"""kubectl deepseek plan on the accelerators of a cluster: what is free, and which strategy has room."""

import argparse
from pathlib import Path
from typing import Any

import pytest

from deepseek_operator.cli import __main__ as cli
from deepseek_operator.cli import planning
from deepseek_operator.cli.objects import InputError
from deepseek_operator.rollout.revisions import target_key
from tests.unit.capacity import machines
from tests.unit.capacity.machines import H100, H200, L40S
from tests.unit.cli.test_plan import document, run, write
from tests.unit.fake_api import FakeApi
from tests.unit.samples import Manifest, deepseek
from tests.unit.test_observe_nodes import NODES, put, refusing

OBJECT = "/apis/serving.deepseek.dev/v1alpha1/namespaces/team/deepseekdeployments/chat"
V3 = "model: DeepSeek-V3, accelerator: {product: NVIDIA-H200, count: 8}"
QWEN = "{model: DeepSeek-R1-Distill-Qwen-7B, accelerator: {product: NVIDIA-L40S, count: 1}}"


def serving(api: FakeApi, revision: str, *, on: dict[str, int], gpus: int) -> FakeApi:
    """The object is there, and this revision of it serves, with pods by node."""
    api.put(OBJECT, {"metadata": {"name": "chat"}, "status": {"serving": {"revision": revision}}})
    for node, count in on.items():
        for number in range(count):
            name = f"{revision}-{node}-{number}"
            put(api, machines.engine(name, of="chat", revision=revision, on=node, gpus=gpus))
    return api


def nodes(*products: dict[str, str], gpus: int = 8) -> FakeApi:
    there = [
        machines.node(f"n{place}", labels=labels, gpus=gpus)
        for place, labels in enumerate(products)
    ]
    return put(FakeApi(), *there)


async def plan(api: FakeApi, folder: Path, spec: str, *words: str) -> int:
    options: argparse.Namespace = cli.parse(["plan", "-f", write(folder, spec), *words])
    return await planning.plan(api.kube(), options, namespace="team")


async def planned(
    api: FakeApi, folder: Path, spec: str, capsys: pytest.CaptureFixture[str]
) -> dict[str, Any]:
    await plan(api, folder, spec, "-o", "json")
    peak = document(capsys)["peak"]
    assert isinstance(peak, dict)
    return peak


async def test_a_plan_on_a_screen_says_what_is_free_and_what_fits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = serving(nodes(H200, H200, L40S), "old", on={"n0": 1}, gpus=8)
    put(api, machines.pod("other", on="n1", gpus=4))

    assert await plan(api, tmp_path, f"{{{V3}}}") == 3

    said = capsys.readouterr().out
    assert "\naccelerators  4 of 16 x H200 free, 8 of 8 x L40S free\n" in said
    assert (
        "\n  Canary, BlueGreen   16 GPUs at its peak  does not fit: needs 8 x H200 in nodes of 8; 4 free\n"
        "  Replace             8 GPUs at its peak  fits\n"
        "  Auto would be Replace\n"
    ) in said
    assert "falls short: spec.rollout.strategy: there is no room for its peak" in said


@pytest.mark.parametrize(
    ("strategy", "code"), [("Canary", 3), ("Replace", 0), ("Auto", 0), ("BlueGreen", 3)]
)
async def test_the_exit_code_is_that_of_the_objects_own_strategy(
    strategy: str, code: int, tmp_path: Path
) -> None:
    api = serving(nodes(H200), "old", on={"n0": 1}, gpus=8)

    assert await plan(api, tmp_path, f"{{{V3}, rollout: {{strategy: {strategy}}}}}") == code


async def test_a_first_rollout_has_one_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = nodes(H200, L40S)
    put(api, machines.pod("other", on="n0", gpus=2))

    peak = await planned(api, tmp_path, f"{{{V3}, fallback: [{QWEN}]}}", capsys)

    assert peak["accelerators"] == [
        {"product": "H200", "total": 8, "free": 6},
        {"product": "L40S", "total": 8, "free": 8},
    ]
    assert peak["ways"] == [
        {
            "strategies": [],
            "accelerators": 9,
            "fits": "No",
            "missing": "needs 8 x H200 in nodes of 8 and 1 x L40S for spec.fallback[0]; 6 free; 8 free",
        }
    ]
    assert peak["auto"] == ""


async def test_a_product_that_no_node_has_is_told_with_what_there_is(tmp_path: Path) -> None:
    said = (
        r"spec\.accelerator\.product: NVIDIA-H200: no node has it \(there are 8xL40S:8\); say what there is to be by "
        "--accelerators"
    )

    with pytest.raises(InputError, match=said):
        await plan(nodes(L40S), tmp_path, f"{{{V3}}}")


async def test_pods_that_run_already_are_not_wanted_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec: Manifest = {
        "model": "DeepSeek-V3",
        "accelerator": {"product": "NVIDIA-H200", "count": 8},
    }
    key = target_key(deepseek(**{**spec, "gateway": {}}).spec)
    api = serving(nodes(H200, H200), key, on={"n0": 1}, gpus=8)

    peak = await planned(api, tmp_path, f"{{{V3}, replicas: 2}}", capsys)

    assert peak["ways"] == [{"strategies": [], "accelerators": 16, "fits": "Yes", "missing": ""}]


async def test_a_revision_that_becomes_a_fallback_does_not_make_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old: Manifest = {
        "model": "DeepSeek-R1",
        "accelerator": {"product": "NVIDIA-H200", "count": 8},
    }
    key = target_key(deepseek(**{**old, "gateway": {}}).spec)
    entry = "{model: DeepSeek-R1, accelerator: {product: NVIDIA-H200, count: 8}}"
    api = serving(nodes(H200), key, on={"n0": 1}, gpus=8)

    peak = await planned(api, tmp_path, f"{{{V3}, fallback: [{entry}]}}", capsys)

    assert [(way["strategies"][0], way["fits"]) for way in peak["ways"]] == [
        ("Canary", "No"),
        ("Replace", "No"),
    ]
    assert peak["auto"] == ""


@pytest.mark.parametrize(
    ("gateway", "ways"),
    [
        pytest.param("{provider: None}", [["BlueGreen"], ["Replace"]], id="no-gateway"),
        pytest.param(
            "{provider: GatewayAPI, parentRef: {name: edge}}", [["Canary", "BlueGreen"]], id="route"
        ),
    ],
)
async def test_strategies_that_the_gateway_does_not_have_are_not_named(
    gateway: str, ways: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = serving(nodes(H200, H200), "old", on={"n0": 1}, gpus=8)

    peak = await planned(api, tmp_path, f"{{{V3}, gateway: {gateway}}}", capsys)

    assert [way["strategies"] for way in peak["ways"]] == ways


async def test_auto_is_a_canary_where_there_is_room(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = serving(nodes(H200, H200), "old", on={"n0": 1}, gpus=8)

    assert (await planned(api, tmp_path, f"{{{V3}}}", capsys))["auto"] == "Canary"


async def test_nodes_that_take_no_pods_are_no_place_to_plan_for(tmp_path: Path) -> None:
    api = put(FakeApi(), machines.node("a", labels=H200, cordoned=True))

    with pytest.raises(InputError, match="no node offers whole GPUs that the catalog knows"):
        await plan(api, tmp_path, f"{{{V3}}}")


async def test_without_permission_it_says_what_to_do(tmp_path: Path) -> None:
    api = put(FakeApi(fault=refusing(NODES)), machines.node("a", labels=H200))

    with pytest.raises(
        InputError, match=r"may not be listed with these credentials; .* --accelerators"
    ):
        await plan(api, tmp_path, f"{{{V3}}}")


async def test_the_pods_own_labels_choose_the_nodes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taints = [{"key": "dedicated", "value": "ml", "effect": "NoSchedule"}]
    api = put(FakeApi(), machines.node("a", labels=H200, taints=taints))
    tolerant = f"{{{V3}, pod: {{tolerations: [{{key: dedicated, operator: Exists}}]}}}}"

    [without] = (await planned(api, tmp_path, f"{{{V3}}}", capsys))["ways"]
    [with_it] = (await planned(api, tmp_path, tolerant, capsys))["ways"]

    assert without["fits"] == "No"
    assert "8 more on node a with taint dedicated=ml:NoSchedule" in without["missing"]
    assert with_it["fits"] == "Yes"


FIRST = "rollout: {strategy: Canary, from: {model: DeepSeek-R1-Distill-Qwen-7B, accelerator: {product: NVIDIA-H200, count: 1}, replicas: 4}}"


@pytest.mark.parametrize(
    ("there", "code", "fits"), [("8xH200:8", 3, ["No", "Yes"]), ("16xH200:8", 0, ["Yes", "Yes"])]
)
def test_without_a_cluster_the_first_rollout_has_a_peak(
    there: str, code: int, fits: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, f"{{{V3}, {FIRST}}}")

    assert run("plan", "-f", file, "--accelerators", there, "-o", "json") == code

    peak = document(capsys)["peak"]
    assert [way["fits"] for way in peak["ways"]] == fits
    assert [way["accelerators"] for way in peak["ways"]] == [12, 8]


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(f"{{{V3}}}", id="nothing-serves-before"),
        pytest.param(f"{{{V3}, {FIRST[:-1]}, skipInitial: true}}}}", id="skipped"),
        pytest.param(
            f"{{{V3}, rollout: {{strategy: Canary, from: {{{V3}}}}}}}", id="with-what-it-is-itself"
        ),
    ],
)
def test_without_knowing_what_serves_the_peak_is_that_of_the_object_alone(
    spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, spec)

    assert run("plan", "-f", file, "--accelerators", "16xH200:8", "-o", "json") == 0

    peak = document(capsys)["peak"]
    assert peak["ways"] == [{"strategies": [], "accelerators": 8, "fits": "Yes", "missing": ""}]
    assert not peak["servingCounted"]


_BESIDE = "  beside what serves  not known without a cluster"


@pytest.mark.parametrize(
    ("strategy", "last"),
    [
        pytest.param(
            "BlueGreen",
            "fits, beside nothing else: while BlueGreen rolls it out, what serves holds its accelerators, too",
            id="blue-green",
        ),
        pytest.param(
            "Canary",
            "fits, beside nothing else: while Canary rolls it out, what serves holds its accelerators, too",
            id="canary",
        ),
        pytest.param(
            "Auto",
            "fits, beside nothing else: where it has no room beside what serves, Auto stops that first (Replace)",
            id="auto",
        ),
        pytest.param("Replace", "fits", id="replace"),
    ],
)
def test_without_a_cluster_no_rollout_beside_what_serves_fits_for_sure(
    strategy: str, last: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, f"{{{V3}, rollout: {{strategy: {strategy}}}}}")

    assert run("plan", "-f", file, "--accelerators", "8xH200:8") == 0

    lines = capsys.readouterr().out.splitlines()
    assert "  alone               8 GPUs at its peak  fits" in lines
    assert any(line.startswith(_BESIDE) for line in lines) == (strategy != "Replace")
    assert lines[-1] == last


def test_the_peak_of_an_object_alone_has_its_fallback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, f"{{{V3}, fallback: [{QWEN}]}}")
    there = ("--accelerators", "8xH200:8", "--accelerators", "1xL40S:1")

    assert run("plan", "-f", file, *there, "-o", "json") == 0

    assert [way["accelerators"] for way in document(capsys)["peak"]["ways"]] == [9]


def test_a_first_rollout_that_fits_says_beside_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, f"{{{V3}, {FIRST}}}")

    assert run("plan", "-f", file, "--accelerators", "16xH200:8") == 0

    said = capsys.readouterr().out
    assert said.splitlines()[-1].startswith("fits, beside nothing but spec.rollout.from: ")
    assert _BESIDE not in said


def test_a_plan_without_accelerators_asks_the_cluster() -> None:
    assert cli._asks_the_cluster(cli.parse(["plan", "-f", "x"]))
    assert not cli._asks_the_cluster(cli.parse(["plan", "-f", "x", "--accelerators", "8xH200:8"]))
    assert not cli._asks_the_cluster(cli.parse(["models"]))


ON_H100 = "model: DeepSeek-V3, accelerator: {product: NVIDIA-H100-80GB-HBM3}"
"""A replica is on two nodes with eight of them."""


@pytest.mark.parametrize(
    ("there", "fits"),
    [pytest.param(4, ["Yes", "Yes"], id="4"), pytest.param(3, ["No", "Yes"], id="3")],
)
async def test_a_canary_of_a_replica_on_two_nodes_needs_four(
    there: int, fits: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = serving(nodes(*[H100] * there), "old", on={"n0": 1, "n1": 1}, gpus=8)

    peak = await planned(api, tmp_path, f"{{{ON_H100}}}", capsys)

    assert [way["fits"] for way in peak["ways"]] == fits
    assert [way["accelerators"] for way in peak["ways"]] == [32, 16]
    assert peak["auto"] == ("Canary" if there == 4 else "Replace")


async def test_halves_of_nodes_are_no_room_for_a_replica_on_several(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = nodes(H100, H100, H100)
    for node in ("n0", "n1"):
        put(api, machines.pod(f"other-{node}", on=node, gpus=4))

    peak = await planned(api, tmp_path, f"{{{ON_H100}}}", capsys)

    [way] = peak["ways"]
    assert (way["fits"], way["missing"]) == (
        "No", "needs 16 x H100 in nodes of 8; 16 free, 8 of them in nodes of 8",
    )  # fmt: skip


async def test_pods_of_a_group_that_run_already_are_not_wanted_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec: Manifest = {
        "model": "DeepSeek-V3",
        "accelerator": {"product": "NVIDIA-H100-80GB-HBM3"},
    }
    key = target_key(deepseek(**{**spec, "gateway": {}}).spec)
    api = nodes(H100, H100, H100, H100)
    for node, worker in (("n0", False), ("n1", True)):
        pod = machines.engine(f"e-{node}", of="chat", revision=key, worker=worker, on=node)
        put(api, pod)
    api.put(OBJECT, {"metadata": {"name": "chat"}, "status": {"serving": {"revision": key}}})

    peak = await planned(api, tmp_path, f"{{{ON_H100}, replicas: 2}}", capsys)

    assert peak["ways"] == [{"strategies": [], "accelerators": 32, "fits": "Yes", "missing": ""}]
