"""What is another for TensorRT-LLM: what its share is of, what its experts and graphs take, what it cannot be laid out on."""

from dataclasses import replace

import pytest

from deepseek_operator.sizing import graphs, memory, reasons
from deepseek_operator.sizing.size import Sized, size
from deepseek_operator.sizing.terms import GIB, CannotRunError, Layout, Question, Workload
from tests.unit.sizing.questions import LLAMA_70B, QWEN_7B, TRTLLM, V3, V32, VLLM, ask, setting

DEP8, TEP8 = Layout(data=8, expert=True), Layout(tensor=8, expert=True)


def told(sized: Sized) -> dict[str, reasons.Reason]:
    return {one.name: one for one in reasons.reasons(sized)}


def refused(question: Question) -> str:
    with pytest.raises(CannotRunError) as raised:
        size(question)
    return str(raised.value)


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        pytest.param(1, (1,), id="one"),
        pytest.param(3, (1, 2, 3), id="between-two"),
        pytest.param(24, (1, 2, 4, 8, 16, 24), id="small"),
        pytest.param(128, (1, 2, 4, *range(8, 129, 8)), id="the-last-step-of-eight"),
        pytest.param(600, (1, 2, 4, *range(8, 129, 8), 256, 512, 600), id="doubled"),
    ],
)
def test_batches_are_close_while_small_and_end_with_the_largest(
    most: int, expected: tuple[int, ...]
) -> None:
    assert graphs.sizes(most) == expected


def test_no_limit_needs_more_graphs_than_memory_is_kept_for() -> None:
    kept = len(graphs.sizes(TRTLLM.largest_graph))

    assert max(len(graphs.sizes(most)) for most in range(1, TRTLLM.largest_graph + 1)) == kept


def test_a_graph_of_the_largest_network_is_counted_as_its_sources_have_it() -> None:
    one, other = (setting(V3, layout=TEP8, engine=TRTLLM, graphs=count) for count in (7, 8))

    each = memory.fixed_bytes(other)[1] - memory.fixed_bytes(one)[1]

    assert each == pytest.approx(200e6, rel=0.02)


def test_fewer_graphs_that_are_set_leave_more_for_the_cache() -> None:
    usual = size(ask(V3, "H200", 8, engine=TRTLLM, accelerators=8))
    few = size(ask(V3, "H200", 8, engine=TRTLLM, accelerators=8, graph_sizes=(1, 64)))

    assert few.cache_tokens > usual.cache_tokens
    assert few.limits.sequences <= 64
    assert told(few)["graphs"] == reasons.Reason(
        "graphs",
        "2 up to 64",
        f"is set; {few.memory.graphs / GIB:.1f} GiB are kept for them",
        is_set=True,
    )


def test_experts_are_given_the_tokens_of_all_ranks_up_to_a_bound() -> None:
    ranks = setting(V3, layout=DEP8, engine=TRTLLM, batched_tokens=8192)
    together = replace(ranks, layout=TEP8)

    assert memory.gathered_tokens(ranks) == 8 * 8192
    assert memory.expert_tokens(ranks) == 16_384
    assert (memory.gathered_tokens(together), memory.expert_tokens(together)) == (0, 8192)
    assert memory.activation_bytes(ranks) > memory.activation_bytes(together)


def test_with_few_tokens_all_of_them_are_below_the_bound() -> None:
    ranks = setting(V3, layout=Layout(data=4, expert=True), engine=TRTLLM, batched_tokens=2048)

    assert memory.expert_tokens(ranks) == memory.gathered_tokens(ranks) == 4 * 2048


def test_vllms_experts_are_given_those_of_their_own_rank() -> None:
    ranks = setting(V3, layout=DEP8, engine=VLLM, batched_tokens=8192)

    assert (memory.gathered_tokens(ranks), memory.expert_tokens(ranks)) == (0, 8192)


@pytest.mark.parametrize(
    ("model", "share", "why"),
    [
        pytest.param(V3, 0.8, "what NVIDIA's own configurations of such models take", id="experts"),
        pytest.param(LLAMA_70B, 0.9, "tensorrt-llm 1.2.1's own default", id="dense"),
    ],
)
def test_a_share_goes_with_the_model(model: str, share: float, why: str) -> None:
    found = size(ask(model, "H200", 8, engine=TRTLLM))

    assert found.setting.memory_share == share
    assert told(found)["memoryShare"].why.startswith(f"{why}, of what is free once weights")


def test_the_share_is_of_what_weights_and_the_rest_leave() -> None:
    found = size(ask(V3, "H200", 8, engine=TRTLLM))
    taken = found.memory.weights + found.memory.activations + found.memory.graphs
    left = found.memory.total - taken - found.memory.buffers

    assert found.memory.cache + found.memory.sampler <= 0.8 * left
    assert found.memory.total - found.memory.planned >= 0.2 * left


@pytest.mark.parametrize(("model", "expected"), [(V32, "bf16"), (V3, "fp8")])
def test_sparse_attention_keeps_its_cache_in_full(model: str, expected: str) -> None:
    long = Workload(20_000, 256, time_per_output_token=0.1)

    assert size(ask(model, "B200", 8, engine=TRTLLM, workload=long)).setting.cache_type == expected


@pytest.mark.parametrize(
    ("product", "form", "backend"),
    [
        pytest.param("H200", "fp8", "CUTLASS", id="fp8-on-hopper"),
        pytest.param("B200", "fp8", "DEEPGEMM", id="fp8-on-blackwell"),
        pytest.param("B200", "nvfp4", "CUTLASS", id="nvfp4"),
        pytest.param("H100", "w4afp8", "CUTLASS", id="w4afp8"),
    ],
)
def test_who_computes_experts_depends_on_form_and_hardware(
    product: str, form: str, backend: str
) -> None:
    found = size(ask("DeepSeek-R1", product, 8, engine=TRTLLM, quantization=form))

    assert found.expert_backend == told(found)["expertBackend"].value == backend


def test_of_a_source_of_unknown_form_nobody_says_who_computes_its_experts() -> None:
    found = size(ask("DeepSeek-R1", "B200", 8, engine=TRTLLM, own_source=True))

    assert found.expert_backend is None
    assert told(found)["expertBackend"].value == "default"


def test_steps_are_whole_blocks_for_latent_attention() -> None:
    odd = ask(V3, "H200", 8, engine=TRTLLM, max_sequences=16_385)

    assert size(odd).setting.batched_tokens == 16_416
    assert refused(ask(V3, "H200", 8, engine=TRTLLM, max_batched_tokens=4000 + 50)) == (
        "batching.maxBatchedTokens: 4050 tokens of a step are no whole blocks of 32, which prompts in chunks have to be "
        "for latent attention; set 4064"
    )
    assert size(ask(QWEN_7B, "H200", 1, engine=TRTLLM, max_batched_tokens=4050))
    assert size(ask(V3, "H200", 8, max_batched_tokens=4050))


@pytest.mark.parametrize(
    ("question", "said"),
    [
        pytest.param(
            ask(V3, "H200", 8, engine=TRTLLM, tensor=2, data=4),
            "data: 4 ranks of 2 GPUs each are none that tensorrt-llm 1.2.1 has",
            id="ranks-of-several-gpus",
        ),
        pytest.param(
            ask(V3, "H200", 7, engine=TRTLLM, accelerators=7, attention_ranks=True),
            "accelerator.count: 7 does not divide the 256 experts of DeepSeek-V3, and tensorrt-llm 1.2.1 starts only with as "
            "many on each GPU; use one of 1, 2, 4",
            id="experts-over-seven",
        ),
        pytest.param(
            ask(V3, "H200", 24, node=8, engine=TRTLLM, data=24),
            "data: 24 does not divide the 256 experts of DeepSeek-V3, and tensorrt-llm 1.2.1 starts only with as many on "
            "each GPU; use one of 1, 2, 4, 8, 16, 32, 64, 128, 256",
            id="experts-over-three-nodes",
        ),
        pytest.param(
            ask(QWEN_7B, "H200", 8, engine=TRTLLM, attention_ranks=True),
            f"attentionRanks: {QWEN_7B} has no experts, so ranks that attend for themselves are only replicas",
            id="ranks-without-experts",
        ),
        pytest.param(
            ask(V3, "H200", 8, engine=TRTLLM, attention_ranks=True, accelerators=1),
            "attentionRanks: a replica of 1 GPU has no ranks to attend for themselves",
            id="one-rank",
        ),
        pytest.param(
            ask(V3, "RTX-PRO-6000", 8, engine=TRTLLM),
            "accelerator.product: tensorrt-llm 1.2.1 is not known to run DeepSeek-V3 from compute capability 12 on, and "
            "RTX-PRO-6000 has 12; use another product",
            id="newer-than-is-known",
        ),
        pytest.param(
            ask(V3, "H100", 8, engine=TRTLLM),
            "Remedy: 16 x H100 on 2 nodes of 8 would do; one node holds it with ",
            id="does-not-fit-one-node",
        ),
        pytest.param(
            ask(V3, "H100", 8, engine=TRTLLM),
            "= 84.3 GiB, of which 79.6 GiB - 0.2 x the 0.0 GiB that weights and the rest leave = 79.6 GiB may be used.",
            id="arithmetic-of-what-is-free",
        ),
    ],
)
def test_what_it_cannot_run_is_refused_with_the_reason(question: Question, said: str) -> None:
    assert said in refused(question)


@pytest.mark.parametrize("count", [24, 48])
def test_experts_that_nodes_do_not_divide_are_in_stages(count: int) -> None:
    """vLLM gives some GPUs one expert more; TensorRT-LLM does not start with that."""
    one, other = (
        size(ask(V3, "H200", 72, node=8, engine=engine, accelerators=count)).layout
        for engine in (TRTLLM, VLLM)
    )

    assert one == Layout(tensor=8, pipeline=count // 8, expert=True, nodes=count // 8)
    assert other == Layout(data=count, expert=True, nodes=count // 8)


def test_no_layout_over_nodes_of_three_divides_the_experts() -> None:
    with pytest.raises(CannotRunError, match="Remedy: 8 x H200 on one node would do"):
        size(ask(V3, "H200", 72, node=3, engine=TRTLLM))


@pytest.mark.parametrize(("asked", "layout"), [(True, DEP8), (False, TEP8)])
def test_ranks_can_be_asked_for_or_refused(layout: Layout, *, asked: bool) -> None:
    found = size(ask(V3, "H200", 8, engine=TRTLLM, accelerators=8, attention_ranks=asked))

    assert found.layout == layout


def test_prefix_caching_that_is_off_is_told() -> None:
    found = told(size(ask(QWEN_7B, "H200", 1, engine=TRTLLM, prefix_caching=False)))

    assert found["prefixCaching"] == reasons.Reason("prefixCaching", "off", "is set", is_set=True)


def test_vllm_is_told_neither_graphs_nor_who_computes_experts() -> None:
    assert not {"graphs", "expertBackend"} & set(told(size(ask(V3, "H200", 8))))
