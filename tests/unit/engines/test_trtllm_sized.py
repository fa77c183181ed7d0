"""Options and keys of a replica that was derived, over everything that the catalog knows."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from deepseek_operator.engines import choice, probes, trtllm, trtllm_options
from deepseek_operator.engines.contract import EngineContainer, EngineRequest
from deepseek_operator.sizing.size import Sized
from deepseek_serving.warmup.spec import WarmupSpec
from tests.faketrtllm import serve
from tests.unit.engines.matrix import TRTLLM_MATRIX, Pair, sized_request
from tests.unit.samples import Manifest

V3, R1, QWEN = "DeepSeek-V3", "DeepSeek-R1", "DeepSeek-R1-Distill-Qwen-7B"
H200, H20, B200 = "NVIDIA-H200", "NVIDIA-H20", "NVIDIA-B200"

EACH = list(dict.fromkeys(pair.model for pair in TRTLLM_MATRIX))


def pairs_of(model: str) -> list[Pair]:
    return [pair for pair in TRTLLM_MATRIX if pair.model == model]


def request(model: str, product: str, *flags: str, **more: Any) -> EngineRequest:
    engine = {"name": "tensorrt-llm", "args": list(flags)}
    return sized_request(model, product, engine=engine, **more)


def built(model: str, product: str, *flags: str, **more: Any) -> EngineContainer:
    return trtllm.engine_container(request(model, product, *flags, **more))


def options(model: str, product: str, *flags: str, **more: Any) -> Manifest:
    found: Manifest = yaml.safe_load(built(model, product, *flags, **more).options)
    return found


def sized_of(request: EngineRequest) -> Sized:
    assert request.sized is not None
    return request.sized


def parsed(container: EngineContainer, folder: Path) -> serve.Asked:
    """What the fake of this version makes of it; AssertionError where it would not start."""
    file = folder / "options.yaml"
    file.write_text(container.options)
    told = [f"--config={file}" if "--config=" in arg else arg for arg in container.args]
    try:
        served = container.command[container.command.index(trtllm.COMMAND) + 1 :]
        return serve.parse([*served, *told])
    except serve.UsageError as error:
        raise AssertionError(f"it does not start: {error}") from error


def test_every_model_is_sized_somewhere_in_the_forms_that_this_engine_reads() -> None:
    assert len(EACH) == 12
    assert {pair.request.sized.setting.scheme.name for pair in TRTLLM_MATRIX if pair.request.sized} == {
        "none",
        "fp8",
        "nvfp4",
        "w4afp8",
    }  # fmt: skip


@pytest.mark.parametrize("model", EACH)
def test_the_fake_of_this_version_takes_every_command_line_and_file(
    model: str, tmp_path: Path
) -> None:
    for pair in pairs_of(model):
        container = trtllm.engine_container(pair.request)

        asked = parsed(container, tmp_path)

        assert asked.options == yaml.safe_load(container.options)
        names = [flag.partition("=")[0].removeprefix("--") for flag in container.args]
        known = trtllm_options.known()
        spelt = [known.aliases.get(name, name) for name in (*names, *asked.options)]
        assert len(spelt) == len(set(spelt))


@pytest.mark.parametrize("model", EACH)
def test_limits_are_such_as_the_engine_starts_with(model: str, tmp_path: Path) -> None:
    for pair in pairs_of(model):
        sized = sized_of(pair.request)
        asked = parsed(trtllm.engine_container(pair.request), tmp_path)
        given, file = asked.values, asked.options
        sequences, tokens = int(given["max_batch_size"]), int(given["max_num_tokens"])
        ranks = int(given.get("tensor_parallel_size", "1"))
        attends = file.get("enable_attention_dp", False)

        assert tokens >= sequences
        assert int(given["max_seq_len"]) <= min(
            sized.question.model.context_tokens, sized.cache_tokens
        )
        stages = int(given.get("pipeline_parallel_size", "1"))
        assert ranks * stages == pair.request.accelerators
        assert stages == pair.request.nodes
        assert attends or sized.question.model.dimensions.heads % ranks == 0
        if sized.question.model.experts is None:
            assert not attends
            assert "moe_config" not in file
        else:
            assert tokens % 32 == 0
            assert int(given.get("moe_expert_parallel_size", "1")) == ranks
            together = (ranks if attends else 1) * tokens
            assert file["moe_config"].get("max_num_tokens", together) <= 16_384
        captured = file["cuda_graph_config"]["batch_sizes"]
        assert captured[-1] == sequences or captured[-1] == 1024 < sequences
        assert file["kv_cache_config"]["free_gpu_memory_fraction"] == sized.setting.memory_share


@pytest.mark.parametrize(
    ("model", "product", "more", "arguments", "keys"),
    [
        pytest.param(
            V3,
            H200,
            {},
            {"--tensor_parallel_size=8", "--moe_expert_parallel_size=8", "--max_batch_size=96", "--max_num_tokens=4352"},
            {"enable_attention_dp": True, "moe_config": {"backend": "CUTLASS", "max_num_tokens": 16_384}},
            id="each-gpu-attends-for-itself",
        ),
        pytest.param(
            V3,
            H20,
            {},
            {"--tensor_parallel_size=8", "--max_batch_size=80", "--max_seq_len=26624"},
            {"speculative_config": {"decoding_type": "MTP", "num_nextn_predict_layers": 1}},
            id="drafts",
        ),
        pytest.param(
            R1,
            "NVIDIA-H100-80GB-HBM3",
            {"quantization": "w4afp8"},
            {"--tensor_parallel_size=8", "--max_batch_size=96"},
            {"moe_config": {"backend": "CUTLASS", "max_num_tokens": 16_384}},
            id="w4afp8",
        ),
        pytest.param(V3, B200, {}, {"--tensor_parallel_size=8"}, {"enable_attention_dp": True}, id="fp8-on-blackwell"),
        pytest.param(
            QWEN,
            H200,
            {"workload": {"inputTokens": 16_000}},
            {"--max_seq_len=131072"},
            {"kv_cache_config": {"dtype": "fp8", "free_gpu_memory_fraction": 0.9}},
            id="long-prompts-in-a-small-cache",
        ),
        pytest.param(
            QWEN,
            H200,
            {"batching": {"maxConcurrentSequences": 9, "maxBatchedTokens": 99}},
            {"--max_batch_size=9", "--max_num_tokens=99"},
            {"cuda_graph_config": {"enable_padding": True, "batch_sizes": [1, 2, 4, 8, 9]}},
            id="limits-that-are-set",
        ),
        pytest.param(QWEN, H200, {"accelerator": {"count": 4}}, {"--tensor_parallel_size=4"}, {}, id="gpus-that-are-set"),
    ],
)  # fmt: skip
def test_what_is_derived_becomes_options_and_keys(
    model: str, product: str, more: Manifest, arguments: set[str], keys: Manifest
) -> None:
    assert arguments <= set(built(model, product, **more).args)
    assert keys.items() <= options(model, product, **more).items()


@pytest.mark.parametrize(
    ("model", "flags", "unwanted"),
    [
        pytest.param(QWEN, (), "tensor_parallel_size", id="one-gpu"),
        pytest.param(QWEN, (), "moe_config", id="no-experts"),
        pytest.param(QWEN, (), "enable_attention_dp", id="no-ranks"),
        pytest.param(V3, (), "speculative_config", id="drafts-that-do-not-pay"),
        pytest.param(V3, ("--enable_attention_dp=false",), "pipeline_parallel_size", id="no-stages"),
    ],
)  # fmt: skip
def test_what_does_not_apply_is_left_out(model: str, flags: tuple[str, ...], unwanted: str) -> None:
    container = built(model, H200, *flags)

    assert not any(arg.startswith(f"--{unwanted}") for arg in container.args)
    assert unwanted not in yaml.safe_load(container.options)


@pytest.mark.parametrize(
    ("flag", "key", "expected"),
    [
        pytest.param(
            "--kv_cache_config.dtype=fp8",
            "kv_cache_config",
            {"dtype": "fp8", "free_gpu_memory_fraction": 0.8},
            id="a-part-beside-ours",
        ),
        pytest.param(
            "--kv_cache_free_gpu_memory_fraction=0.7",
            "kv_cache_config",
            {"free_gpu_memory_fraction": 0.7},
            id="an-option-that-the-file-would-undo",
        ),
        pytest.param(
            '--kv_cache_config={"enable_block_reuse":false}',
            "kv_cache_config",
            {"enable_block_reuse": False, "free_gpu_memory_fraction": 0.8},
            id="a-map",
        ),
        pytest.param(
            "--cuda_graph_config.batch_sizes=[1, 8]",
            "cuda_graph_config",
            {"enable_padding": True, "batch_sizes": [1, 8]},
            id="graphs",
        ),
        pytest.param(
            "--cuda_graph_config.max_batch_size=64",
            "cuda_graph_config",
            {"enable_padding": True, "max_batch_size": 64},
            id="a-largest-graph-in-place-of-a-list",
        ),
        pytest.param(
            "--moe_config.backend=TRTLLM",
            "moe_config",
            {"backend": "TRTLLM", "max_num_tokens": 16_384},
            id="experts",
        ),
        pytest.param("--speculative_config=null", "speculative_config", None, id="no-drafts"),
        pytest.param("--stream_interval=10", "stream_interval", 10, id="what-changes-nothing"),
    ],
)
def test_what_the_user_sets_counts(flag: str, key: str, expected: Any, tmp_path: Path) -> None:
    assert options(V3, H200, flag)[key] == expected
    assert parsed(built(V3, H200, flag), tmp_path)


def test_a_length_that_is_set_is_given_once() -> None:
    found = built(V3, H200, "--max_seq_len=4096")

    assert [arg for arg in found.args if arg.startswith("--max_seq_len")] == ["--max_seq_len=4096"]


def test_a_warm_up_is_told_of_every_rank_and_of_the_length() -> None:
    found = built(V3, H200)
    frozen = {"command": found.command, "args": found.args}

    told = choice.warmup_limits(frozen, on_gpu=True, options=found.options)

    spec = WarmupSpec.model_validate(told)
    assert (spec.max_concurrent_sequences, spec.data_parallel) == (96, 8)
    assert spec.max_model_length == 104_448


def test_ranks_are_none_where_gpus_attend_together() -> None:
    found = built(V3, H200, "--enable_attention_dp=false")
    frozen = {"command": found.command, "args": found.args}

    assert "dataParallel" not in choice.warmup_limits(frozen, on_gpu=True, options=found.options)


def test_the_start_up_probe_waits_for_the_files_that_are_loaded() -> None:
    eight = probes.startup_seconds(request("DeepSeek-R1-0528", H200))
    four = probes.startup_seconds(request("DeepSeek-R1-0528", B200))

    assert eight == pytest.approx(2 * (600 + 688e9 / 200e6), rel=0.01)
    assert four == pytest.approx(2 * (600 + 397e9 / 200e6), rel=0.01)
