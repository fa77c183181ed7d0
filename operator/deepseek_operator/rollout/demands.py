"""What users ask for, in requests a second, and whether a candidate's pods are sized for their share of it. Pure.

Pods that are all there may be too few: `replicas` is what the user set for the candidate, and it may stand where eight others
stood. What a replica bears was computed for the workload that the spec states (sizing/), so it is an estimate, and a person may go on
whatever it says. What a stable revision of as many requests a second bears, the candidate bears as well.
"""

import math
from dataclasses import replace

from deepseek_operator.rollout.facts import Facts, Figures
from deepseek_operator.rollout.run import Cause, Hold, Phase, Rollout, Run
from deepseek_operator.rollout.scene import Scene

_REMEMBERED_SECONDS = 300.0
"""A burst of some seconds needs no more pods, and a busy hour does."""


def seen(run: Run, figures: Figures) -> Run:
    """With the demand of one more stretch; of the first it is all that is known."""
    if figures.seconds <= 0 or not figures.users:
        return run
    rate, before = figures.users / figures.seconds, run.demand
    if before is None:
        return replace(run, demand=rate)
    weight = 1 - math.exp(-figures.seconds / _REMEMBERED_SECONDS)
    return replace(run, demand=before + weight * (rate - before))


def next_weight(run: Run) -> int:
    """What the candidate is to have after this step."""
    following = run.plan.steps[run.step + 1 :]
    return following[0].weight if following else 100


def short(run: Run, facts: Facts) -> str | None:
    """Why its pods would not bear the next weight, in words; None where they do, or nothing is known of it."""
    weight, bears, demand = next_weight(run), facts.bears, run.demand
    if bears is None or demand is None or weight in run.overruled:
        return None
    asked = demand * weight / 100
    if bears >= asked or (facts.stable_bears is not None and bears >= facts.stable_bears):
        return None
    return (
        f"its ready pods ({facts.candidate.sure}) are sized for {bears:.3g} requests/s, and {weight} % of the present "
        f"{demand:.3g} requests/s, {asked:.3g}, come next: raise replicas, workload.requestsPerSecond or autoscaling.min, or "
        "approve that it goes on all the same"
    )


def held(scene: Scene) -> Rollout | None:
    """Nobody but a person can do something about it: more pods, or more trust in these."""
    said = short(scene.run, scene.facts)
    if said is None:
        return None
    hold = Hold(Cause.CANDIDATE_SHORT, scene.now, scene.run.phase)
    return scene.to(Phase.HELD, Cause.CANDIDATE_SHORT, said, hold=hold)


def approved(run: Run) -> Run:
    """With the next weight given, whatever its pods are sized for, where it is held for that."""
    if run.hold is None or run.hold.cause is not Cause.CANDIDATE_SHORT:
        return run
    return replace(run, overruled=run.overruled | {next_weight(run)})
