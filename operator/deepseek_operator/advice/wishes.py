"""What is asked for, and the ways of serving a model that come up to it. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deepseek_operator.advice.tasks import Task
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.catalog.engines import EngineVersion
from deepseek_operator.sizing import quantization, size
from deepseek_operator.sizing.fleet import Fleet, fleet_of
from deepseek_operator.sizing.size import Sized
from deepseek_operator.sizing.terms import CannotRunError, Overrides, Pool, Question, Workload


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; tokens, US dollars an hour."""

    task: Task
    workload: Workload
    context_tokens: int
    """Of the longest request; at least `workload.tokens`."""
    pools: tuple[Pool, ...]
    budget: float | None = None
    rdma: bool = False
    """Whether GPUs of different nodes exchange by RDMA."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to serve a model: a replica, and as many of them as the load needs."""

    sized: Sized
    fleet: Fleet
    choice: tuple[int, int]
    """By the form of its weights, best first, on whatever product: what it loses, then the order of those that lose little."""
    gives_way: bool = False
    """Whether weights in a better form fit too, on some product, and do not come up to what is asked."""

    @property
    def pool(self) -> Pool:
        """Accelerators that it runs on."""
        return self.sized.question.pool

    def __str__(self) -> str:
        """As people write it: 2 x H200 (TP2)."""
        return f"{self.sized.layout.accelerators} x {self.pool.product} ({self.sized.layout})"


Check = Callable[[Way, Wish], bool]


def is_on_time(way: Way, _: Wish) -> bool:
    """Whether it keeps the latency targets."""
    return not way.sized.missed


def has_accelerators(way: Way, _: Wish) -> bool:
    """Whether there are enough for all replicas."""
    return way.fleet.fits


def is_within_budget(way: Way, wish: Wish) -> bool:
    """Whether its dollars an hour are what may be spent."""
    return wish.budget is None or way.fleet.per_hour <= wish.budget


CHECKS: tuple[Check, ...] = (is_on_time, has_accelerators, is_within_budget)
"""What a way has to come up to, in the order in which a refusal names what is missed.

Each of them only leaves ways out, and none makes one: so more budget never takes a model away, and a longer context, which
leaves fewer layouts, never brings one.
"""


def question(
    name: str, pool: Pool, *, known: Catalog, engine: EngineVersion, wish: Wish, context: int
) -> Question:
    """What sizing is asked of a model on one pool."""
    return Question(
        model_name=name,
        model=known.models[name],
        engine=engine,
        pool=pool,
        workload=wish.workload,
        overrides=Overrides(context_tokens=context),
        products=known.accelerators,
        rdma=wish.rdma,
    )


def ways_of(asked: Question) -> list[Way]:
    """Every form of the weights in every layout that holds the model, whatever the targets, and that an object gets."""
    found = [sized for sized in held(asked) if is_derived(sized)]
    if not found:
        return []
    runs = [scheme.name for scheme in quantization.choices(asked)]
    return [Way(sized, fleet_of(sized, replicas=None), _choice(sized, runs)) for sized in found]


def _choice(sized: Sized, runs: Sequence[str]) -> tuple[int, int]:
    """By what runs on the product, and not by what fits there: else the last resort of a small one is as good as any."""
    form = sized.setting.scheme.name
    loss = quantization.loss(form)
    return (loss, 0 if loss else runs.index(form))


def held(asked: Question) -> list[Sized]:
    """Every layout that holds the model, in every form of the weights."""
    try:
        return list(size.every(asked))
    except CannotRunError:
        return []


def is_derived(sized: Sized) -> bool:
    """Whether the operator gives so many GPUs so many nodes: of a product that is named, the largest that are made."""
    largest = max(sized.question.pool.accelerator.node_gpus)
    return sized.layout.nodes == math.ceil(sized.layout.accelerators / largest)


def best(ways: Sequence[Way]) -> Way:
    """The one to take, of those that come up to the wish.

    On one node before several; then the best form of the weights; then the cheapest, by the hour and by the token.
    """
    return min(
        ways,
        key=lambda way: (
            way.sized.layout.nodes > 1,
            way.choice,
            way.fleet.per_hour,
            way.fleet.accelerators,
            way.fleet.per_million,
            way.sized.pace.time_per_output_token,
        ),
    )
