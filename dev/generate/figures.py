"""The published figures of the catalog in the page on advice."""

from collections.abc import Mapping

from deepseek_operator.advice.ranking import ranked
from deepseek_operator.advice.tasks import BENCHMARKS, Task
from deepseek_operator.catalog import models
from deepseek_operator.catalog.benchmarks import MEASURES, Benchmark, Figure
from dev.generate import markdown

BEGIN, END = markdown.marks("figures")


def render(page: str) -> str:
    """The page with its tables renewed."""
    before, after = markdown.around(page, BEGIN, END, name="docs/advice.md")
    tables = "\n\n".join([_tasks(), *(_figures(task) for task in Task)])
    return f"{before}{tables}{after}"


def _tasks() -> str:
    rows = [
        (markdown.code(task), ", then ".join(BENCHMARKS[task]), MEASURES[BENCHMARKS[task][0]])
        for task in Task
    ]
    return markdown.table(("task", "ranked by", "which asks"), rows)


def _figures(task: Task) -> str:
    """Every model in the order in which it is advised."""
    benchmarks = BENCHMARKS[task]
    rows = [
        (
            place.model,
            *(_cell(place.figures.get(name)) for name in benchmarks),
            _sources(place.figures),
        )
        for place in ranked(models.load_models(), task)
    ]
    return markdown.table((markdown.code(task), *benchmarks, "source"), rows)


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "not known"
    said = "; ".join(part for part in (figure.mode, figure.problems) if part)
    return f"{figure.percent:.1f} ({said})" if said else f"{figure.percent:.1f}"


def _sources(figures: Mapping[Benchmark, Figure]) -> str:
    return "; ".join(dict.fromkeys(figure.source for figure in figures.values())) or "-"
