"""What gateways and engines counted of a run's two revisions, in stretches of time. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from deepseek_operator import sight
from deepseek_operator.observed import Observed
from deepseek_operator.rollout import counting, engine_counts, mirroring, quality, stretches
from deepseek_operator.rollout.facts import Figures
from deepseek_operator.rollout.record import Record
from deepseek_operator.rollout.run import Run

_SETTLE = timedelta(seconds=15)
"""After an examination: what an engine said last may be of before its end for so long."""


def stretch(
    kept: Record, observed: Observed, *, now: datetime
) -> tuple[stretches.Reading | None, Figures | None]:
    """The reading that the next stretch begins from, and the figures of one that ends now; neither without a run."""
    run = kept.rollout.run
    if run is None or run.is_over:
        return None, None
    reading = _reading(run, observed, now=now)
    before = mirroring.begun(run, kept.base)
    base, figures = stretches.stretch(
        before,
        reading,
        candidate=run.candidate,
        stable=run.stable,
        counted=mirroring.counted(run),
        users=counting.users(before),
    )
    if run.settled is not None and base.at < run.settled <= reading.at:
        # What of it is of before is no evidence, and what comes from now on is not to wait for its end.
        base = reading
    return base, mirroring.figures(run, figures)


def _reading(run: Run, observed: Observed, *, now: datetime) -> stretches.Reading:
    """What gateways counted of the run's two revisions, and what their engines did of the metrics that it compares."""
    is_told_twice = sight.counted_by_engines(run.plan.metrics)
    found = counting.reading(() if is_told_twice else observed.gateways, at=now)
    compared = (run.candidate, run.stable)
    found = stretches.of_revisions(found, compared)
    if quality.is_disturbing(run, now=now, settle=_SETTLE):
        # Sources that are left out now are read anew later: what was asked meanwhile is no user's request.
        return found
    engines = [engine for engine in observed.told if engine.revision in compared]
    told = engine_counts.sources(engines, run.plan.metrics)
    return replace(found, sources={**found.sources, **told})
