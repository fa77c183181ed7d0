"""decide(): the number of replicas, from what is asked for, seen and remembered. Pure.

More at once, by a forecast of when they will be warm; fewer only after a while in which fewer were enough, one step at
a time, and never without figures. Within a tenth of what is needed nothing changes.
"""

import math
from dataclasses import replace
from datetime import timedelta

from deepseek_operator.autoscaling import needs, seeing, sleep
from deepseek_operator.autoscaling.needs import Need, Sight
from deepseek_operator.autoscaling.scene import PERIOD, SILENCE, Aim, Load, Scene, State

TOLERANCE = 0.1
"""Part by which what is needed may differ from what there is."""

_MOST_MORE = 4
"""Replicas that one decision adds, or as many as there are: figures of one moment may be wrong."""
_STEP_PART = 10
"""One of so many goes at a time, at least one."""
STEP = timedelta(seconds=60)
"""Least time from one change to a replica that goes."""

_SILENT = "no engine tells its figures"
_NOTHING = "engines tell nothing that replicas are counted by"


def decide(before: State | None, scene: Scene, aim: Aim) -> State:
    """The next state; the same one until it is time for a decision, but for bounds that were changed."""
    if before is None:
        return _begun(scene, aim)
    before = _within_bounds(before, scene, aim)
    if not before.replicas:
        return sleep.asleep(before, scene, aim)
    if timedelta(0) <= scene.now - before.at < PERIOD:
        return before
    load, why = scene.load, _unseen(scene.load)
    if load is None or why:
        return _blind(before, scene, why)
    return _by_figures(before, load, scene, aim)


def _by_figures(before: State, load: Load, scene: Scene, aim: Aim) -> State:
    state = sleep.watched(seeing.seen(before, load, scene, aim), load, scene)
    if sleep.is_due(state, scene, aim):
        return sleep.begun(state, scene)
    sight = Sight(state, load, scene, aim, seeing.growth(state))
    need = needs.strongest(sight)
    if need is None:
        return replace(state, need=0.0, held=_NOTHING)
    state = _noted(state, need)
    decided = _more(state, sight, need) or _fewer(state, sight, need)
    following = seeing.with_ceiling(decided, is_late=needs.is_late(state))
    return seeing.learned(following)


def _unseen(load: Load | None) -> str:
    """Why nothing can be decided by it; empty: it can."""
    if load is None or load.silent >= load.ready > 0:
        return _SILENT
    if not load.ready:
        return "no replica answers yet"
    return "" if load.tells else _NOTHING


def _begun(scene: Scene, aim: Aim) -> State:
    replicas = _bounded(scene.present or aim.least, aim)
    said = f"begins with {replicas}"
    return State(replicas, "Started", said, since=scene.now, at=scene.now)


def _bounded(number: int, aim: Aim) -> int:
    return max(aim.least, min(number, aim.most))


def _within_bounds(state: State, scene: Scene, aim: Aim) -> State:
    """What the object says holds at once, but that a rollout keeps what it has, and that none may be none."""
    if not state.replicas and aim.sleep is not None:
        return state
    number = _bounded(state.replicas, aim)
    if number == state.replicas or (scene.run and number < state.replicas):
        return state
    said = f"autoscaling.min is {aim.least} and autoscaling.max is {aim.most}"
    return state.to(number, "Bounds", said, now=scene.now)


def _blind(before: State, scene: Scene, why: str) -> State:
    """Nothing changes; the time stays that of the last figures, which once this has lasted are of another time."""
    if scene.now - before.at <= SILENCE:
        return replace(before, held=why, idle_since=None)
    return replace(before, samples=(), in_flight=None, held=why, idle_since=None)


def _noted(state: State, need: Need) -> State:
    *earlier, last = state.samples
    return replace(state, need=need.replicas, samples=(*earlier, replace(last, need=need.replicas)))


def _more(state: State, sight: Sight, need: Need) -> State | None:
    """As many as are needed, where that is clearly more."""
    there, aim = state.replicas, sight.aim
    if need.replicas <= there * (1 + TOLERANCE):
        return None
    wanted = _bounded(min(math.ceil(need.replicas), max(2 * there, there + _MOST_MORE)), aim)
    if wanted <= there:
        return replace(state, held=f"autoscaling.max is {aim.most}: {need.said}")
    if sight.scene.is_unplaced:
        return replace(state, held=f"a pod finds no node, so no more are asked for: {need.said}")
    return state.to(wanted, need.reason, need.said, now=sight.scene.now)


def _fewer(state: State, sight: Sight, need: Need) -> State:
    """One step fewer, where that was enough for a while."""
    there, now = state.replicas, sight.scene.now
    worst = max(one.need for one in state.last(sight.aim.delay, now=now))
    enough = _bounded(math.ceil(worst / (1 - TOLERANCE)), sight.aim)
    if enough >= there:
        return replace(state, held="")
    why = _kept_back(state, sight)
    if why:
        return replace(state, held=f"{enough} would be enough: {why}")
    if now - state.since < STEP or sight.scene.is_leaving:
        return replace(state, held="")
    wanted = max(enough, there - max(1, there // _STEP_PART))
    minutes = sight.aim.delay.total_seconds() / 60
    said = f"at most {worst:.1f} were needed in the last {minutes:g} minutes"
    return state.to(wanted, "Spare", f"{said}; now {need.said}", now=now)


def _kept_back(state: State, sight: Sight) -> str:
    """Why none is let go; empty: nothing keeps them."""
    scene, delay = sight.scene, sight.aim.delay
    if scene.run:
        return f"rollout {scene.run} is under way"
    if sight.load.silent:
        return f"{sight.load.silent} of {sight.load.ready} engines do not tell their figures"
    if needs.is_starting(sight):
        return f"only {sight.load.ready} of {state.replicas} replicas answer yet"
    if not needs.can_tell_enough(sight):
        return "engines do not tell how full they are"
    if state.samples[0].at > scene.now - delay + PERIOD:
        return (
            f"figures of {delay.total_seconds() / 60:g} minutes are looked at, and there are fewer"
        )
    return ""
