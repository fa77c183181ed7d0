"""A plan beside the objects that the operator makes: the cases in which they once differed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.capacity import machines
from tests.unit.capacity.machines import L40S
from tests.unit.cli.test_plan import document, run, write
from tests.unit.fake_api import FakeApi
from tests.unit.samples import Manifest
from tests.unit.test_observe_nodes import put

Planned = Callable[..., Any]

QWEN_14B, LLAMA_70B = "DeepSeek-R1-Distill-Qwen-14B", "DeepSeek-R1-Distill-Llama-70B"


def with_children(
    folder: Path, capsys: pytest.CaptureFixture[str], spec: str, there: str, *more: str
) -> tuple[int, dict[str, Any]]:
    """The exit code, and the plan with its children."""
    words = ("--accelerators", there, "--children", "-o", "json")
    code = run("plan", "-f", write(folder, spec), *words, *more)
    return code, document(capsys)


def gpus(plan: dict[str, Any]) -> int:
    """Of all children."""
    return sum(child.get("accelerators") or 0 for child in plan["children"]["objects"])


@pytest.mark.parametrize(
    ("spec", "there", "expected"),
    [
        pytest.param(
            "{model: DeepSeek-V3, accelerator: {product: NVIDIA-B200}, workload: {requestsPerSecond: 2}}",
            "8xB200:8",
            (0, "DP8 with EP8", 8),
            id="a-rate-decides-no-layout",
        ),
        pytest.param(
            "{model: DeepSeek-R1, accelerator: {product: NVIDIA-H100-80GB-HBM3}}",
            "32xH100:8",
            (0, "DP8 with EP8", 8),
            id="one-node-in-every-form-before-two",
        ),
        pytest.param(
            f"{{model: {QWEN_14B}, accelerator: {{product: NVIDIA-L4}}}}",
            "8xL4:1",
            (3, "TP2", 2),
            id="a-product-that-is-named-is-on-the-largest-nodes",
        ),
        pytest.param(
            f"{{model: {LLAMA_70B}, accelerator: {{product: NVIDIA-L40S}}, workload: {{timePerOutputToken: 20ms}}}}",
            "32xL40S:8",
            (3, "TP8", 8),
            id="a-late-target-takes-no-second-node",
        ),
        pytest.param(
            "{model: DeepSeek-V3, quantization: fp8, accelerator: {product: NVIDIA-H100-80GB-HBM3}}",
            "32xH100:8",
            (0, "TP8 x PP2 with EP8", 16),
            id="nodes-exchange-over-tcp",
        ),
    ],
)
def test_the_layout_is_that_of_the_children(
    spec: str,
    there: str,
    expected: tuple[int, str, int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, found = with_children(tmp_path, capsys, spec, there)

    (block,) = found["blocks"]
    values = {one["name"]: one["value"] for one in block["values"]}
    assert (code, values["layout"], block["fleet"]["accelerators"]) == expected
    assert gpus(found) == block["fleet"]["accelerators"]


def test_with_rdma_both_spread_ranks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    product = "{product: NVIDIA-H100-80GB-HBM3}"
    spec = f"{{model: DeepSeek-V3, quantization: fp8, accelerator: {product}}}"

    _, found = with_children(tmp_path, capsys, spec, "32xH100:8", "--rdma")

    (block,) = found["blocks"]
    assert block["layout"]["data"] > block["layout"]["pipeline"] == 1
    assert block["fleet"]["accelerators"] == gpus(found)


def test_nodes_that_are_too_small_for_what_is_derived_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, f"{{model: {QWEN_14B}, accelerator: {{product: NVIDIA-L4}}}}")

    assert run("plan", "-f", file, "--accelerators", "8xL4:1") == 3

    assert (
        "falls short: spec: each pod needs 2 x L4, which does not fit nodes of 1; for nodes of 1 set accelerator.count to 1, "
    ) in capsys.readouterr().out

    counted = f"{{model: {QWEN_14B}, accelerator: {{product: NVIDIA-L4, count: 1}}}}"
    run("plan", "-f", write(tmp_path, counted), "--accelerators", "8xL4:1")
    assert "does not fit" not in capsys.readouterr().out


def test_a_number_that_would_be_refused_is_no_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "{model: DeepSeek-V3, accelerator: {product: NVIDIA-L4}}")

    assert run("plan", "-f", file, "--accelerators", "1xL4:1") == 3

    last = capsys.readouterr().out.splitlines()[-1]
    assert "does not fit nodes of 1; DeepSeek-V3 in fp8 on 1 x L4 (1 GPU) needs 628.7 GiB" in last
    assert "Remedy: 48 x L4 on 6 nodes of 8 would do" in last
    assert "accelerator.count" not in last


def test_more_replicas_than_an_object_has_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(
        tmp_path,
        "{model: DeepSeek-V3, accelerator: {product: NVIDIA-H200}, workload: {requestsPerSecond: 1000000}}",
    )

    assert run("plan", "-f", file, "--accelerators", "8xH200:8") == 1

    said = capsys.readouterr().err
    assert said.startswith("error: spec.workload.requestsPerSecond: 1e+06 need ")
    assert "an object has at most 1000" in said


@pytest.mark.parametrize(
    ("setting", "note"),
    [
        pytest.param(
            ("tensor=2", "data=4"),
            "spec: no object asks for TP2 x DP4 with EP8: with accelerator.count 8 and attention Ranks it gets DP8 with EP8",
            id="ranks-of-several",
        ),
        pytest.param(("tensor=8",), None, id="as-an-object-says-it"),
    ],
)
def test_a_layout_that_no_object_asks_for_is_told(
    setting: tuple[str, ...],
    note: str | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = "{model: DeepSeek-V3, accelerator: {product: NVIDIA-H200}}"

    more = [f"--set={one}" for one in setting]
    _, found = with_children(tmp_path, capsys, spec, "8xH200:8", *more)

    notes = [one for one in found["notes"] if one.startswith("spec: no object")]
    assert notes == ([] if note is None else [note])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(
            ("--set=data=16",),
            "--set data: ranks on 2 nodes exchange with experts twice a layer, which takes RDMA",
            id="ranks-over-nodes-without-rdma",
        ),
        pytest.param(
            ("--set=tensor=4", "--set=data=3", "--rdma"),
            "--set tensor: tensor 4 x data 3 = 12 GPUs are 6 on each of 2 nodes of 8",
            id="a-group-on-two-nodes",
        ),
        pytest.param(
            ("--set=data=12", "--rdma"),
            "--set: no object asks for DP12 with EP12: with accelerator.count 12 and attention Ranks nothing runs, as 12 "
            "GPUs of one replica are not on whole nodes: a node of H200 has 8; set at most 8, or a multiple of it up to "
            "128, or leave count out",
            id="no-whole-nodes",
        ),
        pytest.param(
            ("--set=tensor=8", "--set=pipeline=17", "--accelerators=136xH200:8"),
            "--set: no object asks for TP8 x PP17 with EP8: with accelerator.count 136 and attention Tensor nothing runs, as "
            "136 GPUs of one replica are not on whole nodes: a node of H200 has 8; set at most 8, or a multiple of it up to "
            "128, or leave count out",
            id="more-nodes-than-a-group-has",
        ),
    ],
)
def test_a_layout_that_no_object_can_have_is_refused(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They ended with `fits`, and the same as an object was stalled."""
    file = write(tmp_path, "{model: DeepSeek-V3, accelerator: {product: NVIDIA-H200}}")

    assert run("plan", "-f", file, "--accelerators", "16xH200:8", *words) == 1

    assert capsys.readouterr().err.startswith(f"error: {said}")


async def test_of_the_nodes_those_count_that_the_pods_may_run_on(planned: Planned) -> None:
    """As for the operator, which sizes for the largest node of them."""
    there = put(
        FakeApi(),
        machines.node("small", labels={**L40S, "zone": "a"}, gpus=1),
        machines.node("large", labels={**L40S, "zone": "b"}, gpus=8),
    )
    spec: Manifest = {"model": LLAMA_70B, "pod": {"nodeSelector": {"zone": "b"}}}
    other: Manifest = {"model": QWEN_14B, "pod": {"nodeSelector": {"zone": "a"}}}

    for asked, most in ((spec, 8), (other, 1)):
        found = await planned(there, asked)
        (block,) = found["blocks"]
        assert block["layout"]["accelerators"] <= most
        assert found["peak"]["ways"][0]["fits"] == "Yes"
        assert gpus(found) == block["fleet"]["accelerators"]
