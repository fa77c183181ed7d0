"""Accelerators of one product are added up, however they are named and whatever nodes they are in."""

from pathlib import Path
from typing import Any

import pytest

from deepseek_operator.catalog import catalog
from deepseek_operator.cli import __main__ as cli
from deepseek_operator.cli import advising, questions
from deepseek_operator.cli.objects import InputError
from tests.unit.capacity import machines
from tests.unit.cli.test_plan import document, run, write
from tests.unit.cli.test_planning import plan
from tests.unit.fake_api import FakeApi
from tests.unit.test_observe_nodes import put

KNOWN = catalog.shipped()
SMALL = "model: DeepSeek-R1-Distill-Qwen-7B, accelerator: {product: NVIDIA-L4, count: 1}"
V3 = "model: DeepSeek-V3, accelerator: {product: NVIDIA-H200}"


def named(*there: str) -> list[str]:
    return [f"--accelerators={one}" for one in there]


@pytest.mark.parametrize(
    ("given", "added"),
    [
        pytest.param(["16xH200:8", "16xH200:8"], ["32xH200:8"], id="equal-nodes"),
        pytest.param(["16xH200:8", "8xNVIDIA-H200:8"], ["24xH200:8"], id="by-two-names"),
        pytest.param(["12xH200:8", "8xH200:8"], ["20xH200:8"], id="one-that-is-not-filled"),
        pytest.param(["12xH200:8", "11xH200:8"], ["20xH200:8", "3xH200:3"], id="two-of-these"),
        pytest.param(["4xL4:2", "2xL4:1"], ["4xL4:2", "2xL4:1"], id="other-nodes"),
        pytest.param(["8xH200:8", "8xH100:8"], ["8xH200:8", "8xH100:8"], id="other-products"),
    ],
)
def test_equal_nodes_are_one_pool(given: list[str], added: list[str]) -> None:
    assert list(map(str, questions.pools(given, KNOWN))) == added


@pytest.mark.parametrize(
    "there", [["99999999999xH200:8"], ["100000xH200:8", "8xH200:8"]], ids=["one", "together"]
)
def test_more_than_any_cluster_has_is_refused(there: list[str]) -> None:
    with pytest.raises(InputError, match=f"--accelerators: {there[-1]}: more than the 100000 GPUs"):
        questions.pools(there, KNOWN)


@pytest.mark.parametrize("verb", ["plan", "advise"])
def test_a_pool_in_two_is_the_same(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[Any] = []
    for there in (named("32xH200:8"), named("16xH200:8", "16xH200:8")):
        if verb == "plan":
            file = write(tmp_path, f"{{{V3}, replicas: 3}}")
            assert run("plan", "-f", file, *there, "-o", "json") == 0
        else:
            words = ("advise", "math", "--requests-per-second", "90", "-o", "json")
            assert advising.run(cli.parse([*words, *there])) == 0
        told.append(document(capsys))

    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("replicas", "code"), [pytest.param(3, 0, id="all"), pytest.param(4, 3, id="one-too-many")]
)
def test_nodes_of_several_sizes_hold_replicas_together(
    replicas: int, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, f"{{{SMALL}, replicas: {replicas}}}")

    assert run("plan", "-f", file, *named("2xL4:2", "1xL4:1"), "-o", "json") == code

    (block,) = document(capsys)["blocks"]
    assert (block["fleet"]["there"], block["enoughAccelerators"]) == (3, code == 0)


def test_a_block_gets_what_those_before_it_leave(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, f"{{{SMALL}, replicas: 2, fallback: [{{{SMALL}, replicas: 2}}]}}")

    assert run("plan", "-f", file, *named("2xL4:2", "1xL4:1")) == 3

    said = capsys.readouterr().out
    assert "falls short: spec.fallback[0]: needs 2 x L4 in nodes of 2, and of 3 not enough" in said


async def test_of_a_cluster_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    label = {"nvidia.com/gpu.product": "NVIDIA-L4"}
    api = put(FakeApi(), *(machines.node(f"n{gpus}", labels=label, gpus=gpus) for gpus in (1, 2)))

    assert await plan(api, tmp_path, f"{{{SMALL}, replicas: 3}}") == 0

    said = capsys.readouterr().out
    assert "as it is            3 GPUs at its peak  fits" in said
    assert said.endswith("\nfits\n")


def test_labels_and_taints_of_nodes_that_are_named_are_not_known(tmp_path: Path) -> None:
    spec = f"{{{SMALL}, pod: {{nodeSelector: {{pool: ml}}}}}}"

    assert run("plan", "-f", write(tmp_path, spec), *named("1xL4:1")) == 0
