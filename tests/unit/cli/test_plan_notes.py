"""A plan beside what the operator would do."""

from pathlib import Path

import pytest

from tests.unit.cli.test_plan import document, run, write


@pytest.mark.parametrize(
    ("product", "there", "note"),
    [
        pytest.param(
            "",
            "8xH200:8",
            "spec.accelerator.product: not set, so the operator derives this only where all nodes that the pods may run "
            "on have one product; to be sure set it to NVIDIA-H200",
            id="no-product",
        ),
        pytest.param(
            ", accelerator: {product: NVIDIA-H100-80GB-HBM3}",
            "16xH100:8",
            "spec: ranks on 2 nodes need RDMA between these; without multiNode.rdma in the chart the operator gives each "
            "node a part of the layers",
            id="several-nodes",
        ),
        pytest.param(
            ", engine: {name: tensorrt-llm}, accelerator: {product: NVIDIA-H200}",
            "8xH200:8",
            "",
            id="another-engine",
        ),
        pytest.param(", accelerator: {product: NVIDIA-H200}", "8xH200:8", "", id="as-planned"),
    ],
)
def test_where_the_operator_would_do_otherwise_a_plan_says_so(
    product: str, there: str, note: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, f"{{model: DeepSeek-V3, workload: {{inputTokens: 99}}{product}}}")

    assert run("plan", "-f", file, "--accelerators", there, "-o", "json") == 0

    found = document(capsys)
    assert found["workload"]["inputTokens"] == 99
    assert found["notes"] == ([note] if note else [])


def test_a_fallback_is_planned_for_a_load_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = "{model: DeepSeek-R1-Distill-Qwen-7B, accelerator: {product: NVIDIA-H200}, workload: {requestsPerSecond: 99}}"
    file = write(tmp_path, f"{{model: DeepSeek-V3, fallback: [{entry}]}}")

    run("plan", "-f", file, "--accelerators", "64xH200:8", "-o", "json")

    first, other = document(capsys)["blocks"]
    assert first["fleet"]["replicas"] == 1
    assert other["fleet"]["replicas"] == 4
