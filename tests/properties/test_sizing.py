"""Sizing is monotone, never plans over the memory, and finds as many replicas as a load needs."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepseek_operator.catalog import catalog
from deepseek_operator.sizing import memory
from deepseek_operator.sizing.fleet import fleet_of
from deepseek_operator.sizing.quantization import NAMES
from deepseek_operator.sizing.size import Sized, size
from deepseek_operator.sizing.terms import (
    TARGET_UTILIZATION,
    CannotRunError,
    Overrides,
    Pool,
    Question,
    Workload,
)

pytestmark = pytest.mark.campaign(has_short_form=True)

CATALOG = catalog.shipped()

workloads = st.builds(
    Workload,
    input_tokens=st.integers(1, 20_000),
    output_tokens=st.integers(1, 8_000),
    requests_per_second=st.none() | st.floats(0.01, 5000),
    time_to_first_token=st.none() | st.floats(0.02, 20),
    time_per_output_token=st.none() | st.floats(0.005, 0.5),
)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Any model on any accelerator, on one node or several, with any engine."""
    name = draw(st.sampled_from(sorted(CATALOG.models)))
    product = draw(st.sampled_from(sorted(CATALOG.accelerators)))
    accelerator = CATALOG.accelerators[product]
    node = draw(st.sampled_from(accelerator.node_gpus))
    engine = draw(st.sampled_from(sorted(CATALOG.engines)))
    return Question(
        model_name=name,
        model=CATALOG.models[name],
        engine=CATALOG.engines[engine],
        pool=Pool(product, accelerator, node * draw(st.integers(1, 4)), node),
        workload=draw(workloads),
        rdma=draw(st.booleans()),
    )


def answered(question: Question) -> Sized | None:
    try:
        return size(question)
    except CannotRunError:
        return None


def fixed(sized: Sized, **overrides: object) -> Question:
    """The same question with the form, the layout and the cache's format that were chosen."""
    layout, setting = sized.layout, sized.setting
    given = Overrides(
        quantization=setting.scheme.name,
        tensor=layout.tensor,
        pipeline=layout.pipeline,
        data=layout.data,
        cache_type=setting.cache_type,
        mtp_tokens=setting.mtp_tokens,
    )
    return replace(sized.question, overrides=replace(given, **overrides))  # type: ignore[arg-type]


def with_memory(question: Question, more: float) -> Question:
    accelerator = question.pool.accelerator
    larger = accelerator.model_copy(update={"memory_gib": accelerator.memory_gib + more})
    return replace(question, pool=replace(question.pool, accelerator=larger))


@given(questions(), st.floats(0, 100))
def test_more_memory_never_gives_less_concurrency(question: Question, more: float) -> None:
    before = answered(question)
    if before is None:
        return
    context = before.context_tokens

    one = size(fixed(before, context_tokens=context))
    other = size(with_memory(fixed(before, context_tokens=context), more))

    assert other.full_context >= one.full_context
    assert other.limits.sequences >= one.limits.sequences
    assert other.pace.requests_per_second >= one.pace.requests_per_second


@given(questions(), st.integers(0, 100_000))
def test_a_longer_context_never_gives_more_concurrency(question: Question, more: int) -> None:
    before = answered(question)
    if before is None:
        return
    short = before.context_tokens
    longer = min(question.model.context_tokens, short + more)

    one = size(fixed(before, context_tokens=short))
    other = answered(fixed(before, context_tokens=longer))

    assert other is None or other.full_context <= one.full_context


@given(questions(), st.integers(0, 4000))
def test_longer_requests_never_run_more_at_once(question: Question, more: int) -> None:
    before = answered(question)
    if before is None:
        return
    question = fixed(before)
    longer = replace(question.workload, output_tokens=question.workload.output_tokens + more)

    one = memory.concurrency(before.setting, question.workload.tokens)
    other = memory.concurrency(before.setting, longer.tokens)

    assert other <= one


def on_one_node(question: Question) -> Question:
    """Where several nodes have no say: they are only for what one does not hold."""
    return replace(question, pool=replace(question.pool, count=question.pool.node_size))


def is_as(other: Sized, one: Sized) -> bool:
    """Whether both keep the targets with the same form of the weights: the best form that fits comes before all else."""
    return not one.missed and other.setting.scheme.name == one.setting.scheme.name


@given(questions(), st.floats(0, 100))
def test_with_more_memory_a_model_that_fits_goes_on_fitting(
    question: Question, more: float
) -> None:
    if answered(question) is not None:
        assert answered(with_memory(question, more)) is not None


def yields(sized: Sized) -> float:
    """Requests a second of one GPU."""
    return sized.pace.requests_per_second / sized.layout.accelerators


SMALL = 1.25 * (1 + 1e-9)
"""So much more a GPU may do in a larger replica that is not taken, as a small one is worth something too."""


@given(questions(), st.floats(0, 100))
def test_with_more_memory_a_gpu_does_as_much_but_for_what_a_small_replica_is_worth(
    question: Question, more: float
) -> None:
    question = on_one_node(question)
    one, other = answered(question), answered(with_memory(question, more))
    if one is None or other is None or not is_as(other, one):
        return

    assert not other.missed
    assert yields(other) >= yields(one) / SMALL


@given(questions(), st.integers(0, 100_000))
def test_with_a_longer_context_a_gpu_does_no_more_but_for_what_a_small_replica_is_worth(
    question: Question, more: int
) -> None:
    question = on_one_node(question)
    before = answered(question)
    if before is None:
        return
    short = before.context_tokens
    longer = min(question.model.context_tokens, short + more)
    one, other = (
        answered(replace(question, overrides=Overrides(context_tokens=tokens)))
        for tokens in (short, longer)
    )

    assert one is not None
    if other is not None and is_as(other, one):
        assert yields(other) <= yields(one) * SMALL


@given(questions(), st.floats(0.01, 5000))
def test_a_rate_decides_nothing_but_the_number_of_replicas(question: Question, rate: float) -> None:
    workload = replace(question.workload, requests_per_second=rate)

    one, other = answered(question), answered(replace(question, workload=workload))

    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert (other.setting, other.limits) == (one.setting, one.limits)


overrides = st.builds(
    Overrides,
    context_tokens=st.none() | st.integers(1, 163_840),
    max_sequences=st.none() | st.integers(1, 5000),
    max_batched_tokens=st.none() | st.integers(1, 32_768),
    memory_share=st.none() | st.floats(0.05, 0.99),
    mtp_tokens=st.none() | st.integers(0, 10),
    chunked_prefill=st.none() | st.booleans(),
)


@given(questions(), overrides)
def test_no_gpu_is_planned_over_its_memory(question: Question, given_overrides: Overrides) -> None:
    question = replace(question, overrides=given_overrides)
    found = answered(question)
    if found is None:
        return

    assert found.memory.planned <= found.memory.budget + 1
    assert found.memory.budget < found.memory.total
    assert found.cache_tokens >= question.workload.tokens
    # vLLM does not start where one request of the longest kind does not fit.
    assert found.cache_tokens >= found.context_tokens
    assert found.context_tokens <= question.model.context_tokens
    held = found.pace.sequences / found.layout.data
    tokens = memory.blocks_tokens(found.setting, question.workload.tokens)
    assert held * tokens <= found.cache_tokens + tokens


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "quantization": st.sampled_from(NAMES),
    "accelerators": st.sampled_from((1, 2, 4, 8, 16, 32)),
    "tensor": st.sampled_from((1, 2, 4, 8)),
    "pipeline": st.integers(1, 4),
    "data": st.sampled_from((1, 8, 16)),
    "context_tokens": st.integers(1, 163_840),
    "max_sequences": st.integers(1, 5000),
    "max_batched_tokens": st.integers(1, 32_768),
    "memory_share": st.floats(0.5, 0.99),
    "cache_type": st.sampled_from(("bf16", "fp8")),
    "mtp_tokens": st.integers(0, 8),
    "attention_ranks": st.booleans(),
    "expert_parallel": st.booleans(),
    "graph_sizes": st.sampled_from(((1, 2, 4), (64,), (1, 512))),
    "decode_times": st.floats(0.1, 10),
}


@st.composite
def wishes(draw: st.DrawFn) -> dict[str, Any]:
    """Some values that a person sets; of many at once nearly all are refused."""
    names = draw(st.sets(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3))
    return {name: draw(VALUES[name]) for name in sorted(names)}


@given(questions(), wishes())
def test_a_value_that_is_set_is_in_the_answer_or_refused(
    question: Question, wished: dict[str, Any]
) -> None:
    found = answered(replace(question, overrides=Overrides(**wished)))
    if found is None:
        return
    setting, layout = found.setting, found.layout
    # `none` is the form in which a model is published.
    published = "fp8" if question.model.dtype == "fp8" else "none"
    if wished.get("quantization") == "none":
        wished = {**wished, "quantization": published}
    # A GPU that has a layer's experts by itself has them whole anyhow.
    is_spread = layout.expert or (layout.expert_parallel == 1 and wished.get("expert_parallel"))
    taken = {
        "quantization": setting.scheme.name,
        "accelerators": layout.accelerators,
        "tensor": layout.tensor,
        "pipeline": layout.pipeline,
        "data": layout.data,
        "context_tokens": found.context_tokens,
        "max_sequences": found.limits.sequences,
        "max_batched_tokens": setting.batched_tokens,
        "memory_share": setting.memory_share,
        "cache_type": setting.cache_type,
        "mtp_tokens": setting.mtp_tokens,
        "attention_ranks": layout.data > 1,
        "expert_parallel": is_spread,
        "graph_sizes": found.graph_sizes,
        "decode_times": setting.decode_times,
    }

    assert {name: taken[name] for name in wished} == wished


@given(questions())
def test_a_replica_keeps_its_targets_or_says_which_it_misses(question: Question) -> None:
    found = answered(question)
    if found is None:
        return
    workload, pace = question.workload, found.pace

    late = [
        target is not None and seconds > target
        for target, seconds in (
            (workload.time_per_output_token, pace.time_per_output_token),
            (workload.time_to_first_token, pace.time_to_first_token),
        )
    ]
    assert sum(late) == len(found.missed)


@given(questions())
def test_the_replicas_meet_the_load(question: Question) -> None:
    found = answered(question)
    if found is None:
        return

    fleet = fleet_of(found, replicas=None)

    wanted = question.workload.requests_per_second or 0
    assert fleet.capacity * TARGET_UTILIZATION >= wanted * (1 - 1e-9)
    assert fleet.utilization <= TARGET_UTILIZATION * (1 + 1e-9)
    assert fleet.accelerators == fleet.replicas * found.layout.accelerators


@given(questions())
def test_an_answer_is_the_same_each_time_and_a_refusal_names_a_field(question: Question) -> None:
    first, second = (_told(question) for _ in range(2))

    assert first == second
    assert isinstance(first, Sized) or ": " in first


def _told(question: Question) -> Sized | str:
    try:
        return size(question)
    except CannotRunError as error:
        return str(error)
