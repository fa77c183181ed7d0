"""What takes traffic from a candidate, and its way back. Pure."""

from dataclasses import replace
from datetime import timedelta

from deepseek_operator.rollout import advance, quality, standards
from deepseek_operator.rollout.commands import Verb
from deepseek_operator.rollout.evidence import Evidence, Verdict
from deepseek_operator.rollout.mix import Mix
from deepseek_operator.rollout.run import (
    FOR_A_PERSON,
    JUDGED,
    MOST_FAILURES,
    NOT_ITS_FAULT,
    ON_THE_WAY_BACK,
    Cause,
    Failure,
    Phase,
    Rollout,
    Run,
)
from deepseek_operator.rollout.scene import Scene, elapsed, standing, words


def abort(scene: Scene) -> Rollout | None:
    """What a person asks for is done whatever else is true."""
    if scene.run.phase in ON_THE_WAY_BACK:
        return None
    if scene.verb is Verb.ABORT:
        return scene.back(Cause.ABORTED, "aborted by hand")
    if scene.verb is Verb.ROLLBACK:
        return scene.back(Cause.ROLLED_BACK_BY_HAND, "rolled back by hand")
    return None


def superseded(scene: Scene) -> Rollout | None:
    """The spec asks for another revision than this run's."""
    run, target = scene.run, scene.facts.target
    if run.phase in ON_THE_WAY_BACK or target is None or target == run.candidate:
        return None
    if run.has_swapped and target != run.stable:
        # The candidate has the role: the next one begins from it, once this run is over.
        return scene.to(
            Phase.SUCCEEDED, Cause.SUPERSEDED, f"the spec asks for revision {target}", weight=100
        )
    return scene.back(Cause.SUPERSEDED, f"the spec asks for revision {target}")


def scaled_to_zero(scene: Scene) -> Rollout | None:
    """Nobody is to be served: no pod is missing for that, and no revision is to blame."""
    run, said = scene.run, "spec.replicas is 0: nobody is to be served"
    if scene.facts.asks_for_pods or run.phase in ON_THE_WAY_BACK:
        return None
    if run.has_swapped:
        # What was promoted on evidence stays so: it is who serves when somebody is to be served again.
        return scene.to(Phase.SUCCEEDED, Cause.SCALED_TO_ZERO, said, weight=100)
    return scene.back(Cause.SCALED_TO_ZERO, said)


def lost(scene: Scene) -> Rollout | None:
    """The candidate has traffic, or copies of it, and no pod that could answer."""
    run, facts = scene.run, scene.facts
    is_asked = run.weight or run.mirrors or run.has_swapped
    if run.phase in ON_THE_WAY_BACK or not is_asked or facts.candidate.ready:
        return None
    return scene.back(Cause.CANDIDATE_LOST, f"no pod of revision {run.candidate} is ready")


def broken(scene: Scene) -> Rollout | None:
    """What needs no statistics: most requests fail, or its engines die."""
    run, breaker = scene.run, scene.run.plan.breaker
    if run.phase not in JUDGED:
        return None
    if run.tripped >= breaker.windows:
        what = "copies" if run.mirrors else "requests"
        return scene.back(
            Cause.BREAKER, f"{breaker.share:.0%} of its {what} or more failed, twice in a row"
        )
    restarts = run.crashes.count if run.crashes else 0
    if restarts >= breaker.restarts:
        return scene.back(Cause.BREAKER, f"its engines were restarted {restarts} times")
    return None


def bad(scene: Scene) -> Rollout | None:
    """A metric's alarm has gone off."""
    run = scene.run
    if run.phase not in JUDGED:
        return None
    for metric in run.plan.metrics:
        if run.phase is Phase.WATCHING and metric not in run.judged_by:
            continue
        found = run.evidence.get(metric.name, Evidence())
        if found.verdict(run.plan.bar) is Verdict.BAD:
            return scene.back(Cause.EVIDENCE_BAD, words(metric, found, copies=run.mirrors))
    return None


def doubted(scene: Scene) -> Rollout | None:
    """In its rollback window it is worse than is usual: the stable revision takes its share back, to be compared with."""
    run, stable = scene.run, scene.facts.stable
    if run.phase is not Phase.WATCHING or stable.sure < max(1, stable.wanted):
        return None
    for metric in run.usual:
        found = run.evidence.get(metric.name, Evidence())
        if found.verdict(run.plan.bar) is Verdict.BAD:
            return _compared_again(scene, words(metric, found))
    return None


def _compared_again(scene: Scene, said: str) -> Rollout:
    """At the step that it was promoted from; what is approved stays approved."""
    run, weight = scene.run, scene.step.weight
    again = scene.to(
        Phase.SHIFTING,
        Cause.DOUBTED,
        f"{said}: {weight} % of the traffic, to compare both once more",
        weight=weight,
        step_since=None,
        requests=0,
        evidence=standards.fresh(run),
        mix=Mix(),
        exam=None,
        usual=(),
        doubts=run.doubts + 1,
        doubted=scene.now,
        paused=timedelta(0),
    )
    return replace(again, stable=run.stable)


def deadlines(scene: Scene) -> Rollout | None:
    """No part of a run, and no run, goes on for ever, unless a person keeps it where it is, or there is nobody to go back to."""
    run, limits, now = scene.run, scene.run.plan.limits, scene.now
    if run.phase in ON_THE_WAY_BACK or run.has_swapped or _is_paused(scene):
        return None
    if run.phase is Phase.STARTING and _starts_late(scene):
        return scene.back(
            Cause.CANDIDATE_NOT_READY,
            f"its pods were not ready within {limits.start} (rollout.startTimeout): {run.said}",
        )
    if scene.facts.leaves_nobody:
        # Time alone takes nobody from who answers: this is for the pods that are away, or for a person.
        return None
    is_timed = run.hold is not None and run.hold.cause not in FOR_A_PERSON
    if run.hold is not None and is_timed and elapsed(run.hold.since, now) > limits.hold:
        return scene.back(
            Cause.HELD_TOO_LONG, f"held for {limits.hold} ({run.hold.cause}): {run.said}"
        )
    is_limited = run.phase is not Phase.STARTING and run.stopped is None
    if is_limited and scene.spent > limits.total:
        return scene.back(Cause.TOO_LONG, f"not decided within {limits.total}: {_missing(scene)}")
    return None


def _missing(scene: Scene) -> str:
    """What it waited for in the end, and how far each metric was."""
    run = scene.run
    said = run.said
    if run.plan.replaces or run.cause is Cause.CANDIDATE_SHORT:
        # A Replace has no steps.
        return said
    if run.phase is Phase.ANALYZING:
        said = advance.waits_for(scene) or run.said
    if run.phase is Phase.AWAITING_APPROVAL:
        said = advance.waits_for(scene) or f"nobody has approved step {run.step + 1}"
    metrics = standing(run)
    return said if metrics in said else f"{said}; {metrics}"


def _is_paused(scene: Scene) -> bool:
    """From the moment that a person asks for it, until it was seen that they do no more and how long that was."""
    hold = scene.run.hold
    return scene.is_paused or (hold is not None and hold.cause is Cause.PAUSED)


def unacknowledged(scene: Scene) -> Rollout | None:
    """Promoted, and a gateway does not say that it sends everybody there: told soon, and waited for as long as a hold.

    The stable revision has all its pods and may still have users, nobody knows how many.
    """
    run, limits, waited = scene.run, scene.run.plan.limits, elapsed(scene.run.since, scene.now)
    is_taken_up = scene.facts.acknowledged == run.weight
    if run.phase is not Phase.PROMOTING or is_taken_up or waited <= limits.acknowledge:
        return None
    said = f"not every gateway has taken up {run.weight} %"
    is_over = waited > limits.acknowledge + limits.hold and not scene.facts.leaves_nobody
    if is_over and not run.plan.replaces:
        held = f"held for {limits.hold} ({Cause.NOT_ACKNOWLEDGED}): {said}"
        return scene.back(Cause.HELD_TOO_LONG, held)
    return replace(scene.rollout, run=replace(run, cause=Cause.NOT_ACKNOWLEDGED, said=said))


def _starts_late(scene: Scene) -> bool:
    """An examination has a patience of its own, and its time is not that of the pods."""
    run = scene.run
    ended = run.exam.ended if run.exam else None
    since = run.since if ended is None else max(run.since, ended)
    return not quality.is_open(run) and elapsed(since, scene.now) > run.plan.limits.start


def rolling_back(scene: Scene) -> Rollout | None:
    """Until no gateway sends the candidate a request."""
    run = scene.run
    if run.phase is not Phase.ROLLING_BACK:
        return None
    if scene.facts.acknowledged != 0:
        return replace(scene.rollout, run=run)
    return scene.to(Phase.DRAINING, run.cause, run.said)


def draining(scene: Scene) -> Rollout | None:
    """Until its running requests have ended, or their time is over."""
    run, now = scene.run, scene.now
    if run.phase is not Phase.DRAINING:
        return None
    has_time = elapsed(run.since, now) < run.plan.limits.drain
    if scene.facts.in_flight != 0 and has_time:
        return replace(scene.rollout, run=_watched(scene))
    if run.plan.replaces:
        return scene.to(Phase.RETURNING, run.cause, run.said)
    return rolled_back(scene)


def _watched(scene: Scene) -> Run:
    """With requests that are new to it: there are to be none.

    What runs ends by and by, and is counted before or after: that is no new request. Gateways are left a moment to have
    counted all that they were about to.
    """
    run, begun = scene.run, scene.facts.begun
    if begun is None:
        return run
    left = run.left or {}
    if elapsed(run.since, scene.now) < run.plan.limits.settle:
        return replace(
            run, left={one: max(count, left.get(one, 0)) for one, count in begun.items()}
        )
    late = sum(max(0, count - left.get(one, count)) for one, count in begun.items())
    return replace(run, left={**begun, **left}, late=max(run.late, late))


def rolled_back(scene: Scene) -> Rollout:
    """It is over, and a candidate that is to blame is remembered."""
    over = scene.to(Phase.ROLLED_BACK, scene.run.cause, scene.run.said, left=None)
    return with_failure(over)


def with_failure(rollout: Rollout) -> Rollout:
    """With the candidate of its run among those that failed, if it is to blame."""
    run = rollout.run
    if run is None or run.cause in NOT_ITS_FAULT:
        return rollout
    failure = Failure(run.candidate, run.cause, run.said)
    known = rollout.without_failure_of(run.candidate).failures
    return replace(rollout, failures=(failure, *known)[:MOST_FAILURES])
