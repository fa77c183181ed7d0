"""Why a model cannot be served as asked, and the nearest that can be: one sentence each. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from deepseek_operator.advice.wishes import (
    CHECKS,
    Check,
    Way,
    Wish,
    has_accelerators,
    held,
    is_on_time,
    ways_of,
)
from deepseek_operator.sizing import memory, quantization, remedies
from deepseek_operator.sizing.size import Sized, smallest
from deepseek_operator.sizing.terms import TARGET_UTILIZATION, CannotRunError, Question, gib

NOTHING = "nothing in the catalog"


@dataclass(frozen=True, slots=True)
class Refused:
    """A model that cannot be served as asked."""

    model: str
    why: str
    nearest: str
    """What can be, in the terms of what was asked."""
    runs: bool
    """Whether it runs at all on the accelerators there are: then only a target or the budget is missed."""


def beyond_its_context(name: str, context: int, *, most: int) -> Refused:
    """A request that is longer than the model was made for."""
    why = f"a context of {context} tokens is beyond the {most} that it was made for"
    return Refused(name, why, f"a context of {most} tokens", runs=False)


def too_large(name: str, questions: Sequence[Question], shorter: Sequence[Question]) -> Refused:
    """A model that no layout holds; `shorter` asks the same with the shortest context that a request allows."""
    asked = max(questions, key=lambda one: one.pool.count * one.pool.accelerator.memory_gib)
    room = [way for one in shorter for way in ways_of(one)]
    if room:
        return _too_long(name, asked, room)
    small = [sized for one in questions for sized in held(one)]
    why = _over_small_nodes(small[0]) if small else _unfit(asked)
    return Refused(name, why, _larger(asked), runs=False)


def _over_small_nodes(sized: Sized) -> str:
    """That no object gets what would do: it is over nodes of another size than is planned with."""
    pool = sized.question.pool
    return (
        f"it takes {remedies.placed(sized.layout, pool.product)}, and nodes of {max(pool.accelerator.node_gpus)} are "
        "planned with for a product that an object names"
    )


def _unfit(asked: Question) -> str:
    """What the accelerators cannot or do not hold."""
    refusal = quantization.engine_refusal(asked)
    if refusal is not None:
        return refusal
    try:
        found = remedies.shortage(asked)
    except CannotRunError as error:
        return error.message.partition(";")[0]
    if found is None:
        return "there are no accelerators"
    setting = found.setting
    count = setting.layout.accelerators
    return (
        f"in {setting.scheme.name} each of {count} x {asked.pool.product} needs {gib(found.needed)} for weights and one "
        f"request of {found.tokens} tokens, and {gib(found.usable)} may be used"
    )


def _larger(asked: Question) -> str:
    """More of the same product, and another one where these would be on several nodes."""
    same = remedies.enough(asked, smallest)
    found = [] if same is None else [remedies.placed(same, asked.pool.product)]
    if same is None or same.nodes > 1:
        others = remedies.enough_of_others(asked, smallest)
        found += [f"{other} on one node" for other in others[:1]]
    return " or ".join(found) or NOTHING


def _too_long(name: str, asked: Question, room: Sequence[Way]) -> Refused:
    """It fits, but no request of this length does."""
    longest = max(room, key=_longest_request)
    context = asked.overrides.context_tokens
    why = f"the cache of no layout holds one request of {context} tokens"
    nearest = f"a context of {_longest_request(longest)} tokens on {longest}"
    return Refused(name, why, nearest, runs=True)


def _longest_request(way: Way) -> int:
    return min(way.sized.question.model.context_tokens, memory.cache_tokens(way.sized.setting, 1))


def short_of(name: str, ways: Sequence[Way], wish: Wish) -> Refused:
    """A model that runs, but in no way that comes up to all of what is asked; of several nodes only where one does not do."""
    left = [way for way in ways if way.sized.layout.nodes == 1] or list(ways)
    for check in CHECKS:
        passing = [way for way in left if check(way, wish)]
        if not passing:
            why, nearest = _missed(check, left, wish)
            return Refused(name, why, nearest, runs=True)
        left = passing
    raise ValueError(f"{name} comes up to everything that is asked")


def _missed(check: Check, ways: Sequence[Way], wish: Wish) -> tuple[str, str]:
    if check is is_on_time:
        return _late(ways, wish)
    if check is has_accelerators:
        return _too_few(ways, wish)
    return _too_dear(ways, wish)


def _late(ways: Sequence[Way], wish: Wish) -> tuple[str, str]:
    fastest = min(
        ways, key=lambda way: max(found / target for _, found, target in _timed(way, wish))
    )
    late = [
        f"{1000 * found:.0f} ms {name}, and {1000 * target:g} ms are asked for"
        for name, found, target in _timed(fastest, wish)
        if found > target
    ]
    times = ", ".join(f"{1000 * found:.0f} ms {name}" for name, found, _ in _timed(fastest, wish))
    return "; ".join(late), f"{times} on {fastest}"


def _timed(way: Way, wish: Wish) -> list[tuple[str, float, float]]:
    """What has a target: in words, seconds that it takes, and that it may take."""
    pace, load = way.sized.pace, wish.workload
    pairs = (
        ("a token", pace.time_per_output_token, load.time_per_output_token),
        ("to the first token", pace.time_to_first_token, load.time_to_first_token),
    )
    return [(name, found, target) for name, found, target in pairs if target is not None]


def _too_few(ways: Sequence[Way], wish: Wish) -> tuple[str, str]:
    least = min(ways, key=lambda way: way.fleet.accelerators)
    most = max(ways, key=_planned_rate)
    why = (
        f"{wish.workload.requests_per_second:g} requests/s need {least.fleet.accelerators} x {least.pool.product}, and "
        f"there are {least.pool.count} in nodes of {least.pool.node_size}"
    )
    return why, f"{_planned_rate(most):.3g} requests/s with {_replicas(most.fleet.there)} of {most}"


def _planned_rate(way: Way) -> float:
    """Requests a second of all replicas that there is room for, of which a part is planned with."""
    return way.fleet.there * way.sized.pace.requests_per_second * TARGET_UTILIZATION


def _too_dear(ways: Sequence[Way], wish: Wish) -> tuple[str, str]:
    cheapest = min(ways, key=lambda way: (way.fleet.per_hour, way.fleet.per_million))
    fleet = cheapest.fleet
    why = f"${fleet.per_hour:,.2f} an hour at least, and ${wish.budget:,.2f} may be spent"
    return why, f"${fleet.per_hour:,.2f} an hour for {_replicas(fleet.replicas)} of {cheapest}"


def _replicas(count: int) -> str:
    return f"{count} replica{'s' if count > 1 else ''}"
