"""decide(): the next moment of a rollout, from what is recorded and what is seen. Pure.

    Starting ─▶ (Mirroring) ─▶ Shifting ─▶ Analyzing ─▶ (AwaitingApproval) ─▶ next step: Shifting
                   ▲            │                                     │ after the last
                   └── Held ◀───┤                                     ▼
                                │                        Promoting ─▶ Watching ─▶ Succeeded
        from any of these       ▼                                        │  └─▶ doubted: Shifting
            RolledBack ◀─ Draining ◀─ RollingBack ◀──────────────────────┘

A Replace has a way of its own: rollout/replacing.py. Beside a stable revision that is to have no pods there is nothing to
compare and nothing to go back to: then a candidate goes from Starting to Succeeded with its first ready pod.

Checks come in a fixed order, and what takes traffic from a candidate comes before anything that could
give it more: abort, another spec, nobody to be served, pods that are gone, evidence, deadlines, then what a person asks for, then holds,
then the way forward. Missing data never moves a weight.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from deepseek_operator.rollout import (
    advance,
    commands,
    counting,
    crashes,
    demands,
    holds,
    mirroring,
    quality,
    replacing,
    retreat,
)
from deepseek_operator.rollout import evidence as evidences
from deepseek_operator.rollout import mix as mixes
from deepseek_operator.rollout.commands import Verb
from deepseek_operator.rollout.evidence import Evidence, Outcomes
from deepseek_operator.rollout.facts import Facts, Figures
from deepseek_operator.rollout.run import JUDGED, Cause, Phase, Rollout, Run
from deepseek_operator.rollout.scene import Scene
from deepseek_operator.rollout.shares import Reached


def decide(rollout: Rollout, facts: Facts, *, now: datetime) -> Rollout:
    """The rollout as it is to be recorded now; what is recorded is what is then done."""
    rollout, verb = commands.read(rollout, facts.command)
    run = rollout.run
    if run is None or run.is_over:
        return _between_runs(rollout, facts, verb, now=now)
    run = _seen(run, facts, now=now)
    if verb is Verb.APPROVE:
        run = demands.approved(replace(run, approved=run.approved | {run.step}))
    scene = Scene(rollout, run, facts, verb, now)
    for check in replacing.CHECKS if run.plan.replaces else _CHECKS:
        decided = check(scene)
        if decided is not None:
            return decided
    return replace(rollout, run=scene.run)


def _between_runs(rollout: Rollout, facts: Facts, verb: Verb | None, *, now: datetime) -> Rollout:
    target = facts.target
    rollout, verb = commands.retried(rollout, verb, target=target)
    if target is None or target == rollout.stable:
        return rollout
    if not facts.asks_for_pods and not facts.plan.replaces:
        # It begins once there are to be pods that can be compared.
        refused = "retry: refused, spec.replicas is 0" if verb is Verb.RETRY else rollout.answer
        return replace(rollout, answer=refused)
    if rollout.failure_of(target) is not None and verb is not Verb.RETRY:
        return rollout
    anew = rollout.without_failure_of(target)
    if facts.lacking:
        # What a person asked to be tried once more begins as soon as there is room.
        return anew if verb is Verb.RETRY else rollout
    number = rollout.runs + 1
    phase, cause, does = Phase.STARTING, Cause.CANDIDATE_STARTING, "starts"
    if facts.plan.replaces:
        phase, cause, does = Phase.PREPARING, Cause.PREPARING, "is prepared"
    plan = facts.plan
    if plan.quality is not None and not facts.stable.wanted:
        # Without pods the stable revision answers no prompt that the candidate's answers could be compared with.
        plan = replace(plan, quality=replace(plan.quality, max_drop=None))
    run = Run(
        number=number,
        candidate=target,
        stable=rollout.stable,
        plan=plan,
        phase=phase,
        cause=cause,
        said=f"revision {target} {does} beside {rollout.stable}",
        started=now,
        since=now,
    )
    return replace(anew, run=run, runs=number)


def _seen(run: Run, facts: Facts, *, now: datetime) -> Run:
    """With the figures of a stretch that ended, counted once, and only of a settled split."""
    run = quality.seen(run, facts.report, now=now)
    if facts.sees:
        run = replace(run, last_data=now)
    run = _crashed(run, facts)
    figures = facts.figures
    if figures is None or run.phase not in JUDGED:
        return run
    # What needs no statistics needs no settled split either: while a weight is not taken up, the one before it is.
    if run.plan.replaces and not facts.candidate.ready:
        # Without a pod every request fails. Going back would keep users waiting no less than the pod does.
        return replace(run, tripped=0)
    run = demands.seen(mirroring.kept(run, facts.copies), figures)
    run = replace(run, tripped=run.tripped + 1 if _is_tripped(run, figures) else 0)
    if run.settled is None or run.phase is Phase.SHIFTING:
        return run
    if figures.since is None or figures.since < run.settled:
        return run
    run = _divided(run, facts, figures)
    found = {
        metric.name: evidences.fold(
            run.evidence.get(metric.name, Evidence()),
            figures.windows.get(metric.name, ()),
            metric=metric,
            bar=run.plan.bar,
        )
        for metric in run.judged_by
    }
    mix = run.mix.after(figures.windows.get(mixes.NAME, ()))
    found = mixes.judged(found, mix, metrics=run.judged_by, bar=run.plan.bar)
    return replace(run, evidence=found, mix=mix, requests=run.requests + figures.requests)


def _crashed(run: Run, facts: Facts) -> Run:
    """With restarts of the candidate's engines, from its first traffic on."""
    if run.crashes is not None:
        return replace(run, crashes=run.crashes.after(facts.restarts))
    # A run of an operator that kept it otherwise counts from now on.
    return replace(run, crashes=crashes.since(facts.restarts)) if run.phase in JUDGED else run


def _divided(run: Run, facts: Facts, figures: Figures) -> Run:
    """With whom users' requests reached; with all of the traffic nothing is divided."""
    if not facts.sees_share or run.has_swapped:
        return run
    found = Reached(figures.reached, figures.users)
    return replace(run, share=run.share.after(found, weight=run.weight))


def _is_tripped(run: Run, figures: Figures) -> bool:
    """Whether at least half of the candidate's requests in this stretch failed."""
    breaker = run.plan.breaker
    for metric in run.plan.metrics:
        if metric.measure and metric.name not in counting.FAILURES:
            # Late or short answers may be the rule, and a bad hour makes those of both late.
            continue
        window = figures.windows.get(metric.name, ())
        seen = sum((pair.candidate for pair in window), start=Outcomes())
        if seen.total >= breaker.outcomes and seen.share >= breaker.share:
            return True
    return False


_CHECKS: tuple[Callable[[Scene], Rollout | None], ...] = (
    retreat.abort,
    retreat.superseded,
    retreat.scaled_to_zero,
    retreat.lost,
    retreat.broken,
    retreat.bad,
    retreat.doubted,
    quality.poor,
    retreat.deadlines,
    retreat.unacknowledged,
    retreat.rolling_back,
    retreat.draining,
    advance.unopposed,
    advance.promoted_by_hand,
    holds.held,
    advance.starting,
    mirroring.mirroring,
    advance.shifting,
    advance.analyzing,
    advance.promoting,
    advance.watching,
)
"""In this order, whatever is true at once: the first that decides is what happens."""
