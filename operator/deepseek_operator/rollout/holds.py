"""What keeps a run where it is. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from deepseek_operator.rollout import demands, quality
from deepseek_operator.rollout.facts import Facts
from deepseek_operator.rollout.run import COMPARED, FOR_A_PERSON, Cause, Hold, Phase, Rollout, Run
from deepseek_operator.rollout.scene import Scene, elapsed

_GOES_ON = {
    Phase.PREPARING: Cause.PREPARING,
    Phase.AWAITING_APPROVAL: Cause.APPROVAL_NEEDED,
    Phase.STARTING: Cause.CANDIDATE_STARTING,
}


def held(scene: Scene) -> Rollout | None:
    """Held while there is a reason, and on from where it was once there is none."""
    phases = COMPARED | {Phase.STARTING, Phase.MIRRORING}
    if scene.run.phase not in phases:
        return None
    return hold(scene, _reason_to_hold(scene))


def hold(scene: Scene, found: tuple[Cause, str] | None) -> Rollout | None:
    """Held for what was found, if anything was."""
    run = scene.run
    if found is None:
        if run.hold is None:
            return None
        back_to = run.hold.phase
        cause = _GOES_ON.get(back_to, Cause.COMPARING)
        said = f"goes on after {run.hold.cause}"
        return scene.to(back_to, cause, said, paused=_paused(scene))
    cause, said = found
    if run.hold is not None and run.hold.cause is cause:
        # As long as there is nobody to go back to is no time of a hold that goes back.
        is_none = scene.facts.leaves_nobody and cause not in FOR_A_PERSON
        since = scene.now if is_none else run.hold.since
        held = replace(run.hold, since=since)
        return replace(scene.rollout, run=replace(run, said=said, hold=held))
    is_anew = run.hold is None or not FOR_A_PERSON.isdisjoint((run.hold.cause, cause))
    since = scene.now if run.hold is None or is_anew else run.hold.since
    phase = run.hold.phase if run.hold else run.phase
    held = Hold(cause, since, phase)
    return scene.to(Phase.HELD, cause, said, hold=held, paused=_paused(scene))


def _paused(scene: Scene) -> timedelta:
    """How long it was paused, with a pause that ends now; never longer than the run, however clocks jump."""
    run = scene.run
    if run.hold is None or run.hold.cause is not Cause.PAUSED:
        return run.paused
    return run.paused + min(elapsed(run.hold.since, scene.now), max(timedelta(0), scene.spent))


def _reason_to_hold(scene: Scene) -> tuple[Cause, str] | None:
    facts = scene.facts
    if facts.paused:
        return Cause.PAUSED, "spec.rollout.paused is true"
    phase = scene.run.hold.phase if scene.run.hold else scene.run.phase
    is_alone = phase is Phase.STARTING and not facts.stable.wanted
    if facts.target is None and not is_alone:
        return Cause.SPEC_NOT_SERVABLE, "the spec cannot be served as it is"
    found = _unlearned(scene) if phase is Phase.STARTING else _reason_in_traffic(scene)
    return found or quality.unknown(scene)


def _unlearned(scene: Scene) -> tuple[Cause, str] | None:
    """Its pods are there, and what they are to be compared with is not."""
    run, facts = scene.run, scene.facts
    if not run.has_to_learn or facts.metrics is not None or not facts.stable.wanted:
        return None
    if facts.candidate.sure < max(1, facts.candidate.wanted):
        return None
    silent = _silent(scene, since=run.last_data or run.started)
    # Without a pod nobody is silent who could tell.
    return silent if silent is None or facts.stable.ready else _stable_short(facts)


def _reason_in_traffic(scene: Scene) -> tuple[Cause, str] | None:
    """Once users' requests reach the candidate, or copies of them."""
    run, facts = scene.run, scene.facts
    if short := _stable_short(facts):
        return short
    is_untaken = run.mirrors and run.step_since is None
    if is_untaken or (run.hold.phase if run.hold else run.phase) is Phase.SHIFTING:
        return _unacknowledged(scene)
    silent = _silent(scene, since=run.last_data or run.step_since or run.since)
    return silent or _unverified(run, facts) or _still_short(scene)


def _stable_short(facts: Facts) -> tuple[Cause, str] | None:
    stable = facts.stable
    if stable.ready >= stable.wanted:
        return None
    said = f"{stable.ready} of {stable.wanted} pods of the stable revision are ready"
    if facts.leaves_nobody:
        said = f"{said}: bring them back, or promote the candidate"
    return Cause.STABLE_SHORT, said


def _still_short(scene: Scene) -> tuple[Cause, str] | None:
    """Held for its pods it stays until these bear the next weight, or a person gives it all the same."""
    run = scene.run
    if run.hold is None or run.hold.cause is not Cause.CANDIDATE_SHORT:
        return None
    short = demands.short(run, scene.facts)
    return None if short is None else (Cause.CANDIDATE_SHORT, short)


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
    what = "makes copies" if run.mirrors else f"has taken up {run.weight} %"
    return Cause.NOT_ACKNOWLEDGED, f"not every gateway {what}"


def _unverified(run: Run, facts: Facts) -> tuple[Cause, str] | None:
    """Once the share that was seen is not what was asked for, until as many requests have shown that it is."""
    off = run.share.off
    if off is None or facts.is_sticky:
        return None
    said = f"{off.percent:.1f} % of {off.both} requests reached it instead of {run.weight} %"
    return Cause.UNVERIFIED, said
