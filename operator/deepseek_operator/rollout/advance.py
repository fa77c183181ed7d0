"""The way forward: from pods that start to all of the traffic. Pure."""

from dataclasses import replace
from datetime import timedelta

from deepseek_operator.rollout import crashes, demands, quality, standards
from deepseek_operator.rollout.commands import Verb
from deepseek_operator.rollout.evidence import Evidence, Verdict
from deepseek_operator.rollout.facts import Facts
from deepseek_operator.rollout.run import COMPARED, Cause, Phase, Rollout, Run
from deepseek_operator.rollout.scene import Scene, elapsed, standing, verdict, words
from deepseek_operator.rollout.shares import ENOUGH, Share

SUSPECTED_PER_MINUTE = 20
"""Requests of the candidate, as many as one stretch has at least: a suspicion is decided within minutes then."""


def starting(scene: Scene) -> Rollout | None:
    """The first weight, once there are pods to bear it."""
    run, facts = scene.run, scene.facts
    if run.phase is not Phase.STARTING:
        return None
    if not facts.stable.wanted:
        return _starting_alone(scene)
    first = run.plan.steps[0]
    missing = capacity_missing(facts, first.weight)
    if missing is None and facts.metrics is None and run.has_to_learn:
        missing = f"what the stable revision's engines counted is missing: {facts.unseen}"
    if missing is None:
        run, missing = quality.waits(run, 0, now=scene.now)
    if missing:
        return replace(scene.rollout, run=replace(run, said=missing))
    if run.has_to_learn and facts.metrics is not None:
        run = replace(run, plan=replace(run.plan, metrics=facts.metrics))
    scene = replace(scene, run=replace(run, crashes=crashes.since(facts.restarts)))
    ready = f"{facts.candidate.ready} pods are ready"
    return first_weight(scene, ready) if run.plan.mirror is None else _copies(scene, ready)


def _starting_alone(scene: Scene) -> Rollout:
    """Beside a revision without pods nobody is served, and each ready pod serves somebody."""
    run = scene.run
    missing: str | None = f"no pod of revision {run.candidate} is ready"
    if scene.facts.candidate.sure:
        run, missing = quality.waits(run, 0, now=scene.now)
    if missing:
        return replace(scene.rollout, run=replace(run, said=missing))
    return _taken_over(replace(scene, run=run))


def unopposed(scene: Scene) -> Rollout | None:
    """The revision that it is compared with is to have no pods any more: what gateways send there is lost."""
    run, facts = scene.run, scene.facts
    has_begun = run.place in COMPARED | {Phase.MIRRORING} or run.has_swapped
    if facts.stable.wanted or facts.paused or not facts.candidate.sure or not has_begun:
        return None
    return _taken_over(scene)


def _taken_over(scene: Scene) -> Rollout:
    """At its end at once: of a revision without pods nothing is kept that could come back."""
    said = f"revision {scene.run.stable} has no pods: there is nothing to compare with, or to go back to"
    over = scene.to(Phase.SUCCEEDED, Cause.NOTHING_TO_COMPARE, said, weight=100)
    return replace(over, stable=scene.run.candidate)


def _copies(scene: Scene, said: str) -> Rollout:
    percent = scene.run.plan.mirror.percent if scene.run.plan.mirror else 0
    said = f"{said}: copies of {percent} % of the requests, whose answers no user gets"
    return scene.to(Phase.MIRRORING, Cause.COPIES_ASKED, said, step_since=None)


def first_weight(scene: Scene, said: str) -> Rollout:
    """The first users; what was seen before them is no evidence of what they get."""
    weight = scene.run.plan.steps[0].weight
    return scene.to(
        Phase.SHIFTING,
        Cause.WEIGHT_SET,
        f"{said}: {weight} % of the traffic",
        weight=weight,
        step_since=None,
        requests=0,
        evidence={},
        tripped=0,
    )


def capacity_missing(facts: Facts, weight: int) -> str | None:
    """A weight follows the pods that are there and warm, never the other way round."""
    if facts.candidate.sure < max(1, facts.candidate.wanted):
        return f"{facts.candidate.sure} of {facts.candidate.wanted} pods are ready and warmed up"
    if facts.carries < weight:
        return f"its pods can take {facts.carries} % of the traffic, and {weight} % come next"
    return None


def shifting(scene: Scene) -> Rollout | None:
    """On once every gateway has taken the weight up."""
    run = scene.run
    if run.phase is not Phase.SHIFTING:
        return None
    if scene.facts.acknowledged != run.weight:
        return replace(scene.rollout, run=run)
    return scene.to(
        Phase.ANALYZING,
        Cause.COMPARING,
        f"every gateway has taken up {run.weight} %",
        step_since=scene.now,
        last_data=scene.now,
        requests=0,
        share=Share(),
    )


def analyzing(scene: Scene) -> Rollout | None:
    """The next step once enough was seen of this one, the last one's end once all of it is good."""
    run = scene.run
    if run.phase not in (Phase.ANALYZING, Phase.AWAITING_APPROVAL):
        return None
    waits = waits_for(scene)
    if waits is None:
        run, waits = quality.waits(run, run.step + 1, now=scene.now)
        scene = replace(scene, run=run)
    if waits is not None:
        return replace(scene.rollout, run=replace(run, said=waits))
    if short := demands.held(scene):
        return short
    needs_a_person = scene.step.pause or (scene.is_last and not scene.facts.promotes_itself)
    if needs_a_person and run.step not in run.approved:
        if run.phase is Phase.AWAITING_APPROVAL:
            return replace(scene.rollout, run=run)
        said = f"step {run.step + 1} has passed: {standing(run)}"
        return scene.to(Phase.AWAITING_APPROVAL, Cause.APPROVAL_NEEDED, said)
    return _next(scene)


def waits_for(scene: Scene) -> str | None:
    """What keeps this step from being passed; what is missing just now was not seen either."""
    run = scene.run
    if not scene.facts.sees:
        return f"its figures are missing just now: {scene.facts.unseen}".removesuffix(": ")
    if scene.facts.acknowledged != run.weight:
        return f"not every gateway says that it has taken up {run.weight} %"
    if scene.is_last:
        undecided = standing(run) if verdict(run) is not Verdict.GOOD else None
        return _unseen(scene) or undecided or suspicion(scene) or capacity_missing(scene.facts, 100)
    following = run.plan.steps[run.step + 1]
    return _unseen(scene) or suspicion(scene) or capacity_missing(scene.facts, following.weight)


def suspicion(scene: Scene) -> str | None:
    """No larger share for a candidate while it looks worse: what it does meanwhile, few users see.

    Not where so few requests come that it would not be decided for hours.
    """
    run = scene.run
    minutes = elapsed(run.step_since or run.since, scene.now) / timedelta(minutes=1)
    if run.requests < minutes * SUSPECTED_PER_MINUTE:
        return None
    for metric in run.plan.metrics:
        found = run.evidence.get(metric.name, Evidence())
        if found.alarm >= run.plan.bar.suspicious_at:
            return f"it looks worse so far, {words(metric, found, copies=run.mirrors)}"
    return None


def _unseen(scene: Scene) -> str | None:
    """What has to be seen of every step: requests, time, and that they are divided as they should be."""
    seen = scene.run.share
    if too_few := _too_few(scene):
        return too_few
    if scene.facts.is_sticky or seen.is_verified:
        return None
    return f"of {ENOUGH} requests that show how they are divided {seen.seen.both} were seen"


def _too_few(scene: Scene) -> str | None:
    run, step = scene.run, scene.step
    if run.requests < step.min_requests:
        return f"{run.requests} of {step.min_requests} requests of this step were seen"
    if elapsed(run.step_since or run.since, scene.now) < step.min_duration:
        return f"the step lasts {step.min_duration} at least"
    return None


def _next(scene: Scene) -> Rollout:
    run = scene.run
    if scene.is_last:
        return _promoted(scene, Cause.ACCEPTED, standing(run))
    weight = run.plan.steps[run.step + 1].weight
    return scene.to(
        Phase.SHIFTING,
        Cause.STEP_PASSED,
        f"step {run.step + 1} has passed, {weight} % come next: {standing(run)}",
        step=run.step + 1,
        weight=weight,
        step_since=None,
        requests=0,
    )


def promoted_by_hand(scene: Scene) -> Rollout | None:
    """Whatever the evidence and whatever holds the run, but not without pods."""
    if scene.verb is not Verb.PROMOTE:
        return None
    missing = capacity_missing(scene.facts, 100)
    if missing:
        return replace(scene.rollout, run=scene.run, answer=f"promote: refused, {missing}")
    scene = replace(scene, run=_without_what_it_lacks(scene.run, scene.facts))
    return _promoted(scene, Cause.PROMOTED_BY_HAND, "promoted by hand")


def _without_what_it_lacks(run: Run, facts: Facts) -> Run:
    """What was not learned by now of a revision that nobody reaches any more is not looked at either."""
    if not run.has_to_learn:
        return run
    known = facts.metrics or tuple(metric for metric in run.plan.metrics if not metric.learns)
    return replace(run, plan=replace(run.plan, metrics=known or run.plan.metrics))


def _promoted(scene: Scene, cause: Cause, said: str) -> Rollout:
    swapped = scene.to(Phase.PROMOTING, cause, said, weight=100)
    return replace(swapped, stable=scene.run.candidate)


def promoting(scene: Scene) -> Rollout | None:
    """The roles are recorded as swapped: watched once every gateway sends all to the candidate."""
    run = scene.run
    if run.phase is not Phase.PROMOTING:
        return None
    if scene.facts.acknowledged != 100:
        return replace(scene.rollout, run=run)
    # With no request of the stable revision there is nothing to compare with.
    run = standards.alone(run)
    said = f"revision {run.stable} is kept for {run.plan.limits.keep}"
    if limits := standards.words(run):
        said = f"{said}, and both are compared once more from about {limits} on"
    return replace(scene, run=run).to(Phase.WATCHING, Cause.PROMOTED, said, step_since=scene.now)


def watching(scene: Scene) -> Rollout | None:
    """The rollback window ends."""
    run = scene.run
    if run.phase is not Phase.WATCHING or elapsed(run.since, scene.now) < run.plan.limits.keep:
        return None
    return scene.to(Phase.SUCCEEDED, Cause.WINDOW_CLOSED, "the rollback window has closed")
