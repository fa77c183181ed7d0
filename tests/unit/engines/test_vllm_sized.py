"""Flags of a replica that was derived, over everything that the catalog knows."""

import json
import math
from typing import Any

import pytest

from deepseek_operator.engines import probes, vllm
from deepseek_operator.overriding import given_flags
from deepseek_serving.engine import classes, priority
from deepseek_serving.warmup.spec import WarmupSpec
from tests.unit.engines.matrix import MATRIX, Pair, sized_request
from tests.unit.engines.test_vllm import FLAGS
from tests.unit.samples import Manifest

V3, QWEN, R1 = "DeepSeek-V3", "DeepSeek-R1-Distill-Qwen-7B", "DeepSeek-R1-0528"


def args(model: str, product: str, **more: Any) -> list[str]:
    return vllm.engine_args(sized_request(model, product, **more))


EACH = list(dict.fromkeys(pair.model for pair in MATRIX))


def pairs_of(model: str) -> list[Pair]:
    return [pair for pair in MATRIX if pair.model == model]


@pytest.mark.parametrize("model", EACH)
def test_every_flag_is_one_that_this_vllm_knows_and_given_once(model: str) -> None:
    for pair in pairs_of(model):
        positional, *flags = vllm.engine_args(pair.request)
        names = [flag.partition("=")[0] for flag in flags]

        assert not positional.startswith("-")
        assert set(names) <= FLAGS
        assert len(names) == len(set(names))


@pytest.mark.parametrize("model", EACH)
def test_limits_are_such_as_the_engine_starts_with(model: str) -> None:
    for pair in pairs_of(model):
        sized = pair.request.sized
        assert sized is not None
        given = given_flags(vllm.engine_args(pair.request)[1:])

        assert int(given["max-num-batched-tokens"]) >= int(given["max-num-seqs"])
        assert int(given["max-model-len"]) <= sized.question.model.context_tokens
        assert int(given["max-model-len"]) <= sized.cache_tokens
        assert (
            sized.question.model.dimensions.heads % int(given.get("tensor-parallel-size", 1)) == 0
        )
        assert ("enable-expert-parallel" in given) <= (sized.question.model.experts is not None)
        sizes = [
            int(given.get(f"{name}-parallel-size", 1)) for name in ("tensor", "pipeline", "data")
        ]
        assert math.prod(sizes) == pair.request.accelerators
        assert (sizes[1] > 1) == (pair.request.nodes > 1)


@pytest.mark.parametrize("model", EACH)
def test_batches_that_are_planned_with_have_graphs(model: str) -> None:
    for pair in pairs_of(model):
        sized = pair.request.sized
        assert sized is not None
        given = vllm.engine_args(pair.request)
        batch = sized.limits.sequences * (1 + sized.setting.mtp_tokens)

        raised = [flag for flag in given if flag.startswith("--max-cudagraph-capture-size=")]
        assert raised == ([f"--max-cudagraph-capture-size={batch}"] if batch > 512 else [])


def test_no_graph_is_larger_than_memory_is_kept_for() -> None:
    request = sized_request(QWEN, "NVIDIA-H200", batching={"maxConcurrentSequences": 5000})

    assert "--max-cudagraph-capture-size=1024" in vllm.engine_args(request)


@pytest.mark.parametrize(
    ("model", "product", "more", "expected"),
    [
        pytest.param(
            V3,
            "NVIDIA-H200",
            {},
            {
                "--data-parallel-size=8",
                "--enable-expert-parallel",
                "--api-server-count=1",
                "--max-num-seqs=96",
                "--max-model-len=112640",
                "--gpu-memory-utilization=0.92",
            },
            id="each-gpu-attends-for-itself",
        ),
        pytest.param(
            V3,
            "NVIDIA-H20",
            {},
            {
                "--tensor-parallel-size=8",
                "--enable-expert-parallel",
                '--speculative-config={"method":"mtp","num_speculative_tokens":1}',
            },
            id="drafts",
        ),
        pytest.param(
            QWEN, "NVIDIA-B200", {}, {"--max-cudagraph-capture-size=1024"}, id="larger-graphs"
        ),
        pytest.param(
            QWEN,
            "NVIDIA-H200",
            {"workload": {"inputTokens": 16_000}},
            {"--kv-cache-dtype=fp8"},
            id="long-prompts-in-a-small-cache",
        ),
        pytest.param(
            QWEN,
            "NVIDIA-H200",
            {"source": "pvc://mine", "quantization": "fp8"},
            {"--quantization=fp8_per_tensor"},
            id="made-while-it-loads",
        ),
        pytest.param(
            QWEN,
            "NVIDIA-H200",
            {"batching": {"maxConcurrentSequences": 9, "maxBatchedTokens": 99}},
            {"--max-num-seqs=9", "--max-num-batched-tokens=99"},
            id="limits-that-are-set",
        ),
        pytest.param(
            V3,
            "NVIDIA-H200",
            {"accelerator": {"attention": "Tensor"}},
            {"--tensor-parallel-size=8", "--enable-expert-parallel"},
            id="attention-that-is-set",
        ),
        pytest.param(
            QWEN,
            "NVIDIA-H200",
            {"accelerator": {"count": 4}},
            {"--tensor-parallel-size=4"},
            id="gpus-that-are-set",
        ),
    ],
)
def test_what_is_derived_becomes_flags(
    model: str, product: str, more: Manifest, expected: set[str]
) -> None:
    assert expected <= set(args(model, product, **more))


@pytest.mark.parametrize(
    ("model", "unwanted"),
    [
        (QWEN, "--tensor-parallel-size"),
        (QWEN, "--data-parallel-size"),
        (QWEN, "--enable-expert-parallel"),
        (QWEN, "--quantization"),
        (QWEN, "--speculative-config"),
        (QWEN, "--kv-cache-dtype"),
        (V3, "--speculative-config"),
        (V3, "--enable-chunked-prefill"),
        (V3, "--enable-prefix-caching"),
    ],
)
def test_what_the_engine_does_anyway_or_must_not_is_left_out(model: str, unwanted: str) -> None:
    assert not any(flag.startswith(unwanted) for flag in args(model, "NVIDIA-H200"))


@pytest.mark.parametrize(
    "given",
    [
        "--max-model-len=auto",
        "--gpu_memory_utilization=0.8",
        "--kv-cache-dtype=auto",
        "--api-server-count=4",
        "--enable_expert_parallel",
        '--speculative-config={"method":"mtp","num_speculative_tokens":2}',
    ],
)
def test_a_flag_that_is_not_owned_is_the_users(given: str) -> None:
    name = given.partition("=")[0].replace("_", "-")

    found = args(V3, "NVIDIA-H200", engine={"args": [given]})

    assert [flag for flag in found if flag.partition("=")[0].replace("_", "-") == name] == [given]


def test_a_warm_up_is_told_of_every_rank() -> None:
    told = vllm.warmup_limits(args(V3, "NVIDIA-H200"), on_gpu=True)

    spec = WarmupSpec.model_validate(told)
    assert (spec.max_concurrent_sequences, spec.data_parallel) == (96, 8)


@pytest.mark.parametrize(("model", "product"), [(V3, "NVIDIA-H200"), (QWEN, "NVIDIA-L4")])
def test_an_engine_knows_how_many_long_requests_its_replica_was_sized_for(
    model: str, product: str
) -> None:
    request = sized_request(model, product)
    assert request.sized is not None

    environment = vllm.engine_container(request).env

    assert int(environment[classes.MOST_LONG_VARIABLE]) == request.sized.long.most > 1
    assert priority.PRIORITY_VARIABLE not in environment


def test_drafts_are_json_that_the_engine_reads() -> None:
    [flag] = [one for one in args(V3, "NVIDIA-H20") if one.startswith("--speculative-config=")]

    assert json.loads(flag.partition("=")[2]) == {"method": "mtp", "num_speculative_tokens": 1}


def test_the_start_up_probe_waits_for_the_files_that_are_loaded() -> None:
    eight = probes.startup_seconds(sized_request(R1, "NVIDIA-H200"))
    four = probes.startup_seconds(sized_request(R1, "NVIDIA-B200"))
    made = probes.startup_seconds(
        sized_request(QWEN, "NVIDIA-H200", source="pvc://mine", quantization="fp8")
    )

    assert eight == pytest.approx(2 * (600 + 688e9 / 200e6), rel=0.01)
    assert four == pytest.approx(2 * (600 + 397e9 / 200e6), rel=0.01)
    assert made == pytest.approx(2 * (600 + 15.2e9 / 200e6), rel=0.01)
