"""Advice: which models come up to a wish, how each is served, and the reasons."""

import itertools
from dataclasses import replace

import pytest

from deepseek_operator.advice import ranking
from deepseek_operator.advice.advise import Ending
from deepseek_operator.advice.tasks import Task
from deepseek_operator.sizing.terms import TARGET_UTILIZATION, Workload
from tests.unit.advice.wishing import advised, answer, names, pool, refused, wish
from tests.unit.sizing.questions import CATALOG, LLAMA_70B, QWEN_1B, QWEN_7B, R1, V3, V32

LOAD = Workload(1024, 256, requests_per_second=20, time_per_output_token=0.1)


def test_models_are_in_the_order_of_their_figures() -> None:
    found = answer(wish(pool("H200", 16, 8)))

    assert names(found) == [place.model for place in ranking.ranked(CATALOG.models, Task.MATH)]
    assert found.refused == ()
    assert found.ending is Ending.ADVISED


def test_every_model_is_told_of_once() -> None:
    found = answer(wish(pool("H100", 8), budget=10))

    told = [*names(found), *(one.model for one in found.refused)]
    assert sorted(told) == sorted(CATALOG.models)
    assert found.advised
    assert found.refused


def test_as_many_replicas_as_the_load_needs() -> None:
    found = advised(answer(wish(pool("H200", 16, 8), workload=LOAD)), LLAMA_70B).way

    one = found.sized.pace.requests_per_second
    assert (found.fleet.replicas - 1) * one * TARGET_UTILIZATION < 20
    assert found.fleet.replicas * one * TARGET_UTILIZATION >= 20
    assert found.fleet.fits
    assert found.fleet.per_hour == found.fleet.accelerators * 3.6


def test_the_cheapest_of_what_comes_up_to_it_is_taken() -> None:
    found = answer(wish(pool("H200", 8), pool("L4", 8)))

    assert advised(found, QWEN_7B).way.pool.product == "L4"
    assert advised(found, V3).way.pool.product == "H200"


def test_a_target_is_kept_by_a_dearer_one_where_a_cheaper_one_does_not() -> None:
    quick = Workload(time_per_output_token=0.015)

    found = answer(wish(pool("H200", 8), pool("L4", 8), workload=quick))

    assert advised(found, LLAMA_70B).way.pool.product == "H200"
    assert not advised(found, LLAMA_70B).way.sized.missed


def test_a_smaller_form_on_one_node_comes_before_a_better_one_on_several() -> None:
    found = answer(wish(pool("H100", 16, 8)))

    way = advised(found, "DeepSeek-R1").way
    assert (way.sized.setting.scheme.name, way.sized.layout.nodes) == ("int4-awq", 1)
    assert "no better form of the weights comes up to what is asked on one node" in " ".join(
        advised(found, "DeepSeek-R1").reasons
    )


def test_the_last_resort_of_small_accelerators_is_no_match_for_what_others_hold_in_a_better_form() -> (
    None
):
    """Of more accelerators only better things follow: FP8 does not fit on the L4, where INT4 is the first that does."""
    few, many = (
        advised(answer(wish(*pools, task=Task.CODE, context=64_000, budget=10)), LLAMA_70B)
        for pools in ((pool("H100", 8),), (pool("L4", 4), pool("H100", 8)))
    )

    assert few.way == many.way
    assert (many.way.pool.product, many.way.sized.setting.scheme.name) == ("H100", "fp8")


def test_a_smaller_form_is_told_to_give_way_to_none_that_comes_up_to_it() -> None:
    cheap = wish(pool("L4", 4), pool("H100", 8), task=Task.CODE, context=64_000, budget=4)
    alone = wish(pool("L4", 4), task=Task.CODE, context=64_000)

    beside, by_itself = (advised(answer(asked), LLAMA_70B).reasons[1] for asked in (cheap, alone))

    assert beside.startswith("int4-awq: no better form of the weights comes up to what is asked")
    assert by_itself.startswith("int4-awq: fp8 does not fit on L4; int4-awq is the next to try")


@pytest.mark.parametrize("context", [1280, 20_000, 40_000])
def test_a_better_form_that_is_late_gives_way_to_one_that_is_not(context: int) -> None:
    quick = Workload(time_per_output_token=0.045)

    found = answer(wish(pool("L40S", 2), workload=quick, context=context))

    # FP8 takes 64 ms a token, and no longer fits at the longest of these: then INT4 must not be news.
    assert advised(found, LLAMA_70B).way.sized.setting.scheme.name == "int4-awq"


def test_several_nodes_are_told_with_what_they_need() -> None:
    found = advised(answer(wish(pool("H100", 16, 8))), R1)

    assert found.way.sized.layout.nodes == 2
    assert found.reasons[-1] == (
        "a replica is a group of 2 nodes, and needs LeaderWorkerSet in the cluster"
    )


def test_a_form_that_is_not_the_published_one_is_warned_of() -> None:
    found = answer(wish(pool("H200", 8)))

    assert "published weights, not of this form" in advised(found, QWEN_7B).reasons[1]
    assert "not of this form" not in " ".join(advised(found, V3).reasons)
    assert "not of this form" not in " ".join(advised(found, QWEN_1B).reasons)


def test_a_form_is_not_warned_of_where_no_figure_is_known() -> None:
    found = answer(wish(pool("H200", 8), task=Task.AGENTS))

    assert "not of this form" not in " ".join(advised(found, QWEN_7B).reasons)
    assert "not known" in advised(found, QWEN_7B).reasons[0]


def test_figures_of_different_problems_are_noted() -> None:
    note = "the figures of LiveCodeBench are not all of the same problems: compare with care"

    assert note in answer(wish(pool("H200", 8), task=Task.CODE)).notes
    assert note not in answer(wish(pool("L4", 1), task=Task.CODE)).notes
    assert note not in answer(wish(pool("H200", 8), task=Task.MATH)).notes


def test_models_that_think_are_noted_to_write_more() -> None:
    def thinks(budget: float) -> bool:
        known = replace(CATALOG, models={name: CATALOG.models[name] for name in (V3, QWEN_7B)})
        notes = answer(wish(pool("H200", 8), pool("L4", 1), budget=budget), known).notes
        return any(note.startswith("models that think") for note in notes)

    assert thinks(60)
    assert not any(
        note.startswith("models that think")
        for note in answer(
            wish(pool("H200", 8)), replace(CATALOG, models={V3: CATALOG.models[V3]})
        ).notes
    )


def test_more_budget_never_takes_a_model_away_and_a_longer_context_brings_none() -> None:
    there = (pool("H100", 16, 8), pool("L40S", 8, 4))
    budgets = [answer(wish(*there, workload=LOAD, budget=budget)) for budget in (2, 10, 40, None)]
    lengths = [
        answer(wish(*there, workload=LOAD, context=context))
        for context in (1280, 20_000, 100_000, 140_000, 200_000)
    ]

    for less, more in itertools.pairwise(budgets):
        assert set(names(less)) <= set(names(more))
    for shorter, longer in itertools.pairwise(lengths):
        assert set(names(longer)) <= set(names(shorter))
    assert len(names(budgets[0])) < len(names(budgets[-1]))
    assert len(names(lengths[0])) > len(names(lengths[-1]))


@pytest.mark.parametrize(
    ("budget", "ending"),
    [
        pytest.param(1000, Ending.ADVISED, id="some"),
        pytest.param(0.5, Ending.NONE_AS_ASKED, id="too-dear"),
    ],
)
def test_how_it_ends(budget: float, ending: Ending) -> None:
    assert answer(wish(pool("L4", 1), budget=budget)).ending is ending


def test_it_ends_with_nothing_where_nothing_runs() -> None:
    found = answer(wish(pool("L4", 1), context=1_000_000))

    assert found.advised == ()
    assert found.ending is Ending.NONE_RUNS
    assert refused(found, V32).nearest == "a context of 163840 tokens"
