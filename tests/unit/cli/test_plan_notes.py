"""A plan beside what the operator would do."""

import math
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
            "16xH100:8 --rdma",
            "spec: ranks on 2 nodes need RDMA between these; without multiNode.rdma in the chart the operator gives each "
            "node a part of the layers",
            id="several-nodes",
        ),
        pytest.param(
            ", accelerator: {product: NVIDIA-H100-80GB-HBM3}",
            "16xH100:8",
            "spec: on 2 nodes, and reckoned without RDMA between these; where the chart has multiNode.rdma, say --rdma",
            id="several-nodes-over-tcp",
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
    gateway = "gateway: {maxRequestsPerReplica: 10000}"
    file = write(tmp_path, f"{{model: DeepSeek-V3, {gateway}{product}}}")
    words = ("--input-tokens", "99", "-o", "json")

    assert run("plan", "-f", file, "--accelerators", *there.split(), *words) == 0

    found = document(capsys)
    assert found["workload"]["inputTokens"] == 99
    assert found["notes"] == ([note] if note else [])


@pytest.mark.parametrize(
    ("gateway", "is_noted"),
    [
        pytest.param("{}", True, id="its-default"),
        pytest.param("{maxRequestsPerReplica: 4096}", False, id="enough"),
        pytest.param("{provider: None}", False, id="none"),
    ],
)
def test_a_gateway_that_lets_fewer_pass_than_a_replica_runs_is_told(
    gateway: str, is_noted: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(
        tmp_path,
        f"{{model: DeepSeek-V3, accelerator: {{product: NVIDIA-B200}}, gateway: {gateway}}}",
    )

    run("plan", "-f", file, "--accelerators", "8xB200:8", "-o", "json")

    found = document(capsys)
    running = found["blocks"][0]["pace"]["sequences"]
    noted = [one for one in found["notes"] if one.startswith("spec.gateway.maxRequestsPerReplica")]
    assert running > 1024
    said = (
        f"spec.gateway.maxRequestsPerReplica: 1024 requests of a replica may be under way, and spec is sized for {running} "
        f"at once; set it to {math.ceil(running / 0.75)}"
    )
    assert noted == [said] * is_noted


def test_a_fallback_is_planned_for_a_load_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = "{model: DeepSeek-R1-Distill-Qwen-7B, accelerator: {product: NVIDIA-H200}, workload: {requestsPerSecond: 99}}"
    file = write(tmp_path, f"{{model: DeepSeek-V3, fallback: [{entry}]}}")

    run("plan", "-f", file, "--accelerators", "64xH200:8", "-o", "json")

    first, other = document(capsys)["blocks"]
    assert first["fleet"]["replicas"] == 1
    assert other["fleet"]["replicas"] == 4


def test_what_is_scaled_is_reckoned_with_its_most_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scaled = "autoscaling: {min: 2, max: 3}, accelerator: {product: NVIDIA-H200}, gateway: {provider: None}"
    file = write(tmp_path, f"{{model: DeepSeek-V3, {scaled}}}")

    assert run("plan", "-f", file, "--accelerators", "64xH200:8", "-o", "json") == 0

    found = document(capsys)
    assert found["blocks"][0]["fleet"]["replicas"] == 3
    assert found["notes"] == ["spec.autoscaling: reckoned with its max, 3; it may run with 2"]


_R1 = "{{model: DeepSeek-R1, accelerator: {{product: NVIDIA-H200}}, engine: {{{engine}args: [{arg}]}}}}"
_NOT_KNOWN = (
    "spec.engine.args has --{}, which the arithmetic does not know: the operator derives nothing for this block; "
    "remove the flag, or leave the plan out"
)
_TRTLLM = "name: tensorrt-llm, "


@pytest.mark.parametrize(
    ("engine", "arg", "said"),
    [
        pytest.param("", "--cpu-offload-gb=4", _NOT_KNOWN.format("cpu-offload-gb"), id="offload"),
        pytest.param("", "--block_size=32", _NOT_KNOWN.format("block-size"), id="underscores"),
        pytest.param(
            _TRTLLM, "--max_beam_width=2", _NOT_KNOWN.format("max_beam_width"), id="trtllm"
        ),
        pytest.param(
            "",
            "--tensor-parallel-size=2",
            "spec.engine.args: --tensor-parallel-size is owned by the operator: use accelerator.count",
            id="owned",
        ),
        pytest.param(
            "",
            "--max_num_seqs=2",
            "spec.engine.args: --max_num_seqs is owned by the operator: use batching.maxConcurrentSequences",
            id="owned-with-underscores",
        ),
        pytest.param(
            _TRTLLM,
            "--tp_size=2",
            "spec.engine.args: --tp_size is owned by the operator: use accelerator.count",
            id="owned-of-trtllm",
        ),
        pytest.param(
            _TRTLLM,
            "--max-seq-len=2",
            "spec.engine.args: --max-seq-len is spelt with underscores by tensorrt-llm; write it so",
            id="dashes",
        ),
        pytest.param(
            "",
            "max-model-len=2",
            "spec.engine.args: 'max-model-len=2' is no flag; write --flag or --flag=value",
            id="no-flag",
        ),
        pytest.param(
            _TRTLLM,
            "--kv_cache_config.dtyp=fp8",
            "spec.engine.args: options: --kv_cache_config.dtyp: no such key; did you mean dtype?",
            id="mistake",
        ),
    ],
)
def test_what_is_not_derived_or_not_taken_is_not_planned(
    engine: str, arg: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, _R1.format(engine=engine, arg=arg))

    assert run("plan", "-f", file, "--accelerators", "8xH200:8") == 1

    found = capsys.readouterr()
    assert (found.out, found.err) == ("", f"error: {said}\n")


@pytest.mark.parametrize(
    ("price", "notes"),
    [
        pytest.param("H200=3", ["--price: H200=3: changes nothing, as only H100 is planned with"], id="of-another"),
        pytest.param("NVIDIA-H100-80GB-HBM3=3", [], id="of-this"),
    ],
)  # fmt: skip
def test_a_price_of_no_product_that_there_is_is_noted(
    price: str, notes: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "{model: DeepSeek-R1-Distill-Qwen-7B}")
    words = ("--accelerators", "8xH100:8", "--price", price, "-o", "json")

    assert run("plan", "-f", file, *words) == 0

    assert [one for one in document(capsys)["notes"] if one.startswith("--price")] == notes


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(
            ("--requests-per-second", "1e300"),
            "--requests-per-second: 1e+300 is more than an object may have, 1000000; lower it",
            id="rate",
        ),
        pytest.param(
            ("--input-tokens", "100000000"),
            "--input-tokens: 1e+08 is more than an object may have, 10000000; lower it",
            id="tokens",
        ),
    ],
)
def test_a_load_is_bounded_as_the_definition_bounds_it(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "{model: DeepSeek-R1-Distill-Qwen-7B}")

    assert run("plan", "-f", file, "--accelerators", "8xH100:8", *words) == 1

    assert capsys.readouterr().err == f"error: {said}\n"
