"""Bytes of weights and cache, against what is published and what engines log."""

from dataclasses import replace

import pytest

from deepseek_operator.sizing import memory
from deepseek_operator.sizing.terms import GIB, Layout
from tests.unit.sizing.questions import (
    BF16,
    CATALOG,
    LLAMA_8B,
    LLAMA_70B,
    QWEN_1B,
    QWEN_7B,
    TRTLLM,
    V3,
    V32,
    setting,
)

TEP8 = Layout(tensor=8, expert=True)
DEP8 = Layout(data=8, expert=True)


@pytest.mark.parametrize("name", CATALOG.models)
def test_a_checkpoint_is_as_large_as_published(name: str) -> None:
    found = memory.checkpoint_bytes(setting(name))

    assert found == pytest.approx(CATALOG.models[name].weights_bytes, rel=0.002)


@pytest.mark.parametrize(
    ("name", "cache_type", "expected"),
    [
        pytest.param(QWEN_1B, "bf16", 28_672, id="qwen-1.5b"),
        pytest.param(QWEN_7B, "bf16", 57_344, id="qwen-7b"),
        pytest.param(LLAMA_8B, "bf16", 131_072, id="llama-8b"),
        pytest.param(LLAMA_70B, "fp8", 163_840, id="llama-70b-fp8"),
        pytest.param(V3, "bf16", 70_272, id="v3"),
        pytest.param(V3, "fp8", 35_136, id="v3-fp8"),
        pytest.param(V32, "bf16", 70_272 + 8_052, id="v3.2-with-the-indexers-keys"),
        pytest.param(V32, "fp8", 40_016 + 8_052, id="v3.2-fp8-ds-mla"),
    ],
)
def test_bytes_of_a_token_are_as_the_engine_lays_them_out(
    name: str, cache_type: str, expected: int
) -> None:
    assert memory.cache_bytes_per_token(setting(name, cache_type=cache_type)) == expected


def test_key_value_heads_are_split_until_each_gpu_has_one() -> None:
    found = [
        memory.cache_bytes_per_token(setting(LLAMA_8B, layout=Layout(tensor=size)))
        for size in (1, 2, 8, 16)
    ]

    assert found == [131_072, 65_536, 16_384, 16_384]


def test_the_latent_is_copied_by_tensor_parallelism_and_split_by_the_pipeline() -> None:
    whole = memory.cache_bytes_per_token(setting(V3))

    assert memory.cache_bytes_per_token(setting(V3, layout=TEP8)) == whole
    halves = memory.cache_bytes_per_token(setting(V3, layout=Layout(tensor=8, pipeline=2, nodes=2)))
    assert halves == whole * 31 / 61


def test_a_drafting_layer_has_a_cache_of_its_own() -> None:
    found = memory.cache_bytes_per_token(setting(V3, mtp_tokens=1))

    assert found == 70_272 * 62 / 61


def test_experts_are_spread_and_the_rest_is_copied_by_data_parallelism() -> None:
    gib = {
        name: memory.weights_bytes(setting(V3, layout=layout)) / 1e9
        for name, layout in {
            "tep8": TEP8,
            "dep8": DEP8,
            "dep16": Layout(data=16, expert=True),
        }.items()
    }

    assert gib["tep8"] == pytest.approx(84, rel=0.01)
    assert gib["dep8"] == pytest.approx(103, rel=0.01)
    assert gib["dep16"] == pytest.approx(62, rel=0.01)


def test_experts_that_do_not_divide_are_one_more_on_some_gpu() -> None:
    even = memory.weights_bytes(setting(V3, layout=Layout(data=64, expert=True)))
    odd = memory.weights_bytes(setting(V3, layout=Layout(data=72, expert=True)))

    # 256 experts: four on each of 64, and on 72 still four on some.
    assert odd == even


def test_embedding_and_head_stay_in_bf16() -> None:
    eight = memory.weights_bytes(setting(QWEN_1B, scheme=replace(BF16, linear_bytes=1)))

    # 2.24 GB and not 1.78: the two tables are a quarter of this model.
    assert eight / 1e9 == pytest.approx(2.24, rel=0.01)


@pytest.mark.parametrize(
    ("name", "product", "layout", "tokens"),
    [
        pytest.param(LLAMA_8B, "L4", Layout(), 35e3, id="llama-8b-on-l4"),
        pytest.param(QWEN_7B, "L40S", Layout(), 472e3, id="qwen-7b-on-l40s"),
        pytest.param(LLAMA_8B, "H100", Layout(), 449e3, id="llama-8b-on-h100"),
        pytest.param(LLAMA_70B, "H200", Layout(tensor=2), 390e3, id="llama-70b-on-2-h200"),
        pytest.param(V3, "H200", TEP8, 0.70e6, id="v3-tep-on-8-h200"),
        pytest.param(V3, "H200", DEP8, 0.41e6, id="v3-dep-on-8-h200"),
        pytest.param(V3, "H100", Layout(data=16, expert=True, nodes=2), 0.14e6, id="v3-on-16-h100"),
    ],
)
def test_caches_hold_what_an_estimate_made_elsewhere_says(
    name: str, product: str, layout: Layout, tokens: float
) -> None:
    found = memory.cache_tokens(setting(name, product, layout, batched_tokens=8192), 256)

    assert found == pytest.approx(tokens, rel=0.25)


def test_v3_in_fp8_fits_eight_h200_and_not_eight_h100() -> None:
    assert memory.cache_tokens(setting(V3, "H200", TEP8), 1) > 500_000
    assert memory.free_bytes(setting(V3, "H100", TEP8)) < 0


def test_a_share_of_free_memory_counts_after_the_weights() -> None:
    free = setting(LLAMA_8B, memory_share=0.9, engine=TRTLLM, graphs=22)
    whole = replace(free, engine=TRTLLM.model_copy(update={"memory_of": "all"}))

    weights_and_rest = memory.weights_bytes(free) + sum(memory.fixed_bytes(free))
    total = free.accelerator.memory_gib * GIB

    assert memory.free_bytes(free) == pytest.approx(0.9 * (total - weights_and_rest))
    assert memory.free_bytes(whole) == pytest.approx(0.9 * total - weights_and_rest)
    found = memory.memory_of(memory.room_of(free), 8)
    assert found.planned <= found.budget


def test_a_sequence_occupies_whole_blocks() -> None:
    one, other = (memory.blocks_tokens(setting(QWEN_7B), tokens) for tokens in (16, 17))

    assert (one, other) == (16, 32)
