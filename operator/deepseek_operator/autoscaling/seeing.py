"""What was seen, kept for the decisions to come: samples, and what a replica has shown to do. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from statistics import fmean

from deepseek_operator.autoscaling.scene import PERIOD, SILENCE, Aim, Load, Sample, Scene, State

FILLED = 0.75
"""Part of the requests at once that replicas are planned with: what comes in bursts needs the rest."""

KEPT = timedelta(minutes=31)
"""How long samples are kept."""

SMOOTHED = timedelta(seconds=60)
"""What comes and goes within it is noise."""

QUEUED = timedelta(minutes=5)
"""After a queue answers may be late for so long because of it."""

USUAL_WARM_SECONDS = 300.0
"""Of a pod until one was seen to get warm."""

_LONGEST_WARM = 900.0
"""A forecast over a longer time is a guess."""

_BUSY_ENOUGH = 0.5
"""Part of the replicas that has to be busy for their pace to say something: answers are faster beside few others."""
_STEADY = 0.2
"""Part by which requests that come and that end may differ for it."""
_LEARNS = 0.05
"""Part of what was seen last in what is known: about five minutes."""
_FORGETS_PER_HOUR = 0.25
"""By which a ceiling rises again: requests change."""

_TREND_LEAST, _TREND_MOST = timedelta(minutes=10), timedelta(minutes=30)
_TREND_SAMPLES = 8
"""Of the older half of the time that a trend is read from."""
_NO_TREND = 0.05
"""Part by which requests have to have grown to be growing."""
_MOST_GROWTH = 2.0


def mean(values: Iterable[float | None]) -> float | None:
    """Of those that are known; None where none is."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def is_full(load: Load, aim: Aim) -> bool:
    """Whether more requests wait than may."""
    return load.waiting is not None and load.waiting > aim.queue * load.ready


def busy(load: Load, scene: Scene, aim: Aim) -> float | None:
    """Replicas that what runs would fill as far as they may be filled; None where nobody tells."""
    parts = []
    if load.cache_use is not None:
        parts.append(load.ready * load.cache_use / aim.cache_use)
    if load.running is not None and scene.replica.sequences:
        parts.append(load.running / (scene.replica.sequences * FILLED))
    return max(parts, default=None)


def flow(load: Load, before: State, scene: Scene) -> float | None:
    """Requests a second that came since the last decision: those that ended, and by how many more are in flight."""
    if load.finished is None:
        return load.in_flight
    if load.in_flight is None or before.in_flight is None or not before.samples:
        return load.finished
    seconds = (scene.now - before.at).total_seconds()
    return max(0.0, load.finished + (load.in_flight - before.in_flight) / seconds)


def seen(before: State, load: Load, scene: Scene, aim: Aim) -> State:
    """The state with a sample more, its need not yet known; begun anew after a time without figures."""
    elapsed = scene.now - before.at
    if not timedelta(0) <= elapsed <= SILENCE:
        before = replace(before, samples=(), in_flight=None)
    sample = Sample(
        at=scene.now,
        flow=flow(load, before, scene),
        finished=load.finished,
        busy=busy(load, scene, aim),
        need=0.0,
        is_full=is_full(load, aim),
        first_tokens=load.first_tokens,
        late=load.late,
    )
    is_same = load.ready == before.ready and before.ready_since is not None
    return replace(
        before,
        at=scene.now,
        samples=(*before.last(KEPT, now=scene.now), sample),
        in_flight=load.in_flight,
        ready=load.ready,
        ready_since=before.ready_since if is_same else scene.now,
        warm_seconds=scene.warm_seconds or before.warm_seconds,
    )


def horizon(state: State) -> timedelta:
    """From a decision to the first user of the pod that comes of it."""
    warm = USUAL_WARM_SECONDS if state.warm_seconds is None else state.warm_seconds
    return timedelta(seconds=min(warm, _LONGEST_WARM)) + PERIOD


def growth(state: State) -> float:
    """How many times as many requests come once a pod that is asked for now is warm; 1 where they do not grow.

    As they grew over a short time and over a long one, whichever is less: a burst is no trend.
    """
    ahead = horizon(state)
    short = min(max(2 * ahead, _TREND_LEAST), _TREND_MOST)
    found = [_growth_over(state, span, ahead=ahead) for span in (short, _TREND_MOST)]
    return min((one for one in found if one is not None), default=1.0)


def _growth_over(state: State, span: timedelta, *, ahead: timedelta) -> float | None:
    """By the means of two halves of the time; None where too little of it was seen."""
    now = state.samples[-1].at
    middle = now - span / 2
    flows = [(one.at, one.flow) for one in state.last(span, now=now) if one.flow is not None]
    older = [value for at, value in flows if at <= middle]
    recent = [value for at, value in flows if at > middle]
    if len(older) < _TREND_SAMPLES or not recent or fmean(recent) <= 0:
        return None
    grown = 1 - (1 + _NO_TREND) * fmean(older) / fmean(recent)
    return min(1.0 + max(0.0, grown) * (ahead / (span / 2)), _MOST_GROWTH)


def learned(state: State) -> State:
    """What the replicas have shown to do, from the last minute; for the next decision, not for this one."""
    now = state.samples[-1].at
    minute = state.last(SMOOTHED, now=now)
    came, ended = mean(one.flow for one in minute), mean(one.finished for one in minute)
    filled = mean(one.busy for one in minute)
    if not came or not ended or not filled or len(minute) < SMOOTHED // PERIOD:
        return state
    is_steady = abs(came - ended) <= _STEADY * came or all(one.is_full for one in minute)
    if not is_steady or filled < _BUSY_ENOUGH * state.ready:
        return state
    found = ended / filled
    pace = found if state.pace is None else state.pace + _LEARNS * (found - state.pace)
    return replace(state, pace=pace)


def with_ceiling(state: State, *, is_late: bool) -> State:
    """Remembered while answers begin too late without a queue; forgotten little by little, or once more is done in time."""
    minute = state.last(SMOOTHED, now=state.at)
    ended = mean(one.finished for one in minute)
    if not ended or not state.ready:
        return state
    each = ended / state.ready
    if is_late:
        # Of a queue that is caught up with answers are late whatever a replica can do.
        if any(one.is_full for one in state.last(QUEUED, now=state.at)):
            return state
        return replace(state, ceiling=each if state.ceiling is None else min(state.ceiling, each))
    if state.ceiling is None:
        return state
    risen = state.ceiling * (1 + _FORGETS_PER_HOUR * (PERIOD / timedelta(hours=1)))
    # Once it is far above what is done it says nothing any more.
    return replace(state, ceiling=None if risen > 10 * each else max(risen, each))
