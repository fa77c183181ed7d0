"""The order of models at a task: by published figures, and never by what is not known."""

from collections.abc import Sequence
from typing import get_args

import pytest

from deepseek_operator.advice.ranking import ranked
from deepseek_operator.advice.tasks import BENCHMARKS, Task
from deepseek_operator.catalog import models
from deepseek_operator.catalog.benchmarks import Benchmark, Figure
from deepseek_operator.catalog.models import Model

KNOWN = models.load_models()


def model(name: str, *, parameters: int = 1, released: str = "2025-01", **percents: float) -> Model:
    figures: dict[str, Figure] = {
        key.replace("_", " "): Figure(percent=value, source=f"card of {name}")
        for key, value in percents.items()
    }
    entry = KNOWN["DeepSeek-R1-Distill-Qwen-7B"]
    return entry.model_copy(
        update={"parameters": parameters, "released": released, "benchmarks": figures}
    )


def order(task: Task, **given: Model) -> list[str]:
    return [place.model for place in ranked(given, task)]


def names(task: Task, only: Sequence[str] = ()) -> list[str]:
    short = (place.model.removeprefix("DeepSeek-") for place in ranked(KNOWN, task))
    return [name for name in short if not only or name in only]


def test_the_best_figure_comes_first() -> None:
    found = order(
        Task.MATH,
        a=model("a", AIME_2024=60),
        b=model("b", AIME_2024=90),
        c=model("c", AIME_2024=75),
    )

    assert found == ["b", "c", "a"]


def test_of_equal_figures_the_newer_model_comes_first_and_then_the_name() -> None:
    found = order(
        Task.MATH,
        c=model("c", AIME_2024=60),
        old=model("old", released="2024-12", AIME_2024=60),
        new=model("new", released="2025-08", AIME_2024=60),
        b=model("b", AIME_2024=60),
    )

    assert found == ["new", "b", "c", "old"]


def test_a_model_without_the_first_figure_stands_before_the_first_that_it_beats_at_the_next() -> (
    None
):
    found = ranked(
        {
            "a": model("a", AIME_2024=90, AIME_2025=80),
            "b": model("b", AIME_2024=70),
            "c": model("c", AIME_2024=60, AIME_2025=50),
            "new": model("new", AIME_2025=65),
        },
        Task.MATH,
    )

    assert [place.model for place in found] == ["a", "b", "new", "c"]
    assert (
        found[2].why == "AIME 2024: not known; by AIME 2025 65.0 (card of new) before c with 50.0"
    )
    assert found[2].unknown == ("AIME 2024", "MATH-500")


def test_one_that_beats_none_stands_behind_all_that_have_the_figure() -> None:
    found = ranked(
        {"a": model("a", AIME_2024=9, AIME_2025=80), "new": model("new", AIME_2025=70)}, Task.MATH
    )

    assert [place.model for place in found] == ["a", "new"]
    assert found[1].why.endswith("AIME 2025 70.0 (card of new) behind all that have one")


def test_one_of_which_nothing_is_known_stands_last_larger_ones_first() -> None:
    found = order(
        Task.MATH,
        small=model("small", parameters=7),
        large=model("large", parameters=70),
        weak=model("weak", AIME_2024=1),
    )

    assert found == ["weak", "large", "small"]
    place = ranked({"small": model("small")}, Task.MATH)[0]
    assert place.why.startswith("AIME 2024 and AIME 2025 and MATH-500: not known; behind all")


@pytest.mark.parametrize("task", Task)
def test_every_model_of_the_catalog_has_one_place(task: Task) -> None:
    assert sorted(place.model for place in ranked(KNOWN, task)) == sorted(KNOWN)


@pytest.mark.parametrize("task", Task)
def test_the_order_does_not_depend_on_that_of_the_catalog(task: Task) -> None:
    turned = dict(reversed(list(KNOWN.items())))

    assert ranked(turned, task) == ranked(KNOWN, task)


@pytest.mark.parametrize(
    ("task", "best"),
    [
        pytest.param(Task.REASONING, ["V3.2", "R1-0528", "V3.1", "R1", "V3-0324"], id="reasoning"),
        pytest.param(
            Task.MATH, ["V3.2", "V3.1", "R1-0528", "R1", "R1-Distill-Qwen-32B"], id="math"
        ),
        pytest.param(
            Task.CODE, ["V3.2", "V3.1", "R1-0528", "R1", "R1-Distill-Llama-70B"], id="code"
        ),
        pytest.param(Task.CHAT, ["V3.2", "R1-0528", "V3.1", "R1", "V3-0324"], id="chat"),
        pytest.param(Task.AGENTS, ["V3.2", "V3.1", "V3-0324", "R1-0528", "R1"], id="agents"),
    ],
)
def test_the_best_of_the_catalog_at_each_task(task: Task, best: list[str]) -> None:
    assert names(task)[:5] == best


def test_benchmarks_of_tasks_are_of_the_catalog() -> None:
    asked = {name for benchmarks in BENCHMARKS.values() for name in benchmarks}

    assert set(BENCHMARKS) == set(Task)
    assert asked <= set(get_args(Benchmark))


def test_a_figure_is_told_with_mode_problems_and_source() -> None:
    (place,) = (place for place in ranked(KNOWN, Task.CODE) if place.model == "DeepSeek-V3.1")

    assert place.why == (
        "LiveCodeBench 74.8 (thinking; problems of 2024-08 to 2025-05; "
        "deepseek-ai/DeepSeek-V3.1 model card, evaluation)"
    )
