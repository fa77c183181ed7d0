"""What keeps a run where it is. Pure."""

import math
from dataclasses import replace
from datetime import datetime

from deepseek_operator.rollout.run import COMPARED, Cause, Facts, Hold, Phase, Rollout, Run
from deepseek_operator.rollout.scene import Scene, elapsed


def held(scene: Scene) -> Rollout | None:
    """Held while there is a reason, and on from where it was once there is none."""
    run, found = scene.run, _reason_to_hold(scene)
    if run.phase not in COMPARED and run.phase is not Phase.STARTING:
        return None
    if found is None:
        if run.hold is None:
            return None
        back_to = run.hold.phase
        return scene.to(back_to, Cause.COMPARING, f"goes on after {run.hold.cause}")
    cause, said = found
    if run.hold is not None and run.hold.cause is cause:
        return replace(scene.rollout, run=replace(run, said=said))
    since = run.hold.since if run.hold else scene.now
    phase = run.hold.phase if run.hold else run.phase
    return scene.to(Phase.HELD, cause, said, hold=Hold(cause, since, phase))


def _reason_to_hold(scene: Scene) -> tuple[Cause, str] | None:
    facts = scene.facts
    if facts.paused:
        return Cause.PAUSED, "spec.rollout.paused is true"
    if facts.target is None:
        return Cause.SPEC_NOT_SERVABLE, "the spec cannot be served as it is"
    phase = scene.run.hold.phase if scene.run.hold else scene.run.phase
    return _unlearned(scene) if phase is Phase.STARTING else _reason_in_traffic(scene)


def _unlearned(scene: Scene) -> tuple[Cause, str] | None:
    """Its pods are there, and what they are to be compared with is not."""
    run, facts = scene.run, scene.facts
    if not run.has_to_learn or facts.metrics is not None:
        return None
    if facts.candidate.ready < max(1, facts.candidate.wanted):
        return None
    return _silent(scene, since=run.last_data or run.started)


def _reason_in_traffic(scene: Scene) -> tuple[Cause, str] | None:
    """Once users' requests reach the candidate."""
    run, facts = scene.run, scene.facts
    if facts.stable.ready < facts.stable.wanted:
        return (
            Cause.STABLE_SHORT,
            f"{facts.stable.ready} of {facts.stable.wanted} pods of the stable revision are ready",
        )
    if (run.hold.phase if run.hold else run.phase) is Phase.SHIFTING:
        return _unacknowledged(scene)
    silent = _silent(scene, since=run.last_data or run.step_since or run.since)
    return silent or _unverified(run, facts)


def _silent(scene: Scene, *, since: datetime) -> tuple[Cause, str] | None:
    if elapsed(since, scene.now) <= scene.run.plan.limits.silence:
        return None
    said = f"there are no figures since {since:%H:%M:%S}"
    return Cause.NO_DATA, f"{said}: {scene.facts.unseen}".removesuffix(": ")


def _unacknowledged(scene: Scene) -> tuple[Cause, str] | None:
    run = scene.run
    if scene.facts.acknowledged == run.weight:
        return None
    if run.hold is None and elapsed(run.since, scene.now) <= run.plan.limits.acknowledge:
        return None
    return Cause.NOT_ACKNOWLEDGED, f"not every gateway has taken up {run.weight} %"


def _unverified(run: Run, facts: Facts) -> tuple[Cause, str] | None:
    """The share that was seen is within two points, or four standard deviations, of what was asked for."""
    candidate, total = facts.share
    if not total:
        return None
    seen, weight = 100 * candidate / total, run.weight
    tolerated = max(2.0, 4 * math.sqrt(weight * (100 - weight) / total))
    if abs(seen - weight) <= tolerated:
        return None
    return Cause.UNVERIFIED, f"{seen:.1f} % of {total} requests reached it instead of {weight} %"
