"""In which form weights are served, and what is refused with which remedy."""

import pytest

from deepseek_operator.sizing import quantization
from deepseek_operator.sizing.terms import CannotRunError, Question
from tests.unit.sizing.questions import QWEN_1B, QWEN_7B, R1, TRTLLM, V3, ask


@pytest.mark.parametrize(
    ("question", "best"),
    [
        pytest.param(ask(QWEN_7B, "H100", 1), "fp8", id="distilled-on-hopper"),
        pytest.param(ask(QWEN_7B, "L4", 1), "fp8", id="distilled-on-ada"),
        pytest.param(ask(QWEN_7B, "A100-80GB", 1), "int8", id="distilled-on-ampere"),
        pytest.param(ask(QWEN_1B, "H100", 1), "none", id="the-smallest"),
        pytest.param(ask(V3, "H200", 8), "fp8", id="v3-as-published"),
        pytest.param(ask(V3, "B200", 8), "fp8", id="v3-without-a-4-bit-checkpoint"),
        pytest.param(ask(R1, "B200", 8), "nvfp4", id="r1-on-blackwell"),
        pytest.param(ask(R1, "B200", 8, own_source=True), "fp8", id="r1-from-a-source-of-ones-own"),
        pytest.param(ask(R1, "B200", 8, engine=TRTLLM), "nvfp4", id="r1-on-tensorrt-llm"),
        pytest.param(ask("DeepSeek-R1", "A100-80GB", 8), "int4-awq", id="r1-on-ampere"),
        pytest.param(ask(QWEN_7B, "H100", 1, engine=TRTLLM), "none", id="no-checkpoint-for-it"),
        pytest.param(ask("DeepSeek-R1", "H100", 8, engine=TRTLLM), "fp8", id="r1-on-hopper"),
        pytest.param(
            ask(R1, "H200", 8, engine=TRTLLM, own_source=True, quantization="w4afp8"),
            "w4afp8",
            id="a-form-that-the-source-is-said-to-have",
        ),
    ],
)
def test_auto_takes_the_best_that_runs(question: Question, best: str) -> None:
    found = quantization.choices(question)

    assert found[0].name == best
    assert found[0].why


@pytest.mark.parametrize(
    ("question", "said"),
    [
        pytest.param(
            ask(QWEN_7B, "A100-80GB", 1, quantization="fp8"),
            "quantization: fp8 needs compute capability 8.9 or newer and A100-80GB (Ampere) has 8. "
            "Nearest that works: quantization: int8",
            id="fp8-on-a100",
        ),
        pytest.param(
            ask(R1, "H200", 8, quantization="nvfp4"),
            "quantization: nvfp4 needs compute capability 10 or newer and H200 (Hopper) has 9. "
            "Nearest that works: quantization: fp8",
            id="nvfp4-on-hopper",
        ),
        pytest.param(
            ask(V3, "B200", 8, quantization="nvfp4"),
            "quantization: DeepSeek-V3 is published in FP8 and the catalog has no nvfp4 checkpoint of it "
            "for vllm. Nearest that works: quantization: fp8",
            id="no-checkpoint",
        ),
        pytest.param(
            ask(V3, "H200", 8, quantization="int8"),
            "quantization: DeepSeek-V3 is published in FP8 and the catalog has no int8 checkpoint of it "
            "for vllm. Nearest that works: quantization: fp8",
            id="int8-of-fp8",
        ),
        pytest.param(
            ask("DeepSeek-R1", "A100-80GB", 8, quantization="none"),
            "quantization: fp8 needs compute capability 8.9 or newer and A100-80GB (Ampere) has 8. "
            "Nearest that works: quantization: int4-awq",
            id="as-published-is-fp8",
        ),
        pytest.param(
            ask(V3, "A100-80GB", 8, quantization="fp8"),
            "quantization: fp8 needs compute capability 8.9 or newer and A100-80GB (Ampere) has 8. "
            "No other form of DeepSeek-V3 runs on A100-80GB either: use another product",
            id="nothing-works",
        ),
        pytest.param(
            ask(QWEN_7B, "H100", 1, quantization="int8", engine=TRTLLM),
            "quantization: tensorrt-llm 1.2.1 does not load int8. Nearest that works: quantization: none",
            id="not-that-engine",
        ),
        pytest.param(
            ask(QWEN_7B, "H100", 1, quantization="fp8", engine=TRTLLM),
            "quantization: tensorrt-llm 1.2.1 makes fp8 of no BF16 checkpoint, and the catalog has no fp8 "
            f"checkpoint of {QWEN_7B} for it. Nearest that works: quantization: none",
            id="not-online",
        ),
        pytest.param(
            ask("DeepSeek-R1", "B200", 8, quantization="w4afp8", engine=TRTLLM),
            "quantization: tensorrt-llm 1.2.1 runs w4afp8 below compute capability 10 and B200 (Blackwell) has 10. "
            "Nearest that works: quantization: nvfp4",
            id="w4afp8-on-blackwell",
        ),
        pytest.param(
            ask(V3, "H200", 8, quantization="w4afp8", engine=TRTLLM),
            "quantization: DeepSeek-V3 is published in FP8 and the catalog has no w4afp8 checkpoint of it "
            "for tensorrt-llm. Nearest that works: quantization: fp8",
            id="w4afp8-of-v3",
        ),
        pytest.param(
            ask("DeepSeek-R1", "H200", 8, quantization="w4afp8"),
            "quantization: vllm 0.33.0 does not load w4afp8. Nearest that works: quantization: int4-awq",
            id="w4afp8-of-vllm",
        ),
        pytest.param(
            ask(QWEN_7B, "H100", 1, quantization="fp9"),
            "quantization: fp9 is unknown; did you mean fp8? Known: auto, none, fp8, int8, int4-awq, nvfp4, "
            "w4afp8",
            id="unknown",
        ),
        pytest.param(
            ask(V3, "A100-80GB", 8),
            "accelerator: no form of DeepSeek-V3 runs on A100-80GB with vllm: fp8 needs compute capability "
            "8.9 or newer and A100-80GB (Ampere) has 8; use another product, or a source with a checkpoint "
            "that it runs",
            id="auto-finds-none",
        ),
    ],
)
def test_what_cannot_run_is_refused_with_the_nearest_that_does(
    question: Question, said: str
) -> None:
    with pytest.raises(CannotRunError) as raised:
        quantization.choices(question)

    assert str(raised.value) == said


def test_a_published_checkpoint_is_better_than_quantising_while_loading() -> None:
    (published,) = quantization.choices(ask(QWEN_7B, "H100", 1, quantization="fp8"))
    (online,) = quantization.choices(ask(QWEN_7B, "H100", 1, quantization="fp8", own_source=True))

    assert (published.checkpoint, published.flag) == (f"RedHatAI/{QWEN_7B}-FP8-dynamic", None)
    assert (online.checkpoint, online.flag) == (None, "fp8_per_tensor")


@pytest.mark.parametrize(
    ("product", "computes_in"),
    [("A100-80GB", "int8"), ("H100", "int8"), ("B200", "bf16"), ("RTX-PRO-6000", "bf16")],
)
def test_no_int8_checkpoint_is_served_on_blackwell(product: str, computes_in: str) -> None:
    """vLLM has no kernel for it there, and stops at the first request."""
    (found,) = quantization.choices(ask(QWEN_7B, product, 1, quantization="int8"))

    assert found.linear_format == computes_in
    assert (found.checkpoint is None) == (found.flag is not None) == (computes_in == "bf16")


def test_int8_without_a_checkpoint_saves_bytes_and_computes_in_bf16() -> None:
    (published,) = quantization.choices(ask(QWEN_7B, "A100-80GB", 1, quantization="int8"))
    (online,) = quantization.choices(
        ask(QWEN_7B, "A100-80GB", 1, quantization="int8", own_source=True)
    )

    assert (published.linear_format, online.linear_format) == ("int8", "bf16")


def test_of_an_engine_that_converts_nothing_a_source_has_the_form_that_is_said() -> None:
    own = ask(V3, "B200", 8, engine=TRTLLM, own_source=True)

    assert quantization.refusal(own, "nvfp4") is None
    assert quantization.refusal(ask(V3, "B200", 8, own_source=True), "nvfp4") is not None


def test_what_a_person_publishes_is_served_only_where_its_form_is_named() -> None:
    asked = ask("DeepSeek-R1", "H100", 8, engine=TRTLLM)
    named = ask("DeepSeek-R1", "H100", 8, engine=TRTLLM, quantization="w4afp8")

    unasked = quantization.choices(asked)
    (found,) = quantization.choices(named)

    assert [(scheme.name, scheme.checkpoint) for scheme in unasked] == [("fp8", None)]
    assert found.checkpoint == "Barrrrry/DeepSeek-R1-W4AFP8"
    assert (found.expert_format, found.linear_format) == ("fp8", "fp8")
    assert found.expert_bytes < found.linear_bytes


def test_of_a_model_with_experts_only_they_are_in_4_bits() -> None:
    (found,) = quantization.choices(ask(R1, "B200", 8, quantization="nvfp4"))

    assert (found.expert_bytes, found.expert_format) == (0.5625, "fp4")
    assert (round(found.linear_bytes), found.linear_format) == (1, "fp8")
