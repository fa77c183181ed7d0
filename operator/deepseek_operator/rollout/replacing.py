"""A Replace: the stable revision stops, then the candidate starts. For a cluster without spare accelerators. Pure.

    Preparing ─▶ (AwaitingApproval) ─▶ Closing ─▶ Stopping ─▶ Starting ─▶ Promoting ─▶ Watching ─▶ Succeeded
        │                                 │          │           │                        │
        ▼                                 ▼          ▼           ▼                        ▼
    RolledBack ◀──────────────────────────────── Returning ◀─────────────── Draining ◀─ RollingBack

Nothing is taken from the stable revision before all of the candidate is there that can be had beside it. From then on
nobody is served until one of the two serves again, so nothing waits for a person there, and every wait has an end.
"""

from collections.abc import Callable
from dataclasses import replace

from deepseek_operator.rollout import advance, crashes, holds, quality, retreat
from deepseek_operator.rollout.commands import Verb
from deepseek_operator.rollout.run import Cause, Phase, Rollout, Run
from deepseek_operator.rollout.scene import Scene, elapsed

_BEFORE_IT_STOPS = frozenset({Phase.PREPARING, Phase.AWAITING_APPROVAL})

_WITHOUT_STABLE = frozenset(
    {
        Phase.STOPPING,
        Phase.STARTING,
        Phase.PROMOTING,
        Phase.WATCHING,
        Phase.ROLLING_BACK,
        Phase.DRAINING,
    }
)
_WITHOUT_CANDIDATE = _BEFORE_IT_STOPS | {Phase.CLOSING, Phase.STOPPING, Phase.RETURNING}
_SHUT = frozenset(
    {Phase.CLOSING, Phase.STOPPING, Phase.STARTING, Phase.ROLLING_BACK, Phase.DRAINING}
)


def without_pods(run: Run | None) -> frozenset[str]:
    """Of the two revisions of a Replace, those that are to have no pods now: one of them always, or both."""
    if run is None or run.is_over or not run.plan.replaces:
        return frozenset()
    stable = {run.stable} if run.place in _WITHOUT_STABLE else set()
    candidate = {run.candidate} if run.place in _WITHOUT_CANDIDATE else set()
    return frozenset(stable | candidate)


def shut(run: Run | None) -> str:
    """What clients are told while requests are sent to neither; empty while they are."""
    if run is None or not run.plan.replaces or run.place not in _SHUT:
        return ""
    one, other = run.stable, run.candidate
    if run.place in (Phase.ROLLING_BACK, Phase.DRAINING):
        one, other = other, one
    return f"revision {one} is being replaced by {other}: try again later"


def outage(run: Run | None) -> str | None:
    """Why requests may find nobody, and since when, for people; None while somebody is to answer them."""
    if run is None or not run.plan.replaces or run.stopped is None:
        return None
    if run.is_over or run.has_swapped:
        return None
    since = f"nothing serves since {run.stopped:%Y-%m-%d %H:%M:%S} UTC"
    if run.phase in (Phase.ROLLING_BACK, Phase.DRAINING, Phase.RETURNING):
        return f"{since}: revision {run.stable} comes back ({run.phase}, {run.cause}): {run.said}"
    return (
        f"{since}: revision {run.stable} is being replaced by {run.candidate} "
        f"({run.phase}): {run.said}"
    )


def promoted_by_hand(scene: Scene) -> Rollout | None:
    """Whatever holds it: before it stops, on with what is prepared; then, with any pod that is ready."""
    run, facts = scene.run, scene.facts
    if scene.verb is not Verb.PROMOTE:
        return None
    if run.place in _BEFORE_IT_STOPS:
        missing = _unprepared(scene)
        if missing is None:
            return _closing(scene, Cause.PROMOTED_BY_HAND)
    elif facts.candidate.sure:
        return _promoted(scene, Cause.PROMOTED_BY_HAND, "promoted by hand")
    else:
        missing = "none of its pods is ready"
    return replace(scene.rollout, run=run, answer=f"promote: refused, {missing}")


def held(scene: Scene) -> Rollout | None:
    """Before it stops, on request or for a spec that cannot be served; later only for a candidate of which too
    little is known.
    """
    run, facts = scene.run, scene.facts
    if run.phase not in (Phase.PREPARING, Phase.AWAITING_APPROVAL, Phase.HELD, Phase.STARTING):
        return None
    found = None
    if run.place is Phase.STARTING:
        # What the spec asks for by now comes after this run: nobody is served meanwhile.
        found = quality.unknown(scene)
    elif facts.paused:
        found = Cause.PAUSED, "spec.rollout.paused is true"
    elif facts.target is None:
        found = Cause.SPEC_NOT_SERVABLE, "the spec cannot be served as it is"
    return holds.hold(scene, found)


def preparing(scene: Scene) -> Rollout | None:
    """Until its weights are there, its pods' shape is frozen, gateways listen, and a person agrees."""
    run = scene.run
    if run.phase not in _BEFORE_IT_STOPS:
        return None
    missing = _unprepared(scene)
    if missing is not None:
        if run.phase is Phase.PREPARING:
            return replace(scene.rollout, run=replace(run, said=missing))
        return scene.to(Phase.PREPARING, Cause.PREPARING, missing)
    if scene.facts.promotes_itself or run.step in run.approved:
        return _without_room(scene) or _closing(scene, Cause.CLOSING)
    if run.phase is Phase.AWAITING_APPROVAL:
        return replace(scene.rollout, run=run)
    said = (
        f"all of revision {run.candidate} is there but its pods: {run.stable} is to stop for them"
    )
    return scene.to(Phase.AWAITING_APPROVAL, Cause.APPROVAL_NEEDED, said)


def _without_room(scene: Scene) -> Rollout | None:
    """What was free when the run began may be taken by now: it is counted once more before anybody stops for it."""
    run, facts = scene.run, scene.facts
    if facts.counted and not facts.lacking:
        return None
    cause, said = Cause.CAPACITY, facts.lacking
    if not facts.counted:
        cause, said = Cause.COUNTING, f"accelerators are counted before revision {run.stable} stops"
    if run.phase is Phase.PREPARING:
        return replace(scene.rollout, run=replace(run, cause=cause, said=said))
    return scene.to(Phase.PREPARING, cause, said)


def _unprepared(scene: Scene) -> str | None:
    facts = scene.facts
    if facts.unprepared:
        return facts.unprepared
    return "not every gateway answers" if facts.acknowledged is None else None


def _closing(scene: Scene, cause: Cause) -> Rollout:
    said = f"revision {scene.run.stable} gets no more requests, and its running answers end"
    return scene.to(Phase.CLOSING, cause, said, stopped=scene.now)


def closing(scene: Scene) -> Rollout | None:
    """Until every gateway has left it and its running answers have ended, or their time is over."""
    run, facts = scene.run, scene.facts
    if run.phase is not Phase.CLOSING:
        return None
    waited, limits = elapsed(run.since, scene.now), run.plan.limits
    if facts.acknowledged is None and waited > limits.acknowledge:
        return scene.back(
            Cause.NOT_ACKNOWLEDGED, f"a gateway has not left revision {run.stable} in time"
        )
    is_idle = facts.in_flight == 0 or waited > limits.drain
    if facts.acknowledged is None or not is_idle:
        return replace(scene.rollout, run=run)
    return scene.to(Phase.STOPPING, Cause.STOPPING, f"the pods of revision {run.stable} end")


def stopping(scene: Scene) -> Rollout | None:
    """Until its pods are gone, or their time is over: what is left of them may be on a node that is lost."""
    run, facts = scene.run, scene.facts
    if run.phase is not Phase.STOPPING:
        return None
    if facts.leaving and elapsed(run.since, scene.now) <= run.plan.limits.drain:
        said = f"{facts.leaving} pods of revision {run.stable} are still there"
        return replace(scene.rollout, run=replace(run, said=said))
    said, begun = f"the pods of revision {run.candidate} start", crashes.since(facts.restarts or {})
    return scene.to(Phase.STARTING, Cause.CANDIDATE_STARTING, said, crashes=begun)


def crashing(scene: Scene) -> Rollout | None:
    """Engines that die again and again do not come: nobody is served while one waits for them."""
    run = scene.run
    if run.place is not Phase.STARTING:
        return None
    restarts = run.crashes.count if run.crashes else 0
    if restarts < run.plan.breaker.restarts:
        return None
    return scene.back(Cause.BREAKER, f"its engines were restarted {restarts} times as they started")


def starting(scene: Scene) -> Rollout | None:
    """All that are wanted, warm and with good answers."""
    run, facts = scene.run, scene.facts
    if run.phase is not Phase.STARTING:
        return None
    ready, wanted = facts.candidate.sure, facts.candidate.wanted
    needed = max(1, wanted) if facts.asks_for_pods else wanted
    missing = f"{ready} of {wanted} pods are ready and warmed up" if ready < needed else None
    if missing is None and wanted:
        run, missing = quality.waits(run, 0, now=scene.now)
    if missing is not None:
        return replace(scene.rollout, run=replace(run, said=missing))
    said = f"{ready} pods are ready: all requests go to revision {run.candidate}"
    return _promoted(replace(scene, run=run), Cause.ACCEPTED, said)


def _promoted(scene: Scene, cause: Cause, said: str) -> Rollout:
    # What its engines did until now is no matter of how they serve.
    begun = crashes.since(scene.facts.restarts)
    swapped = scene.to(Phase.PROMOTING, cause, said, weight=100, crashes=begun)
    return replace(swapped, stable=scene.run.candidate)


def promoting(scene: Scene) -> Rollout | None:
    """Watched once every gateway sends all to the candidate.

    One that never says so does not bring the old revision back, for whose pods everybody would wait.
    """
    run, limits = scene.run, scene.run.plan.limits
    if run.phase is not Phase.PROMOTING:
        return None
    is_unheard = scene.facts.acknowledged != 100
    if is_unheard and elapsed(run.since, scene.now) <= limits.acknowledge + limits.hold:
        return retreat.unacknowledged(scene) or replace(scene.rollout, run=run)
    said = f"revision {run.stable} has no pods, and may come back within {run.plan.limits.keep}"
    if is_unheard:
        said = f"{said}; not every gateway says that it sends its requests to {run.candidate}"
    return scene.to(Phase.WATCHING, Cause.PROMOTED, said, step_since=scene.now, evidence={})


def rolling_back(scene: Scene) -> Rollout | None:
    """Until no gateway sends the candidate a request; one that never says so keeps nobody waiting."""
    run = scene.run
    if run.phase is not Phase.ROLLING_BACK:
        return None
    is_late = elapsed(run.since, scene.now) > run.plan.limits.drain
    if scene.facts.acknowledged is None and not is_late:
        return replace(scene.rollout, run=run)
    return scene.to(Phase.DRAINING, run.cause, run.said)


def returning(scene: Scene) -> Rollout | None:
    """Until the stable revision has all its pods, another one is asked for, or its time is over."""
    run, facts = scene.run, scene.facts
    if run.phase is not Phase.RETURNING:
        return None
    is_back = facts.stable.sure >= facts.stable.wanted
    is_asked_for_another = facts.target not in (None, run.stable, run.candidate)
    is_late = elapsed(run.since, scene.now) > run.plan.limits.start
    if is_back or is_asked_for_another or is_late:
        return retreat.rolled_back(scene)
    return replace(scene.rollout, run=run)


CHECKS: tuple[Callable[[Scene], Rollout | None], ...] = (
    retreat.abort,
    retreat.superseded,
    crashing,
    retreat.broken,
    quality.poor,
    retreat.deadlines,
    rolling_back,
    retreat.draining,
    returning,
    promoted_by_hand,
    held,
    preparing,
    closing,
    stopping,
    starting,
    promoting,
    advance.watching,
)
"""In this order, as in rollout/machine.py. A candidate that serves and has no pod is not left for that: the way back
would keep users waiting no less."""
