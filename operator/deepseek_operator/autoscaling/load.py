"""What the engines of a revision tell, as the load of its replicas. Pure."""

from collections.abc import Callable, Sequence
from statistics import fmean, median

from deepseek_operator.autoscaling.scene import Load
from deepseek_operator.engines.figures import Engine, EngineFigures, above, edge_for, total

_LONGEST_START = 3600.0
"""A pod that was ready later than that was most likely ready before, and not ready in between."""


def load(engines: Sequence[Engine], *, ready: int, limit: float | None = None) -> Load | None:
    """Of so many replicas that answer, a part of which was asked; None where none of these tells.

    `limit` is the longest that the first token may take, in seconds.
    """
    serving = [one for one in engines if one.is_ready]
    figures = [one.figures for one in serving if one.figures is not None]
    if ready and not figures:
        return None
    times = ready / len(figures) if figures else 0.0
    first_tokens, late = _first_tokens(serving, limit)
    return Load(
        ready=ready,
        silent=min(ready, len(serving) - len(figures)),
        running=_all(figures, lambda one: one.running, times),
        waiting=_all(figures, lambda one: one.waiting, times),
        cache_use=_mean(figures, lambda one: one.cache_use),
        finished=_finished(serving, ready),
        first_tokens=first_tokens,
        late=late,
    )


def warm_seconds(engines: Sequence[Engine]) -> float | None:
    """From a pod's creation to its first user, the median of those that serve; None where that is not known."""
    known = [
        one.ready_after
        for one in engines
        if one.ready_after is not None and one.ready_after <= _LONGEST_START
    ]
    return median(known) if known else None


def _all(
    figures: Sequence[EngineFigures], read: Callable[[EngineFigures], float | None], times: float
) -> float | None:
    found = _mean(figures, read)
    return None if found is None else found * len(figures) * times


def _mean(
    figures: Sequence[EngineFigures], read: Callable[[EngineFigures], float | None]
) -> float | None:
    known = [value for one in figures if (value := read(one)) is not None]
    return fmean(known) if known else None


def _finished(engines: Sequence[Engine], ready: int) -> float | None:
    """Requests a second that ended, of all replicas."""
    rates = [rate for one in engines if (rate := _ended_per_second(one)) is not None]
    return fmean(rates) * ready if rates else None


def _ended_per_second(engine: Engine) -> float | None:
    now, before = engine.figures, engine.earlier
    if now is None or before is None or engine.apart_seconds <= 0:
        return None
    if now.finished is None:
        return None
    ended = sum(now.finished.values()) - sum((before.finished or {}).values())
    return max(0, ended) / engine.apart_seconds


def _first_tokens(engines: Sequence[Engine], limit: float | None) -> tuple[int, int]:
    """Answers that began between the last two pages, and those of them that did so after the limit."""
    found, late = 0, 0
    for one in engines:
        now = one.figures.first_token if one.figures else None
        before = one.earlier.first_token if one.earlier else None
        if limit is None or now is None or before is None or now.keys() != before.keys():
            continue
        edge = edge_for(limit, tuple(now))
        found += max(0, total(now) - total(before))
        late += max(0, (above(now, edge) or 0) - (above(before, edge) or 0))
    return found, late
