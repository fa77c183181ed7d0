"""What a run compares, and from where on it is bad. Pure.

Whatever model answers should not fail, reject or say nothing: that is compared always. How long an answer
takes and when it is cut short lies in the nature of a model: it is compared with that of the stable
revision where both are alike, and with limits of the user's own in any case.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from deepseek_operator.api.analysis import Analysis, ShareLimit, TimeLimit, seconds_of_limit
from deepseek_operator.engines import figures as tellings
from deepseek_operator.engines.figures import Engine, Histogram
from deepseek_operator.engines.vllm_figures import FIRST_TOKEN_EDGES, PER_OUTPUT_TOKEN_EDGES
from deepseek_operator.rollout import counting, engine_counts, evidence, mix
from deepseek_operator.rollout.engine_counts import Measure
from deepseek_operator.rollout.evidence import (
    Absolute,
    Alike,
    Bar,
    Both,
    Criterion,
    Metric,
    Outcomes,
    Relative,
)

_FAILURE = (Relative(), Absolute(good=0.0025, bad=0.01))
"""Where hardly any is bad there is nothing to compare, and that is fine by itself."""
_NUISANCE = (Relative(), Absolute(good=0.01, bad=0.04))
"""Of what is no failure a few are fine."""

_EDGES = {
    Measure.FIRST_TOKEN: FIRST_TOKEN_EDGES,
    Measure.PER_OUTPUT_TOKEN: PER_OUTPUT_TOKEN_EDGES,
}
_MIX = Metric(mix.NAME, Alike(), (Alike(),), measure=mix.NAME, learns=True)
_WITHOUT_HISTORY = {Measure.FIRST_TOKEN: 2.5, Measure.PER_OUTPUT_TOKEN: 0.1}
"""Seconds; what is late where the stable revision has not yet had enough requests to learn it from."""

_SLOW_SHARE = 0.1
"""At most one in ten of the stable revision's is late by the limit that is learned."""
_LONG_SHARE = 0.25
"""About one in four of the stable revision's requests is long."""
_LONG_WITHOUT_HISTORY = 1000.0
"""Tokens of a prompt."""
_HISTORY = 100
"""Requests from which something is learned."""
_LEAST_SHARE, _MOST_SHARE = 0.01, 0.35
"""Between these a share that was learned is taken for fine."""
_TIMES_WORSE = 2.5

GATEWAY_METRICS = tuple(
    Metric(name, Relative(), _FAILURE) for name in (counting.ERRORS, counting.REJECTIONS)
)
ENGINE_METRICS = tuple(replace(metric, measure=metric.name) for metric in GATEWAY_METRICS)
"""The same as far as engines see it: a request that reached none of them is nobody's."""


def choose(
    analysis: Analysis,
    *,
    told: frozenset[Measure],
    are_alike: bool,
    same_model: bool,
    has_gateways: bool = True,
) -> tuple[Metric, ...]:
    """The metrics of a run that begins now.

    `told` is what the engines of both revisions promise to tell; they are asked for nothing else. But without
    gateways of ours nobody else counts requests: engines that cannot hold the run then.
    """
    failures = GATEWAY_METRICS if has_gateways else ENGINE_METRICS
    chosen = [_relative(Measure.EMPTY, _FAILURE)]
    always, never = analysis.relative == "Always", analysis.relative == "Never"
    if always or (are_alike and not never):
        chosen += [
            _relative(measure, _NUISANCE, learns=True) for measure in (*_EDGES, Measure.PREEMPTIONS)
        ]
    if always or (same_model and not never):
        chosen.append(_relative(Measure.TRUNCATED, _NUISANCE))
    if any(metric.name in mix.DEPENDENT for metric in chosen):
        chosen.append(_MIX)
    chosen += _limits(analysis)
    return (*failures, *(one for one in chosen if one.measure in told))


def _relative(measure: Measure, accept: tuple[Criterion, ...], *, learns: bool = False) -> Metric:
    return Metric(str(measure), Relative(), accept, measure=str(measure), learns=learns)


def _limits(analysis: Analysis) -> list[Metric]:
    """One of its own for each limit that the user set: met or not, whatever the stable revision does."""
    times = {
        Measure.FIRST_TOKEN: analysis.time_to_first_token,
        Measure.PER_OUTPUT_TOKEN: analysis.time_per_output_token,
    }
    shares = {
        Measure.TRUNCATED: analysis.truncated,
        Measure.EMPTY: analysis.empty,
        Measure.PREEMPTIONS: analysis.preemptions,
    }
    found = [_limit(measure, given) for measure, given in times.items() if given is not None]
    return found + [_limit(measure, one) for measure, one in shares.items() if one is not None]


def _limit(measure: Measure, given: TimeLimit | ShareLimit) -> Metric:
    """Up to the share that the user names is fine, and twice as much is not."""
    fine = given.max_percent / 100
    criterion = Absolute(good=fine, bad=2 * fine)
    limit = None
    if isinstance(given, TimeLimit):
        limit = tellings.edge_for(seconds_of_limit(given.limit), _EDGES[measure])
    return Metric(f"{measure}Limit", criterion, (criterion,), measure=str(measure), limit=limit)


def bar(chosen: Iterable[Metric]) -> Bar:
    """How much evidence is asked for where these are compared: only what may raise the alarm makes it rarer."""
    return evidence.bar(metrics=sum(not isinstance(metric.alarm, Alike) for metric in chosen))


def learned(
    metrics: Iterable[Metric], engines: Sequence[Engine], stable: str
) -> tuple[Metric, ...] | None:
    """The metrics with what the stable revision's engines teach; None while one of them is silent."""
    serving = [engine for engine in engines if engine.revision == stable and engine.is_ready]
    metrics = tuple(metrics)
    if not any(metric.learns for metric in metrics):
        return metrics
    if engine_counts.missing(serving, metrics, [stable]) is not None:
        return None
    return tuple(_taught(metric, serving) if metric.learns else metric for metric in metrics)


def _taught(metric: Metric, engines: Sequence[Engine]) -> Metric:
    """Late is what one in ten of the stable revision's was at most, and bad is to be so more often.

    A candidate has to be worse than the stable revision is now, and than it was when it had all the traffic.
    """
    if metric.measure == Measure.LONG_PROMPTS:
        return replace(metric, limit=_long_from(engines), learns=False)
    limit = None
    if metric.measure in _EDGES:
        limit = _learned_limit(Measure(metric.measure), engines)
    fine = min(_MOST_SHARE, max(_LEAST_SHARE, _past(metric, engines, limit).share))
    usual = Absolute(good=fine, bad=_TIMES_WORSE * fine)
    return replace(
        metric,
        alarm=Both(Relative(), usual),
        accept=(Relative(), usual),
        limit=limit,
        learns=False,
    )


def _past(metric: Metric, engines: Sequence[Engine], limit: float | None) -> Outcomes:
    found = [
        engine_counts.outcomes_of(engine.figures, metric.measure, limit)
        for engine in engines
        if engine.figures is not None
    ]
    return sum((one for one in found if one is not None), start=Outcomes())


def _learned_limit(measure: Measure, engines: Sequence[Engine]) -> float:
    histograms = [one for engine in engines if (one := _histogram(measure, engine)) is not None]
    count = sum(map(tellings.total, histograms))
    if count < _HISTORY:
        return _WITHOUT_HISTORY[measure]
    for edge in _EDGES[measure]:
        late = [tellings.above(histogram, edge) for histogram in histograms]
        # An edge that one of them does not have tells nothing of it.
        if None not in late and sum(one or 0 for one in late) <= _SLOW_SHARE * count:
            return edge
    return _EDGES[measure][-1]


def _long_from(engines: Sequence[Engine]) -> float:
    """Of the edges that all have, the one with about so many above it."""
    found = [engine.figures.asked for engine in engines if engine.figures and engine.figures.asked]
    count = sum(map(tellings.total, found))
    if count < _HISTORY:
        return _LONG_WITHOUT_HISTORY
    shared = set.intersection(*(set(histogram) for histogram in found)) - {math.inf}
    shares = {
        edge: sum(tellings.above(histogram, edge) or 0 for histogram in found) / count
        for edge in sorted(shared)
    }
    # An edge above which there is nothing, or everything, tells no two mixes apart.
    divides = [edge for edge, share in shares.items() if 0 < share < 1]
    return min(
        divides, key=lambda edge: abs(shares[edge] - _LONG_SHARE), default=_LONG_WITHOUT_HISTORY
    )


def _histogram(measure: Measure, engine: Engine) -> Histogram | None:
    if engine.figures is None:
        return None
    figures = engine.figures
    return figures.first_token if measure is Measure.FIRST_TOKEN else figures.per_output_token
