"""From a wish to models: those that come up to it, best first, and the others with what is missed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from deepseek_operator.advice import ranking, refusals, wishes
from deepseek_operator.advice.ranking import Place
from deepseek_operator.advice.refusals import Refused
from deepseek_operator.advice.tasks import BENCHMARKS
from deepseek_operator.advice.wishes import CHECKS, Way, Wish
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.catalog.engines import EngineVersion
from deepseek_operator.sizing.size import LEAST_CACHE_TOKENS
from deepseek_operator.sizing.terms import Workload


class Ending(IntEnum):
    """How advice ends, as an exit code; 2 is argparse's."""

    ADVISED = 0
    NONE_RUNS = 1
    """No model runs on these accelerators at all."""
    NONE_AS_ASKED = 3
    """Some would run, but beyond a target or the budget, or with more accelerators."""


@dataclass(frozen=True, slots=True)
class Advised:
    """A model that can be served as asked, and how."""

    place: Place
    way: Way
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """Every model of the catalog is in it once."""

    wish: Wish
    advised: tuple[Advised, ...]
    """Best first."""
    refused: tuple[Refused, ...]
    notes: tuple[str, ...]

    @property
    def ending(self) -> Ending:
        """Whether there is something to advise."""
        if self.advised:
            return Ending.ADVISED
        runs = any(refused.runs for refused in self.refused)
        return Ending.NONE_AS_ASKED if runs else Ending.NONE_RUNS


def least_context(workload: Workload) -> int:
    """Tokens of the longest request where nothing is said of it: below that a cache is not worth its weights."""
    return max(workload.tokens, LEAST_CACHE_TOKENS)


def advise(wish: Wish, known: Catalog, engine: EngineVersion) -> Advice:
    """Every model of the catalog, served by this engine."""
    advised: list[Advised] = []
    refused: list[Refused] = []
    for place in ranking.ranked(known.models, wish.task):
        found = _served(place, wish, known, engine)
        if isinstance(found, Refused):
            refused.append(found)
        else:
            advised.append(Advised(place, found, _reasons(place, found)))
    return Advice(wish, tuple(advised), tuple(refused), _notes(advised, wish, known))


def _served(place: Place, wish: Wish, known: Catalog, engine: EngineVersion) -> Way | Refused:
    """How a model is served best, or what is missed."""
    name, most = place.model, known.models[place.model].context_tokens
    if wish.context_tokens > most:
        return refusals.beyond_its_context(name, wish.context_tokens, most=most)
    asked, shorter = (
        [
            wishes.question(name, pool, known=known, engine=engine, wish=wish, context=context)
            for pool in wish.pools
        ]
        for context in (wish.context_tokens, wish.workload.tokens)
    )
    ways = [way for question in asked for way in wishes.ways_of(question)]
    if not ways:
        return refusals.too_large(name, asked, shorter)
    passing = [way for way in ways if all(check(way, wish) for check in CHECKS)]
    if not passing:
        return refusals.short_of(name, ways, wish)
    best = wishes.best(passing)
    return replace(best, gives_way=best.choice > min(way.choice for way in ways))


def _reasons(place: Place, way: Way) -> tuple[str, ...]:
    """Why it stands there, and why it is served so."""
    fleet, nodes = way.fleet, way.sized.layout.nodes
    found = [place.why, _form(place, way)]
    if way.sized.question.workload.requests_per_second is not None:
        found.append(f"replicas {fleet.replicas}: {fleet.why}")
    if nodes > 1:
        found.append(
            f"a replica is a group of {nodes} nodes, and needs LeaderWorkerSet in the cluster"
        )
    return tuple(found)


def _form(place: Place, way: Way) -> str:
    """The form of the weights, why it is, and whether the figures are of it."""
    scheme, model = way.sized.setting.scheme, way.sized.question.model
    why = scheme.why
    if way.gives_way:
        where = " on one node" if way.sized.layout.nodes == 1 else ""
        why = f"no better form of the weights comes up to what is asked{where}"
    source = f", from {scheme.checkpoint}" if scheme.checkpoint else ""
    other = scheme.name not in ("none", model.dtype) and bool(place.figures)
    warned = "; figures are of the published weights, not of this form" if other else ""
    return f"{scheme.name}: {why}{source}{warned}"


def _notes(advised: Sequence[Advised], wish: Wish, known: Catalog) -> tuple[str, ...]:
    """What is to be known of the figures."""
    first = BENCHMARKS[wish.task][0]
    problems = {
        figure.problems for one in advised if (figure := one.place.figures.get(first)) is not None
    }
    notes = []
    if len(problems) > 1:
        notes.append(f"the figures of {first} are not all of the same problems: compare with care")
    if any(known.models[one.place.model].reasoning_parser for one in advised):
        notes.append(
            "models that think write their thoughts as output tokens, DeepSeek-R1 12,000 and DeepSeek-R1-0528 23,000 a "
            "question of AIME on average (deepseek-ai/DeepSeek-R1-0528 model card, section 1): say how many yours write"
        )
    return tuple(notes)
