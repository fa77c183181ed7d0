"""What is refused before anything is planned: by field, with the arithmetic and the remedy."""

import re
from dataclasses import replace
from typing import Any

import pytest

from deepseek_operator.catalog.models import Model
from deepseek_operator.sizing.size import size
from deepseek_operator.sizing.terms import CannotRunError, Question, Workload
from tests.unit.sizing.questions import (
    CATALOG,
    LLAMA_8B,
    LLAMA_70B,
    QWEN_1B,
    QWEN_7B,
    QWEN_14B,
    TRTLLM,
    V3,
    V32,
    ask,
)


def with_sizes(model: str, **sizes: int) -> Model:
    """A model with other dimensions."""
    entry = CATALOG.models[model]
    return entry.model_copy(update={"dimensions": entry.dimensions.model_copy(update=sizes)})


@pytest.mark.parametrize(
    ("question", "said"),
    [
        pytest.param(
            ask(QWEN_7B, "H100", 8, accelerators=8),
            f"accelerator.count: 8 does not divide the 28 attention heads of {QWEN_7B}; use one of 1, 2, 4",
            id="count-does-not-divide-the-heads",
        ),
        pytest.param(
            ask(QWEN_1B, "H100", 8, tensor=8),
            f"tensor: 8 does not divide the 12 attention heads of {QWEN_1B}; use one of 1, 2, 4",
            id="tensor-does-not-divide-the-heads",
        ),
        pytest.param(
            ask(QWEN_7B, "H100", 7, accelerators=7),
            f"accelerator.count: 7 neither divides the 4 key-value heads nor is a multiple of them of {QWEN_7B}; use one "
            "of 1, 2, 4",
            id="count-and-key-value-heads",
        ),
        pytest.param(
            ask(QWEN_14B, "H100", 10, engine=TRTLLM, accelerators=10),
            f"accelerator.count: 10 neither divides the 8 key-value heads nor is a multiple of them of {QWEN_14B}; use "
            "one of 1, 2, 4, 8",
            id="count-and-key-value-heads-of-tensorrt-llm",
        ),
        pytest.param(
            replace(
                ask(LLAMA_8B, "H100", 8, tensor=8), model=with_sizes(LLAMA_8B, dense_width=14_340)
            ),
            f"tensor: 8 does not divide the 14340 columns of the dense layers of {LLAMA_8B}; use one of 1, 2, 4",
            id="tensor-does-not-divide-the-mlps",
        ),
        pytest.param(
            replace(
                ask(V3, "H200", 8, tensor=8, expert_parallel=False),
                model=with_sizes(V3, expert_width=2052),
            ),
            "tensor: 8 does not divide the 2052 columns of the shared experts of DeepSeek-V3; use one of 1, 2, 4",
            id="tensor-does-not-divide-the-shared-experts",
        ),
        pytest.param(
            replace(
                ask(V3, "H200", 8, tensor=8, engine=TRTLLM, expert_parallel=False),
                model=with_sizes(V3, expert_width=2052),
            ),
            "tensor: 8 does not divide the 2052 columns of the experts of DeepSeek-V3; use one of 1, 2, 4",
            id="tensor-does-not-divide-the-experts",
        ),
        pytest.param(
            ask(V3, "H200", 64, node=64, tensor=32),
            "tensor: 32 does not divide the 144 blocks of 128 weights of the dense layers; "
            "use 1, 2, 4, 8 or 16",
            id="tensor-does-not-divide-the-blocks",
        ),
        pytest.param(
            ask(LLAMA_70B, "L40S", 16, node=4, tensor=8),
            "tensor: 8 GPUs of tensor parallelism exchange results twice a layer and have to be on one node, "
            "which has 4; use at most 4, and pipeline for the rest",
            id="tensor-beyond-the-node",
        ),
        pytest.param(
            ask(QWEN_7B, "H100", 8, data=8),
            f"data: {QWEN_7B} has no experts, so 8 data-parallel ranks are only 8 replicas; set replicas instead",
            id="ranks-without-experts",
        ),
        pytest.param(
            ask(QWEN_7B, "H100", 64, node=1, pipeline=29),
            "pipeline: 29 stages are more than the 28 layers; use at most 28",
            id="more-stages-than-layers",
        ),
        pytest.param(
            ask(V3, "H100", 16, node=8, tensor=8, pipeline=2, mtp_tokens=1),
            "pipeline: DeepSeek-V3's module that drafts cannot run beside 2 stages; set mtpTokens to 0",
            id="drafts-beside-stages",
        ),
        pytest.param(
            ask(V3, "H200", 8, accelerators=4, tensor=8),
            "accelerator.count: 4 is not tensor 8 x pipeline 1 x data 1 = 8; set one of them so that they "
            "agree, or leave the count out",
            id="count-and-layout-disagree",
        ),
        pytest.param(
            ask(V3, "H200", 8, context_tokens=200_000),
            "contextTokens: 200000 is beyond the 163840 tokens that DeepSeek-V3 was made for; set at most 163840",
            id="context-beyond-the-models",
        ),
        pytest.param(
            ask(V3, "H200", 8, workload=Workload(163_840, 1)),
            "workload: inputTokens 163840 + outputTokens 1 = 163841 are more than the context of 163840 tokens; "
            "lower them",
            id="requests-beyond-the-models-context",
        ),
        pytest.param(
            ask(V3, "H200", 8, context_tokens=1024),
            "workload: inputTokens 1024 + outputTokens 256 = 1280 are more than the context of 1024 tokens; "
            "lower them",
            id="requests-beyond-the-context-that-is-set",
        ),
        pytest.param(
            ask(QWEN_7B, "H100", 1, mtp_tokens=1),
            f"mtpTokens: {QWEN_7B} has no multi-token prediction module, so nothing drafts; leave it out",
            id="drafts-without-a-module",
        ),
        pytest.param(
            ask(QWEN_7B, "H100", 1, decode_times=0.0),
            "decodeTimes: 0 is no correction that can be; set it between 0.1 and 10",
            id="no-time-at-all",
        ),
        pytest.param(
            ask(QWEN_7B, "H100", 1, memory_share=1.5),
            "memoryShare: 1.5 is not a share; set it between 0 and 1, such as 0.9",
            id="no-share",
        ),
        pytest.param(
            ask(QWEN_7B, "A100-80GB", 1, cache_type="fp8"),
            "cacheType: fp8 needs compute capability 8.9 and A100-80GB has 8; leave it out",
            id="fp8-cache-on-a100",
        ),
        pytest.param(
            ask(V32, "L40S", 8),
            "accelerator.product: vllm 0.33.0 runs DeepSeek-V3.2 from compute capability 9 on, and L40S has 8.9; "
            "use another product; one node holds it with 2 x B300 or 8 x H20",
            id="sparse-attention-on-ada",
        ),
        pytest.param(
            ask(V3, "A100-80GB", 8, engine=TRTLLM),
            "accelerator.product: tensorrt-llm 1.2.1 runs DeepSeek-V3 from compute capability 9 on, and A100-80GB "
            "has 8; use another product; one node holds it with 8 x H20 or 4 x B200",
            id="v3-on-ampere-with-tensorrt-llm",
        ),
        pytest.param(
            ask(V3, "A100-80GB", 8),
            "accelerator: no form of DeepSeek-V3 runs on A100-80GB with vllm: fp8 needs compute capability 8.9 or newer "
            "and A100-80GB (Ampere) has 8; use another product, or a source with a checkpoint that it runs; one node "
            "holds it with 8 x H20 or 8 x RTX-PRO-6000",
            id="v3-on-ampere",
        ),
        pytest.param(
            ask(V3, "A100-80GB", 8, quantization="fp8"),
            "quantization: fp8 needs compute capability 8.9 or newer and A100-80GB (Ampere) has 8. No other form of "
            "DeepSeek-V3 runs on A100-80GB either: use another product; one node holds it with 8 x H20 or 8 x RTX-PRO-6000",
            id="v3-in-fp8-on-ampere",
        ),
        pytest.param(
            replace(ask(V3, "A100-80GB", 8), products={}),
            "accelerator: no form of DeepSeek-V3 runs on A100-80GB with vllm: fp8 needs compute capability 8.9 or newer "
            "and A100-80GB (Ampere) has 8; use another product, or a source with a checkpoint that it runs",
            id="no-other-product-that-is-known",
        ),
        pytest.param(
            ask(LLAMA_8B, "L4", 1, max_sequences=512, max_batched_tokens=256),
            "batching.maxBatchedTokens: 256 is below maxConcurrentSequences 512, and a step computes a token of "
            "each running sequence; set at least 512",
            id="fewer-tokens-than-sequences",
        ),
    ],
)
def test_what_cannot_run_is_refused_by_field_and_remedy(question: Question, said: str) -> None:
    with pytest.raises(CannotRunError) as raised:
        size(question)

    assert str(raised.value) == said


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        pytest.param(
            ask(V3, "L4", 1),
            (
                "accelerator: DeepSeek-V3 in fp8 on 1 x L4",
                "0.92 x 22.5 GiB = 20.7 GiB",
                "GiB for weights",
                "one node holds it with",
                "Remedy: 48 x L4 on 6 nodes of 8",
            ),
            id="v3-on-one-l4",
        ),
        pytest.param(
            ask(V3, "H100", 8),
            ("needs 78.6 GiB for weights", "= 73.2 GiB", "16 x H100 on 2 nodes of 8 would do"),
            id="v3-on-eight-h100",
        ),
        pytest.param(
            ask("DeepSeek-R1-Distill-Qwen-32B", "L4", 1),
            (
                "in int4-awq on 1 x L4",
                "for a cache of 20000 tokens, the least that is worth the weights unless accelerator.count is set,",
                "= 24.6 GiB, of which 0.92 x 22.5 GiB = 20.7 GiB may be used",
                "2 x L4 on one node would do",
            ),
            id="32b-on-one-l4",
        ),
        pytest.param(
            ask(LLAMA_8B, "L4", 1, context_tokens=131_072),
            (
                "16.0 GiB for the cache of one request of 131072 tokens",
                "2 x L4 on one node would do; one node holds it with 1 x A40 or 1 x A100-40GB; or",
                "; or a context of at most 115408 tokens on 1 x L4; or a smaller model",
            ),
            id="no-room-for-the-context",
        ),
        pytest.param(
            ask(QWEN_7B, "L4", 1, max_sequences=12_000),
            (
                "batching.maxConcurrentSequences: 12000 sequences need 13.6 GiB for their logits, which leaves no room",
                "for one request of 1280 tokens in the 10.0 GiB",
                "that are free beside a step of 12000 tokens; set at most ",
            ),
            id="no-room-for-the-logits",
        ),
        pytest.param(
            ask(
                QWEN_7B,
                "H100",
                1,
                chunked_prefill=False,
                context_tokens=9000,
                max_batched_tokens=8192,
            ),
            (
                "batching.maxBatchedTokens: 8192 tokens of a step are fewer than the 9000 of the longest request",
                "set at least 9000, or leave chunked prefill on",
            ),
            id="no-chunks",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_the_arithmetic(
    question: Question, parts: tuple[str, ...]
) -> None:
    with pytest.raises(CannotRunError) as raised:
        size(question)

    said = str(raised.value)
    assert [part for part in parts if part not in said] == [], said


@pytest.mark.parametrize(
    "more", [{}, {"quantization": "none"}, {"max_sequences": 256}, {"accelerators": 1}], ids=str
)
def test_the_longest_context_that_is_named_fits_and_one_more_token_does_not(
    more: dict[str, Any],
) -> None:
    with pytest.raises(CannotRunError) as raised:
        size(ask(LLAMA_8B, "L4", 1, context_tokens=131_072, **more))

    found = re.search(r"a context of at most (\d+) tokens on 1 x L4", str(raised.value))
    assert found is not None
    most = int(found[1])
    assert size(ask(LLAMA_8B, "L4", 1, context_tokens=most, **more)).context_tokens == most
    with pytest.raises(CannotRunError):
        size(ask(LLAMA_8B, "L4", 1, context_tokens=most + 16, **more))


def test_no_context_is_named_where_none_fits_or_one_step_computes_it() -> None:
    without = {"no layout": ask(LLAMA_70B, "L4", 1, context_tokens=131_072)}
    without["whole prompts"] = ask(LLAMA_8B, "L4", 1, context_tokens=131_072, chunked_prefill=False)

    for question in without.values():
        with pytest.raises(CannotRunError) as raised:
            size(question)
        assert "a context of at most" not in str(raised.value)


@pytest.mark.parametrize(
    ("question", "least"),
    [
        pytest.param(ask(QWEN_7B, "H100", 1, max_sequences=100_000), 40_000, id="h100"),
        pytest.param(ask(QWEN_7B, "L4", 1, max_sequences=12_000), 800, id="l4"),
        pytest.param(ask(QWEN_7B, "H100", 8, max_sequences=100_000), 40_000, id="several-gpus"),
        pytest.param(ask(V3, "H200", 8, max_sequences=40_000), 800, id="experts"),
        pytest.param(ask(V3, "H200", 8, engine=TRTLLM, max_sequences=60_000), 800, id="in-blocks"),
        pytest.param(
            ask(LLAMA_8B, "L4", 1, max_sequences=9000, context_tokens=65_536), 100, id="a-context"
        ),
    ],
)
def test_as_many_sequences_as_are_named_run_and_one_more_does_not(
    question: Question, least: int
) -> None:
    """Each with a step of its own: of 100,000 tokens, as many as were set, it has less room."""
    with pytest.raises(CannotRunError) as raised:
        size(question)

    found = re.search(r"; set at most (\d+)$", str(raised.value))
    assert found is not None, str(raised.value)
    most = int(found[1])
    assert most >= least
    asked = question.overrides
    assert (
        size(replace(question, overrides=replace(asked, max_sequences=most))).limits.sequences
        == most
    )
    with pytest.raises(CannotRunError):
        size(replace(question, overrides=replace(asked, max_sequences=most + 1)))


def test_more_sequences_than_run_are_no_remedy_on_other_products() -> None:
    """What would do on them is told, and not what is wrong with the number there."""
    with pytest.raises(CannotRunError) as raised:
        size(ask(V3, "H100", 8, max_sequences=60_000))

    assert str(raised.value).startswith("accelerator: DeepSeek-V3 in ")
