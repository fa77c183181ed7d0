"""What a step and a prompt cost, by what they have to do."""

from dataclasses import replace

import pytest

from deepseek_operator.sizing import roofline
from deepseek_operator.sizing.roofline import costs_of, decode_step, pace, prefill_seconds
from deepseek_operator.sizing.terms import Layout, Workload
from tests.unit.sizing.questions import LLAMA_8B, QWEN_7B, V3, V32, setting

DEP8 = Layout(data=8, expert=True)
CHAT = Workload(1024, 256)


def test_one_sequence_is_bound_by_reading_the_weights() -> None:
    step = decode_step(costs_of(setting(LLAMA_8B, "H100")), 1, 0)

    # 15 GB of body and head at 75 % of 3.35 TB/s, and 3 ms.
    assert step == pytest.approx(15.0e9 / (0.75 * 3.35e12) + 0.003, rel=0.03)


def test_a_small_batch_touches_a_part_of_the_experts() -> None:
    costs = costs_of(setting(V3, "H200", DEP8))

    one, many, more = (decode_step(costs, batch, 0) for batch in (0.125, 32, 64))

    fixed = costs.fixed_seconds
    assert one - fixed == pytest.approx(costs.experts_seconds * 8 / 256, rel=0.1)
    assert more - many == pytest.approx(32 * costs.token_seconds, rel=0.02)


def test_decode_attends_to_the_latent_and_prompts_to_keys_made_from_it() -> None:
    costs = costs_of(setting(V3, "H200", DEP8))

    assert costs.context_seconds / costs.prompt_seconds == pytest.approx(1088 / 320)
    dense = costs_of(setting(QWEN_7B))
    assert dense.context_seconds == dense.prompt_seconds


@pytest.mark.parametrize(
    ("model", "tensor", "times"),
    [
        pytest.param(V32, 8, 4, id="16-heads-as-64"),
        pytest.param(V32, 2, 1, id="64-heads"),
        pytest.param(V32, 1, 1, id="128-heads"),
        pytest.param(V3, 8, 1, id="dense"),
    ],
)
def test_sparse_attention_fills_up_the_heads_of_a_gpu(model: str, tensor: int, times: int) -> None:
    split = costs_of(setting(model, "H200", Layout(tensor=tensor, expert=True), cache_type="fp8"))
    whole = costs_of(setting(model, "H200", Layout(), cache_type="fp8"))

    assert split.context_seconds == pytest.approx(times * whole.context_seconds / tensor)
    # Prompts up to what the indexer chooses are computed as without it.
    assert split.prompt_seconds == pytest.approx(whole.prompt_seconds / tensor)
    # And every GPU scores for all heads of the indexer.
    assert split.index_seconds == whole.index_seconds


def test_sparse_attention_reads_and_scores_its_index_beyond_what_it_chooses() -> None:
    sparse, dense = (costs_of(setting(name, "H200", DEP8, cache_type="fp8")) for name in (V32, V3))

    def growth(costs: roofline.Costs) -> float:
        return decode_step(costs, 8, 50_000) - decode_step(costs, 8, 10_000)

    index = 40_000 * 8 * (132 * 61 / (0.75 * 4.8e12) + 2 * 61 * 64 * 128 / (0.45 * 1979e12))
    assert growth(sparse) == pytest.approx(index, rel=0.01)
    assert growth(dense) > 4 * growth(sparse)


def test_a_prompt_costs_more_than_twice_what_half_of_it_costs() -> None:
    costs = costs_of(setting(QWEN_7B))

    assert prefill_seconds(costs, 32_000) > 2.2 * prefill_seconds(costs, 16_000)


def test_a_pipeline_makes_no_answer_faster() -> None:
    two = Layout(tensor=8, pipeline=2, expert=True, nodes=2)
    one = Layout(tensor=8, expert=True)

    piped, plain = (costs_of(setting(V3, "H200", layout)) for layout in (two, one))

    assert decode_step(piped, 1, 1000) > decode_step(plain, 1, 1000)
    rates = [pace(costs, CHAT, 256).requests_per_second for costs in (piped, plain)]
    assert 1 < rates[0] / rates[1] < 2


def test_the_replica_is_full_all_the_time() -> None:
    """Little's law: as many as are sent at once are computing a prompt or an answer."""
    costs = costs_of(setting(LLAMA_8B, "H100"))

    for sequences in (1, 2, 64):
        found = pace(costs, CHAT, sequences)
        step = decode_step(costs, sequences, CHAT.context)
        taken = found.time_to_first_token - step + 256 * found.time_per_output_token
        assert found.requests_per_second * taken == pytest.approx(sequences)


@pytest.mark.parametrize(
    "layout",
    [
        pytest.param(Layout(tensor=8, expert=True), id="one-rank"),
        pytest.param(Layout(tensor=8, pipeline=2, expert=True, nodes=2), id="stages"),
        pytest.param(DEP8, id="ranks"),
    ],
)
def test_a_request_by_itself_waits_for_no_prompt_of_others(layout: Layout) -> None:
    long = Workload(100_000, 500)
    costs = costs_of(setting(V3, "H200", layout))

    found = pace(costs, long, 1)

    step = decode_step(costs, 1, long.context)
    assert found.time_per_output_token == pytest.approx(step)
    assert found.time_to_first_token == pytest.approx(step + prefill_seconds(costs, 100_000))


def test_drafts_pay_where_there_is_room_to_compute_and_not_beyond() -> None:
    plain = setting(V3, "H200", Layout(tensor=8, expert=True))
    few, many = ((costs_of(entry) for entry in (plain, replace(plain, mtp_tokens=1))) for _ in "ab")

    gain = [
        pace(drafting, CHAT, batch).requests_per_second
        / pace(without, CHAT, batch).requests_per_second
        for (without, drafting), batch in ((tuple(few), 4), (tuple(many), 1024))
    ]

    assert gain[0] > 1.3
    assert gain[1] < gain[0]
    assert roofline.tokens_a_step(replace(plain, mtp_tokens=2)) == pytest.approx(1 + 0.8 + 0.64)


def test_experts_on_other_nodes_are_reached_over_the_network() -> None:
    near = costs_of(setting(V3, "H200", Layout(data=16, expert=True, nodes=1)))
    far = costs_of(setting(V3, "H200", Layout(data=16, expert=True, nodes=2)))

    assert far.fixed_seconds > near.fixed_seconds
    assert prefill_seconds(far, 1000) != prefill_seconds(near, 1000)


def test_ranks_on_several_nodes_exchange_while_they_compute_only_if_they_are_told_to() -> None:
    layout = Layout(data=16, expert=True, nodes=2)
    plain = setting(V3, "H200", layout)

    apart = roofline.token_seconds(plain)
    halves = roofline.token_seconds(replace(plain, overlapped=True))

    assert halves < apart < 2 * halves
    near = setting(V3, "H200", DEP8)
    assert roofline.token_seconds(near) == roofline.token_seconds(replace(near, overlapped=True))


def test_gpus_without_nvlink_pay_for_working_together() -> None:
    def gain(product: str) -> float:
        one, four = (
            prefill_seconds(costs_of(setting(LLAMA_8B, product, Layout(tensor=size))), 4096)
            for size in (1, 4)
        )
        return one / four

    assert gain("H200") > 3
    assert gain("L40S") < 2.5
