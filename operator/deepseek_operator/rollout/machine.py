"""decide(): the next moment of a rollout, from what is recorded and what is seen. Pure.

    Starting ─▶ Shifting ─▶ Analyzing ─▶ (AwaitingApproval) ─▶ next step: Shifting
                   ▲            │                                     │ after the last
                   └── Held ◀───┤                                     ▼
                                │                        Promoting ─▶ Watching ─▶ Succeeded
        from any of these       ▼                                        │
            RolledBack ◀─ Draining ◀─ RollingBack ◀──────────────────────┘

Checks come in a fixed order, and what takes traffic from a candidate comes before anything that could
give it more: abort, another spec, pods that are gone, evidence, deadlines, then what a person asks for, then holds,
then the way forward. Missing data never moves a weight.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from deepseek_operator.rollout import advance, commands, holds, retreat
from deepseek_operator.rollout import evidence as evidences
from deepseek_operator.rollout.commands import Verb
from deepseek_operator.rollout.evidence import Evidence, Outcomes
from deepseek_operator.rollout.run import JUDGED, Cause, Facts, Figures, Phase, Rollout, Run
from deepseek_operator.rollout.scene import Scene


def decide(rollout: Rollout, facts: Facts, *, now: datetime) -> Rollout:
    """The rollout as it is to be recorded now; what is recorded is what is then done."""
    rollout, verb = commands.read(rollout, facts.command)
    run = rollout.run
    if run is None or run.is_over:
        return _between_runs(rollout, facts, verb, now=now)
    run = _seen(run, facts, now=now)
    if verb is Verb.APPROVE:
        run = replace(run, approved=run.approved | {run.step})
    scene = Scene(rollout, run, facts, verb, now)
    for check in _CHECKS:
        decided = check(scene)
        if decided is not None:
            return decided
    return replace(rollout, run=scene.run)


def _between_runs(rollout: Rollout, facts: Facts, verb: Verb | None, *, now: datetime) -> Rollout:
    target = facts.target
    if target is None or target == rollout.stable:
        return rollout
    if rollout.failure_of(target) is not None and verb is not Verb.RETRY:
        return rollout
    number = rollout.runs + 1
    run = Run(
        number=number,
        candidate=target,
        stable=rollout.stable,
        plan=facts.plan,
        phase=Phase.STARTING,
        cause=Cause.CANDIDATE_STARTING,
        said=f"revision {target} starts beside {rollout.stable}",
        started=now,
        since=now,
    )
    others = tuple(item for item in rollout.failures if item.revision != target)
    return replace(rollout, run=run, runs=number, failures=others)


def _seen(run: Run, facts: Facts, *, now: datetime) -> Run:
    """With the figures of a stretch that ended, counted once, and only of a settled split."""
    if facts.sees:
        run = replace(run, last_data=now)
    figures, settled = facts.figures, run.step_since
    if figures is None or run.phase not in JUDGED:
        return run
    # What needs no statistics needs no settled split either: while a weight is not taken up, the one before it is.
    run = replace(run, tripped=run.tripped + 1 if _is_tripped(run, figures) else 0)
    if settled is None or run.phase is Phase.SHIFTING:
        return run
    if now < settled + run.plan.limits.settle:
        return run
    found = {
        metric.name: evidences.fold(
            run.evidence.get(metric.name, Evidence()),
            figures.windows.get(metric.name, ()),
            metric=metric,
            bar=run.plan.bar,
        )
        for metric in run.plan.metrics
    }
    return replace(run, evidence=found, requests=run.requests + figures.requests)


def _is_tripped(run: Run, figures: Figures) -> bool:
    """Whether at least half of the candidate's requests in this stretch failed, as gateways saw it."""
    breaker = run.plan.breaker
    for metric in run.plan.metrics:
        if metric.measure:
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
    retreat.lost,
    retreat.broken,
    retreat.bad,
    retreat.deadlines,
    retreat.rolling_back,
    retreat.draining,
    advance.promoted_by_hand,
    holds.held,
    advance.starting,
    advance.shifting,
    advance.analyzing,
    advance.promoting,
    advance.watching,
)
"""In this order, whatever is true at once: the first that decides is what happens."""
