"""No replica while nobody asks: when the last one goes, and what brings one back (docs/decisions/0042). Pure.

The last replica goes only after all that is known said for the whole delay that nobody asks: its engine, and the gateways.
It comes back with the first request, or as soon as something else needs one, as a rollout does.
"""

import math
from dataclasses import replace
from datetime import datetime, timedelta

from deepseek_operator.autoscaling import seeing
from deepseek_operator.autoscaling.scene import Aim, Load, Scene, State

_MOST_AT_ONCE = 4
"""Replicas for requests that wait: they came while nobody was there, and say little of what comes."""


def watched(state: State, load: Load, scene: Scene) -> State:
    """With since when nobody has asked."""
    if not _is_quiet(load, scene):
        return replace(state, idle_since=None)
    return state if state.idle_since is not None else replace(state, idle_since=scene.now)


def _is_quiet(load: Load, scene: Scene) -> bool:
    """Whether all say that nobody asks: what is not told is not nothing."""
    if load.silent or scene.through != 0 or scene.asks.held:
        return False
    told = [figure for figure in (load.running, load.waiting, load.finished) if figure is not None]
    return bool(told) and not any(told)


def is_due(state: State, scene: Scene, aim: Aim) -> bool:
    """Whether the last replica may go."""
    if aim.sleep is None or scene.run or scene.needed or state.idle_since is None:
        return False
    return scene.now - state.idle_since >= aim.sleep


def begun(state: State, scene: Scene) -> State:
    """None from now on; what was learned of a replica is kept."""
    idle = scene.now - (state.idle_since or scene.now)
    said = f"nobody has asked for {_minutes(idle)} minutes"
    resting = replace(state, samples=(), in_flight=None, ready=0, ready_since=None, need=0.0)
    return replace(resting, idle_since=None).to(0, "Idle", said, now=scene.now)


def asleep(state: State, scene: Scene, aim: Aim) -> State:
    """The same while nobody asks, so that nothing is written; else replicas again, at once."""
    asks, now = scene.asks, scene.now
    if scene.needed:
        return _woken(state, aim.least, now=now, reason="Rollout", said=scene.needed)
    if asks.held:
        count = f"{asks.held} requests wait" if asks.held > 1 else "a request waits"
        said = f"{count} at the gateway, and no replica is there"
        return _woken(state, _needed(scene, aim), now=now, reason="Asked", said=said)
    if asks.last is not None and asks.last > state.since:
        said = "somebody has asked, and no replica is there"
        return _woken(state, aim.least, now=now, reason="Asked", said=said)
    return state


def _needed(scene: Scene, aim: Aim) -> int:
    """Replicas that compute at once what waits, as far as it is known how many one does."""
    each = scene.replica.sequences
    number = math.ceil(scene.asks.held / (each * seeing.FILLED)) if each else 1
    return max(aim.least, min(number, _MOST_AT_ONCE, aim.most))


def _woken(state: State, number: int, *, now: datetime, reason: str, said: str) -> State:
    return replace(state.to(number, reason, said, now=now), at=now, need=float(number))


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.0f}"
