"""The tables of published figures in the page on advice."""

import pytest

from deepseek_operator.advice.tasks import BENCHMARKS, Task
from deepseek_operator.catalog import models
from dev import steps
from dev.generate import figures

PAGE = f"# Advice\n\n{figures.BEGIN}\nold\n{figures.END}\n\nMore.\n"


def rows(task: Task) -> list[str]:
    _, _, rest = figures.render(PAGE).partition(f"| `{task}` | {BENCHMARKS[task][0]} | ")
    return rest.partition("\n\n")[0].splitlines()[2:]


@pytest.mark.parametrize("task", [task for task in Task if len(BENCHMARKS[task]) > 1])
def test_every_model_has_a_row_at_every_task(task: Task) -> None:
    told = [row.split(" | ")[0].removeprefix("| ") for row in rows(task)]

    assert sorted(told) == sorted(models.load_models())


def test_a_figure_is_told_with_its_source_and_one_that_is_missing_as_not_known() -> None:
    assert rows(Task.MATH)[0] == (
        "| DeepSeek-V3.2 | not known | 93.1 (thinking) | not known | arXiv:2512.02556 section 4.1, table 2 |"
    )
    assert rows(Task.AGENTS)[-1].endswith("| not known | not known | - |")


def test_what_stands_around_the_tables_stays_and_they_are_renewed() -> None:
    once = figures.render(PAGE)

    assert once.startswith("# Advice\n\n")
    assert once.endswith("\n\nMore.\n")
    assert "\nold\n" not in once
    assert once == figures.render(once)


@pytest.mark.parametrize(
    ("page", "line"),
    [
        pytest.param("# Advice\n", figures.BEGIN, id="no-begin"),
        pytest.param(f"{figures.BEGIN}\n", figures.END, id="no-end"),
    ],
)
def test_a_page_without_a_place_for_the_tables_is_an_error(page: str, line: str) -> None:
    with pytest.raises(steps.StepError, match=line):
        figures.render(page)
