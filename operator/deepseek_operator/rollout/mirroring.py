"""Before the first step: a candidate computes copies of users' requests, and goes back if it is bad at it. Pure.

What is compared is what engines and gateways can know of a copy: whether it failed, how long it took, how it ended. The
serving revision's side is of users' own requests over the same minutes. What is the client's fault is not judged, nor is
anything of this kept once the first users come.
"""

from dataclasses import replace

from deepseek_operator.rollout import advance, counting
from deepseek_operator.rollout.copies import Copies, Mirror, Mirrored
from deepseek_operator.rollout.evidence import Pair
from deepseek_operator.rollout.facts import Figures
from deepseek_operator.rollout.run import Cause, Phase, Rollout, Run
from deepseek_operator.rollout.scene import Scene, elapsed
from deepseek_operator.rollout.stretches import Reading


def told(run: Run) -> Mirrored | None:
    """What gateways are to do; None where nothing is to be copied."""
    mirror = run.plan.mirror
    if mirror is None or not run.mirrors:
        return None
    return Mirrored(run.candidate, mirror.percent, mirror.most)


def counted(run: Run) -> str:
    """By what it is told how much was seen of the candidate."""
    return counting.COPIES if run.mirrors else counting.REJECTIONS


def begun(run: Run, base: Reading | None) -> Reading | None:
    """Where the present stretch began; None for one from before the copies, or with some of them in it."""
    if base is None or run.plan.mirror is None or run.step:
        return base
    since = run.since if run.step_since is None else run.step_since
    if run.step_since is not None and not run.mirrors:
        # What an engine said last may be of before the last copy was cut.
        since += run.plan.limits.settle
    return base if base.at >= since else None


def figures(run: Run, found: Figures | None) -> Figures | None:
    """With the copies as the candidate's requests, while there are no others."""
    if found is None or not run.mirrors:
        return found
    copies = sum((pair.candidate for pair in found.windows.get(counting.COPIES, ())), start=_NONE)
    stable = sum((pair.stable for pair in found.windows.get(counting.ERRORS, ())), start=_NONE)
    windows = {name: one for name, one in found.windows.items() if name != counting.COPIES}
    return replace(found, windows={**windows, counting.ERRORS: (Pair(copies, stable),)})


_NONE = Pair().candidate


def mirroring(scene: Scene) -> Rollout | None:
    """On to the first step once enough copies were answered as well as users' requests are."""
    run, mirror = scene.run, scene.run.plan.mirror
    if run.phase is not Phase.MIRRORING or mirror is None:
        return None
    if run.step_since is None:
        return _taken_up(scene)
    known = replace(scene, run=kept(run, scene.facts.copies))
    unanswered = _unanswered(scene, mirror)
    if unanswered is not None:
        return known.back(Cause.COPIES_UNANSWERED, unanswered)
    waits = _waits_for(scene, mirror)
    if waits is not None:
        return replace(scene.rollout, run=replace(run, said=waits))
    return advance.first_weight(known, f"{run.requests} copies were seen")


def _taken_up(scene: Scene) -> Rollout:
    """Figures count from when every gateway makes copies."""
    run = scene.run
    if scene.facts.acknowledged == run.weight:
        run = replace(run, step_since=scene.now, last_data=scene.now, requests=0)
    return replace(scene.rollout, run=run)


def _waits_for(scene: Scene, mirror: Mirror) -> str | None:
    run, facts = scene.run, scene.facts
    since = run.step_since or run.since
    first = run.plan.steps[0].weight
    if not facts.sees:
        return f"its figures are missing just now: {facts.unseen}".removesuffix(": ")
    if facts.acknowledged != run.weight:
        return "not every gateway says that it makes copies"
    if elapsed(since, scene.now) < mirror.min_duration:
        return f"copies are made for {mirror.min_duration} at least"
    if run.requests < mirror.min_requests and not _is_over(scene, mirror):
        return f"{run.requests} of {mirror.min_requests} copies were seen"
    return advance.suspicion(scene) or advance.capacity_missing(facts, first)


def _is_over(scene: Scene, mirror: Mirror) -> bool:
    """Whether no more copies are waited for; after a hold they are waited for anew."""
    run = scene.run
    since = run.since if run.step_since is None else max(run.since, run.step_since)
    return elapsed(since, scene.now) >= mirror.max_duration


def _unanswered(scene: Scene, mirror: Mirror) -> str | None:
    """At the end of its time: a candidate that does not answer is no hour with few requests."""
    copies = scene.facts.copies
    if copies is None or not scene.facts.sees or not _is_over(scene, mirror):
        return None
    is_silent = copies.running and not copies.answered
    if not is_silent and copies.failed <= copies.answered:
        return None
    return (
        f"of its copies within {mirror.max_duration} {copies.answered} were answered, {copies.failed} "
        f"failed and {copies.running} still run"
    )


def kept(run: Run, copies: Copies | None) -> Run:
    """With what became of the copies so far."""
    return replace(run, copies=copies) if run.mirrors and copies is not None else run
