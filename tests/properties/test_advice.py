"""Advice is deterministic; more budget never takes a model away, and a longer context never brings one."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepseek_operator.advice.advise import Advice, advise
from deepseek_operator.advice.tasks import Task
from deepseek_operator.advice.wishes import Way, Wish
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.catalog import catalog
from deepseek_operator.cli import advice_told
from deepseek_operator.derivation import derive
from deepseek_operator.sizing import quantization
from deepseek_operator.sizing.size import Sized
from deepseek_operator.sizing.terms import Pool, Setting, Workload
from tests.examples import as_many_as

pytestmark = pytest.mark.campaign(has_short_form=True)

CATALOG = catalog.shipped()
ENGINE = CATALOG.engines["vllm-0.33.0"]


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    """Any product, on one node or several."""
    product = draw(st.sampled_from(sorted(CATALOG.accelerators)))
    accelerator = CATALOG.accelerators[product]
    node = draw(st.sampled_from(accelerator.node_gpus))
    return Pool(product, accelerator, node * draw(st.integers(1, 4)), node)


@st.composite
def wishes(draw: st.DrawFn) -> Wish:
    """Any task on any accelerators, for any requests."""
    load = Workload(
        input_tokens=draw(st.integers(1, 20_000)),
        output_tokens=draw(st.integers(1, 8_000)),
        requests_per_second=draw(st.none() | st.floats(0.01, 500)),
        time_to_first_token=draw(st.none() | st.floats(0.02, 20)),
        time_per_output_token=draw(st.none() | st.floats(0.005, 0.5)),
    )
    return Wish(
        task=draw(st.sampled_from(Task)),
        workload=load,
        context_tokens=load.tokens + draw(st.integers(0, 160_000)),
        pools=tuple(draw(st.lists(pools(), min_size=1, max_size=3))),
        budget=draw(st.none() | st.floats(0, 200)),
    )


def answer(wish: Wish) -> Advice:
    return advise(wish, CATALOG, ENGINE)


def names(found: Advice) -> list[str]:
    return [one.place.model for one in found.advised]


@given(wishes())
@settings(max_examples=as_many_as(15))
def test_the_same_wish_has_the_same_answer(wish: Wish) -> None:
    turned = replace(
        CATALOG,
        models=dict(reversed(list(CATALOG.models.items()))),
        accelerators=dict(reversed(list(CATALOG.accelerators.items()))),
    )

    assert answer(wish) == answer(wish)
    assert names(answer(wish)) == names(advise(wish, turned, ENGINE))


@given(wishes())
@settings(max_examples=as_many_as(15))
def test_every_model_is_told_of_once_and_keeps_what_is_asked(wish: Wish) -> None:
    found = answer(wish)

    told = [*names(found), *(one.model for one in found.refused)]
    assert sorted(told) == sorted(CATALOG.models)
    for one in found.advised:
        assert not one.way.sized.missed
        assert one.way.sized.cache_tokens >= wish.workload.tokens
        assert one.way.sized.context_tokens == wish.context_tokens
        assert one.way.fleet.accelerators <= one.way.pool.count
        assert wish.budget is None or one.way.fleet.per_hour <= wish.budget
    for refused in found.refused:
        assert refused.why
        assert refused.nearest


@given(wishes(), st.floats(0, 500))
@settings(max_examples=as_many_as(15))
def test_more_budget_never_takes_a_model_away(wish: Wish, more: float) -> None:
    less = replace(wish, budget=wish.budget or 0)

    before = names(answer(less))
    after = names(answer(replace(less, budget=(wish.budget or 0) + more)))

    assert set(before) <= set(after)
    assert [name for name in after if name in before] == before


@given(wishes(), st.integers(0, 100_000))
@settings(max_examples=as_many_as(15))
def test_a_longer_context_never_brings_a_model(wish: Wish, more: int) -> None:
    before = names(answer(wish))
    after = names(answer(replace(wish, context_tokens=wish.context_tokens + more)))

    assert set(after) <= set(before)
    assert [name for name in before if name in after] == after


@given(wishes(), pools())
@settings(max_examples=as_many_as(15))
def test_more_accelerators_never_take_a_model_away_nor_its_form(wish: Wish, more: Pool) -> None:
    before, after = answer(wish), answer(replace(wish, pools=(*wish.pools, more)))

    found = {one.place.model: one.way for one in after.advised}
    for one in before.advised:
        assert one.place.model in found
        assert form_of(found[one.place.model]) <= form_of(one.way)


def form_of(way: Way) -> tuple[bool, int]:
    """Less is better: one node comes before several, and then what loses least."""
    return (way.sized.layout.nodes > 1, quantization.loss(way.sized.setting.scheme.name))


@given(wishes(), st.floats(0, 1))
@settings(max_examples=as_many_as(15))
def test_a_later_target_never_takes_a_model_away(wish: Wish, more: float) -> None:
    load = replace(wish.workload, requests_per_second=None)
    first, each = load.time_to_first_token, load.time_per_output_token
    later = replace(
        load,
        time_to_first_token=None if first is None else first + more,
        time_per_output_token=None if each is None else each + more,
    )

    before, after = (answer(replace(wish, workload=one)) for one in (load, later))
    # A model may go all the same: a later target allows steps with more tokens, which leave less room.
    late = {one.model for one in after.refused if " ms " in one.why}
    assert not late & set(names(before))


@given(wishes(), st.booleans())
@settings(max_examples=as_many_as(15))
def test_the_spec_is_served_as_it_was_advised(wish: Wish, rdma: bool) -> None:
    first, each = wish.workload.time_to_first_token, wish.workload.time_per_output_token
    load = replace(
        wish.workload,
        time_to_first_token=None if first is None else in_milliseconds(first),
        time_per_output_token=in_milliseconds(each or 0.1),
    )
    for one in answer(replace(wish, workload=load, rdma=rdma)).advised:
        block = ServingBlock.model_validate(advice_told.spec(one))

        served = derive(block, catalog=CATALOG, field="spec", rdma=rdma).sized

        assert served is not None
        assert unexplained(served) == unexplained(one.way.sized)
        assert served.limits == one.way.sized.limits
        assert served.context_tokens == one.way.sized.context_tokens
        assert served.rate == one.way.sized.rate


def in_milliseconds(seconds: float) -> float:
    """Whole ones, as objects have them."""
    return max(1, round(1000 * seconds)) / 1000


def unexplained(sized: Sized) -> Setting:
    """The setting without why its weights have this form: in an object it is set."""
    return replace(sized.setting, scheme=replace(sized.setting.scheme, why=""))
