"""Wishes for the tests of advice."""

from deepseek_operator.advice.advise import Advice, Advised, advise, least_context
from deepseek_operator.advice.refusals import Refused
from deepseek_operator.advice.tasks import Task
from deepseek_operator.advice.wishes import Wish
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.sizing.terms import ASSUMED, Pool, Workload
from tests.unit.sizing.questions import CATALOG, VLLM


def pool(product: str, count: int, node: int | None = None) -> Pool:
    """Accelerators, all on one node unless said otherwise."""
    return Pool(product, CATALOG.accelerators[product], count, node or count)


def wish(
    *pools: Pool,
    task: Task = Task.MATH,
    workload: Workload = ASSUMED,
    context: int | None = None,
    budget: float | None = None,
) -> Wish:
    """What is asked for."""
    tokens = least_context(workload) if context is None else context
    return Wish(task, workload, tokens, pools, budget)


def answer(asked: Wish, known: Catalog = CATALOG) -> Advice:
    """The advice on it."""
    return advise(asked, known, VLLM)


def advised(found: Advice, model: str) -> Advised:
    """What is said of a model that can be served."""
    by_name = {one.place.model: one for one in found.advised}
    assert model in by_name, [one for one in found.refused if one.model == model]
    return by_name[model]


def refused(found: Advice, model: str) -> Refused:
    """What is said of a model that cannot."""
    by_name = {one.model: one for one in found.refused}
    assert model in by_name, f"{model} is advised"
    return by_name[model]


def names(found: Advice) -> list[str]:
    """The models that can be served, best first."""
    return [one.place.model for one in found.advised]
