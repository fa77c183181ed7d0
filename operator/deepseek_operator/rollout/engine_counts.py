"""From what engines tell of themselves to outcomes of a metric. Pure.

An engine counts since its process started, of all requests that reached it: its warm-up is over before it
serves, and what it did until then stands on both sides of a difference.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

from deepseek_operator.engines import figures as tellings
from deepseek_operator.engines.figures import Engine, EngineFigures, Histogram
from deepseek_operator.rollout import mix
from deepseek_operator.rollout.evidence import Metric, Outcomes
from deepseek_operator.rollout.stretches import Counter, Counts


class Measure(StrEnum):
    """What is measured by engines: the names in `spec.rollout.analysis`, what gateways count where there are any, and
    how long requests are.
    """

    ERRORS = "errors"
    REJECTIONS = "rejections"
    FIRST_TOKEN = "timeToFirstToken"  # noqa: S105 - no password
    PER_OUTPUT_TOKEN = "timePerOutputToken"  # noqa: S105
    TRUNCATED = "truncated"
    EMPTY = "empty"
    PREEMPTIONS = "preemptions"
    LONG_PROMPTS = mix.NAME


NEEDED: Mapping[Measure, frozenset[str]] = {
    Measure.FIRST_TOKEN: frozenset({"first_token"}),
    Measure.PER_OUTPUT_TOKEN: frozenset({"per_output_token"}),
    Measure.TRUNCATED: frozenset({"finished"}),
    Measure.EMPTY: frozenset({"generated"}),
    Measure.PREEMPTIONS: frozenset({"preemptions", "finished"}),
    Measure.ERRORS: frozenset({"answered"}),
    Measure.REJECTIONS: frozenset({"answered"}),
    Measure.LONG_PROMPTS: frozenset({"asked"}),
}
"""The figures of an engine (EngineFigures) that each is made of."""

ANSWERS = (
    Measure.FIRST_TOKEN,
    Measure.PER_OUTPUT_TOKEN,
    Measure.TRUNCATED,
    Measure.EMPTY,
    Measure.PREEMPTIONS,
)
"""What engines alone can tell; the names in `spec.rollout.analysis`."""

_WHOLE = frozenset({"stop"})
_CUT_SHORT = frozenset({"length", "repetition"})
"""What ends an answer; whoever went away or met an error is counted by gateways."""

_EMPTY_TOKENS = 1.0
"""A model that stops at once has generated the token that says so."""


def sources(engines: Iterable[Engine], metrics: Iterable[Metric]) -> dict[str, Counts]:
    """The counters of all engines that serve and told every one of the metrics; others are not there."""
    wanted = [metric for metric in metrics if metric.measure]
    if not wanted or any(metric.learns for metric in wanted):
        return {}
    found = {}
    for engine in engines:
        counts = _counts(engine, wanted)
        if counts is not None:
            found[engine.source] = counts
    return found


def _counts(engine: Engine, metrics: Iterable[Metric]) -> Counts | None:
    if not engine.is_ready or engine.figures is None:
        return None
    counts = {}
    for metric in metrics:
        outcomes = outcomes_of(engine.figures, metric.measure, metric.limit)
        if outcomes is None:
            return None
        counts[Counter(engine.revision, metric.name)] = outcomes
    return counts


def missing(
    engines: Iterable[Engine], metrics: Iterable[Metric], revisions: Iterable[str | None]
) -> str | None:
    """Whose figures are not there, in words; None where every engine that serves told everything.

    What an engine never had is missing as well: a metric is asked of engines that promise it.
    """
    wanted = [metric for metric in metrics if metric.measure]
    if not wanted:
        return None
    serving = [engine for engine in engines if engine.is_ready]
    for revision in revisions:
        of_revision = [engine for engine in serving if engine.revision == revision]
        if revision is not None and not of_revision:
            return f"no engine of revision {revision} has told its figures"
        for engine in of_revision:
            said = _silence(engine, wanted)
            if said is not None:
                return said
    return None


def _silence(engine: Engine, metrics: Iterable[Metric]) -> str | None:
    if engine.figures is None:
        return f"the engine of pod {engine.pod} does not answer with its figures"
    for metric in metrics:
        limit = metric.limit if not metric.learns else None
        if outcomes_of(engine.figures, metric.measure, limit) is None:
            return f"the engine of pod {engine.pod} does not tell {metric.measure}"
    return None


def outcomes_of(figures: EngineFigures, measure: str, limit: float | None) -> Outcomes | None:
    """What one engine did since it started; None where it does not say. Without a limit nothing is late."""
    return _OUTCOMES[Measure(measure)](figures, limit)


def _late(histogram: Histogram | None, limit: float | None) -> Outcomes | None:
    if histogram is None:
        return None
    late = 0 if limit is None else tellings.above(histogram, limit)
    return None if late is None else Outcomes(tellings.total(histogram), late)


def _first_token(figures: EngineFigures, limit: float | None) -> Outcomes | None:
    return _late(figures.first_token, limit)


def _per_output_token(figures: EngineFigures, limit: float | None) -> Outcomes | None:
    return _late(figures.per_output_token, limit)


def _truncated(figures: EngineFigures, _: float | None) -> Outcomes | None:
    if figures.finished is None:
        return None
    cut = sum(figures.finished.get(reason, 0) for reason in _CUT_SHORT)
    return Outcomes(cut + sum(figures.finished.get(reason, 0) for reason in _WHOLE), cut)


def _empty(figures: EngineFigures, _: float | None) -> Outcomes | None:
    if figures.generated is None or _EMPTY_TOKENS not in figures.generated:
        return None
    return Outcomes(tellings.total(figures.generated), figures.generated[_EMPTY_TOKENS])


def _errors(figures: EngineFigures, _: float | None) -> Outcomes | None:
    """Of requests that were its to answer: those that it answered with a failure of its own."""
    if figures.answered is None:
        return None
    failed = figures.answered.get("5xx", 0)
    return Outcomes(failed + figures.answered.get("2xx", 0), failed)


def _rejections(figures: EngineFigures, _: float | None) -> Outcomes | None:
    """Of all requests: those that it called the client's own fault."""
    if figures.answered is None:
        return None
    return Outcomes(sum(figures.answered.values()), figures.answered.get("4xx", 0))


def _preemptions(figures: EngineFigures, _: float | None) -> Outcomes | None:
    """Each stay of a request in the engine ends with its answer, or because another needs the room."""
    if figures.preemptions is None or figures.finished is None:
        return None
    finished = sum(figures.finished.values())
    return Outcomes(finished + figures.preemptions, figures.preemptions)


def _long(figures: EngineFigures, limit: float | None) -> Outcomes | None:
    """Engines of a shorter context have fewer edges: what is above their last one is long."""
    if figures.asked is None:
        return None
    if limit is None:
        return Outcomes(tellings.total(figures.asked))
    edges = [edge for edge in figures.asked if edge <= limit]
    long = tellings.above(figures.asked, edges[-1]) if edges else tellings.total(figures.asked)
    return Outcomes(tellings.total(figures.asked), long or 0)


_OUTCOMES: Mapping[Measure, Callable[[EngineFigures, float | None], Outcomes | None]] = {
    Measure.ERRORS: _errors,
    Measure.REJECTIONS: _rejections,
    Measure.FIRST_TOKEN: _first_token,
    Measure.PER_OUTPUT_TOKEN: _per_output_token,
    Measure.TRUNCATED: _truncated,
    Measure.EMPTY: _empty,
    Measure.PREEMPTIONS: _preemptions,
    Measure.LONG_PROMPTS: _long,
}
