"""The order of models at a task, by published figures alone. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deepseek_operator.advice.tasks import BENCHMARKS, Task
from deepseek_operator.catalog.benchmarks import Benchmark, Figure
from deepseek_operator.catalog.models import Model


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model stands, and why there."""

    model: str
    figures: Mapping[Benchmark, Figure]
    """Of the task's benchmarks, those that are known."""
    unknown: tuple[Benchmark, ...]
    why: str


def ranked(models: Mapping[str, Model], task: Task) -> tuple[Place, ...]:
    """Every model, best first; it depends on nothing but the figures, so no wish changes who is better than whom.

    The task's first benchmark decides. A model without it stands before the first one that it beats at the next benchmark,
    else behind all that have one; a model without any figure stands last, larger ones first.
    """
    first, *others = BENCHMARKS[task]
    order = [_place(models, task, name, by=first) for name in _best_first(models, first)]
    for benchmark in others:
        for name in _best_first(models, benchmark):
            if all(name != place.model for place in order):
                _insert(order, models, task, name=name, by=benchmark)
    known = {place.model for place in order}
    unknown = sorted(set(models) - known, key=lambda name: (-models[name].parameters, name))
    return (*order, *(_place(models, task, name, by=None) for name in unknown))


def _best_first(models: Mapping[str, Model], benchmark: Benchmark) -> list[str]:
    """The models with a figure of it; of equal ones the newer first."""
    having = [name for name, model in models.items() if benchmark in model.benchmarks]
    newest = sorted(sorted(having), key=lambda name: models[name].released, reverse=True)
    return sorted(newest, key=lambda name: -models[name].benchmarks[benchmark].percent)


def _insert(
    order: list[Place], models: Mapping[str, Model], task: Task, *, name: str, by: Benchmark
) -> None:
    """Put it before the first one that it beats."""
    percent = models[name].benchmarks[by].percent
    for index, other in enumerate(order):
        theirs = other.figures.get(by)
        if theirs is not None and theirs.percent < percent:
            beaten = f"before {other.model} with {theirs.percent:.1f}"
            order.insert(index, _place(models, task, name, by=by, beaten=beaten))
            return
    order.append(_place(models, task, name, by=by))


def _place(
    models: Mapping[str, Model],
    task: Task,
    name: str,
    *,
    by: Benchmark | None,
    beaten: str | None = None,
) -> Place:
    asked, found = BENCHMARKS[task], models[name].benchmarks
    known: Mapping[Benchmark, Figure] = {
        benchmark: found[benchmark] for benchmark in asked if benchmark in found
    }
    return Place(
        model=name,
        figures=known,
        unknown=tuple(benchmark for benchmark in asked if benchmark not in found),
        why=_why(asked, known, by=by, beaten=beaten),
    )


def _why(
    asked: Sequence[Benchmark],
    known: Mapping[Benchmark, Figure],
    *,
    by: Benchmark | None,
    beaten: str | None,
) -> str:
    if by is None:
        return f"{' and '.join(asked)}: not known; behind all of which one is, larger ones first"
    said = f"{by} {told(known[by])}"
    if by == asked[0]:
        return said
    return f"{asked[0]}: not known; by {said} {beaten or 'behind all that have one'}"


def told(figure: Figure) -> str:
    """A figure with how it was measured, and its source."""
    problems = None if figure.problems is None else f"problems of {figure.problems}"
    said = "; ".join(part for part in (figure.mode, problems, figure.source) if part)
    return f"{figure.percent:.1f} ({said})"
