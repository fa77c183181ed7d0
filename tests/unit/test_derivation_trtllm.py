"""What is derived of a block for TensorRT-LLM, and what is refused in its own words."""

from typing import Any

import pytest

from deepseek_operator import derivation
from deepseek_operator.api.conditions import Reason
from tests.unit.samples import Manifest
from tests.unit.test_derivation import A100, H100, H200, L4, QWEN, V3, asked, refused, sized


def on_trtllm(*args: str) -> Manifest:
    return {"engine": {"name": "tensorrt-llm", "args": list(args)}}


REFUSED = [
    pytest.param(
        (QWEN, H200),
        {**on_trtllm(), "quantization": "fp8"},
        "spec.quantization: tensorrt-llm 1.2.1 makes fp8 of no BF16 checkpoint, and the catalog has no fp8 checkpoint of "
        f"{QWEN} for it. Nearest that works: quantization: none",
        id="bf16-that-is-not-converted",
    ),
    pytest.param(
        (V3, H100, 16),
        on_trtllm('--speculative_config={"decoding_type":"MTP","num_nextn_predict_layers":1}'),
        "spec.accelerator.count: DeepSeek-V3's module that drafts cannot run beside 2 stages; set mtpTokens to 0",
        id="drafts-beside-stages",
    ),
    pytest.param(
        (V3, H200),
        on_trtllm("--max_seq_len=200000"),
        "spec.engine.args: --max_seq_len: 200000 is beyond the 163840 tokens that DeepSeek-V3 was made for",
        id="context-by-its-own-option",
    ),
    pytest.param(
        (QWEN, L4),
        on_trtllm("--kv_cache_config.free_gpu_memory_fraction=1.5"),
        "spec.engine.args: --kv_cache_config.free_gpu_memory_fraction: 1.5 is not a share",
        id="share-by-its-own-key",
    ),
    pytest.param(
        (QWEN, A100),
        on_trtllm("--kv_cache_config.dtype=fp8"),
        "spec.engine.args: --kv_cache_config.dtype: fp8 needs compute capability 8.9 and A100-80GB has 8",
        id="cache-by-its-own-key",
    ),
    pytest.param(
        (QWEN, H200),
        on_trtllm("--enable_attention_dp"),
        f"spec.accelerator.attention, or engine.args: --enable_attention_dp: {QWEN} has no experts",
        id="ranks-without-experts",
    ),
    pytest.param(
        (QWEN, H200),
        on_trtllm('--speculative_config={"decoding_type":"MTP","num_nextn_predict_layers":1}'),
        f"spec.engine.args: --speculative_config: {QWEN} has no multi-token prediction module",
        id="drafts-without-a-module",
    ),
    pytest.param(
        (V3, H200),
        {**on_trtllm(), "batching": {"maxBatchedTokens": 5000}},
        "spec.batching.maxBatchedTokens: 5000 tokens of a step are no whole blocks of 32",
        id="a-step-of-parts-of-blocks",
    ),
    pytest.param(
        (QWEN, L4),
        {**on_trtllm(), "batching": {"maxConcurrentSequences": 20_000, "maxBatchedTokens": 20_000}},
        "spec.batching.maxConcurrentSequences: 20000 sequences need 22.7 GiB for their logits",
        id="more-sequences-than-its-memory",
    ),
]


@pytest.mark.parametrize(("words", "more", "said"), REFUSED)
def test_what_cannot_run_is_refused_by_its_own_field_and_remedy(
    words: tuple[Any, ...], more: Manifest, said: str
) -> None:
    error = refused(*words, **more)

    assert error.reason == Reason.CANNOT_RUN
    assert said in error.message
    assert error.message.startswith("spec.")


def test_tensorrt_llm_is_sized_with_reasons_of_its_own() -> None:
    found = derivation.frozen(asked("DeepSeek-R1", H100, **on_trtllm(), quantization="w4afp8"))

    told = {value["name"]: value for value in found["values"]}
    assert (found["accelerator"], found["engine"]) == ("H100", "tensorrt-llm 1.2.1")
    assert told["quantization"]["value"] == "w4afp8"
    assert told["quantization"]["why"] == (
        "quantization: w4afp8 is set, from Barrrrry/DeepSeek-R1-W4AFP8"
    )
    assert told["expertBackend"]["value"] == "CUTLASS"
    assert float(found["requestsPerSecond"]) > 0
    assert len(found["values"]) == len(told) <= 23
    assert all(0 < len(value["why"]) <= 512 for value in found["values"])


@pytest.mark.parametrize(
    ("form", "memory", "backend"), [("auto", "fp8", None), ("nvfp4", "nvfp4", "CUTLASS")]
)
def test_of_a_source_of_ones_own_quantization_says_the_form(
    form: str, memory: str, backend: str | None
) -> None:
    block = {**on_trtllm(), "source": "pvc://mine", "quantization": form}

    found = sized("DeepSeek-V3.2", "NVIDIA-B200", 8, **block)

    assert (found.setting.scheme.name, found.setting.scheme.checkpoint) == (memory, None)
    assert found.expert_backend == backend


@pytest.mark.parametrize(
    ("args", "said"),
    [
        pytest.param(
            ["--kv_cache_config.max_tokens=4096"],
            "engine.args has --kv_cache_config.max_tokens, which the arithmetic does not know",
            id="a-key-that-is-not-modelled",
        ),
        pytest.param(
            ["--moe_config={}", "--moe_config={}"],
            "engine.args cannot be read: --moe_config is given twice",
            id="a-contradiction",
        ),
    ],
)
def test_what_is_not_known_is_not_derived_and_told(args: list[str], said: str) -> None:
    found = asked(QWEN, H200, **on_trtllm(*args))

    assert derivation.frozen(found) == {"notDerived": said}


def test_a_mistake_is_to_be_corrected_and_not_what_is_derived_to_be_removed() -> None:
    args = on_trtllm("--kv_cache_config.dtyp=fp8")

    error = refused(QWEN, H200, workload={"inputTokens": 99}, **args)

    assert error.message == (
        "spec.workload: nothing is derived from it, as engine.args cannot be read: --kv_cache_config.dtyp: no such key; "
        "did you mean dtype?; correct that"
    )
