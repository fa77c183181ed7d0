"""Sizing is monotone, never plans over the memory, and finds as many replicas as a load needs."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepseek_operator.catalog import catalog
from deepseek_operator.sizing import memory
from deepseek_operator.sizing.fleet import fleet_of
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


def accelerators(sized: Sized) -> int:
    """GPUs for the whole load."""
    wanted = sized.question.workload.requests_per_second
    assert wanted is not None
    return sized.layout.accelerators * sized.replicas_for(wanted)


@given(questions(), st.floats(0, 100))
def test_with_more_memory_a_model_that_fits_goes_on_fitting(
    question: Question, more: float
) -> None:
    if answered(question) is not None:
        assert answered(with_memory(question, more)) is not None


@given(questions(), st.floats(0, 100), st.floats(0.01, 5000))
def test_with_more_memory_a_load_never_needs_more_gpus(
    question: Question, more: float, wanted: float
) -> None:
    workload = replace(question.workload, requests_per_second=wanted)
    question = replace(on_one_node(question), workload=workload)
    one, other = answered(question), answered(with_memory(question, more))
    if one is None or other is None or not is_as(other, one):
        return

    assert not other.missed
    assert accelerators(other) <= accelerators(one)


@given(questions(), st.floats(0, 100))
def test_with_more_memory_a_gpu_does_as_much_but_for_what_a_small_replica_is_worth(
    question: Question, more: float
) -> None:
    workload = replace(question.workload, requests_per_second=None)
    question = replace(on_one_node(question), workload=workload)
    one, other = answered(question), answered(with_memory(question, more))
    if one is None or other is None or not is_as(other, one):
        return
    before, after = (
        sized.pace.requests_per_second / sized.layout.accelerators for sized in (one, other)
    )

    assert not other.missed
    assert after >= before / 1.25 * (1 - 1e-9)


@given(questions(), st.integers(0, 100_000), st.floats(0.01, 5000))
def test_a_longer_context_never_needs_fewer_gpus_for_a_load(
    question: Question, more: int, wanted: float
) -> None:
    workload = replace(question.workload, requests_per_second=wanted)
    question = replace(on_one_node(question), workload=workload)
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
        assert accelerators(other) >= accelerators(one)


@given(questions())
def test_no_gpu_is_planned_over_its_memory(question: Question) -> None:
    found = answered(question)
    if found is None:
        return

    assert found.memory.planned <= found.memory.budget + 1
    assert found.memory.budget < found.memory.total
    assert found.cache_tokens >= question.workload.tokens
    assert found.context_tokens <= question.model.context_tokens
    held = found.pace.sequences / found.layout.data
    tokens = memory.blocks_tokens(found.setting, question.workload.tokens)
    assert held * tokens <= found.cache_tokens + tokens


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
