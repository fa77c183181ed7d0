"""A Canary's next moment, from what status keeps of it and what gateways and pods say; and the roles that follow. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from deepseek_operator import comparison, passage
from deepseek_operator.api import names
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import gateway
from deepseek_operator.diagnosis import Finding
from deepseek_operator.observed import Manifest, Observed, is_current, ready_replicas, restarts_of
from deepseek_operator.rollout import counting, engine_counts, estimate, metrics, record, stretches
from deepseek_operator.rollout import machine as machines
from deepseek_operator.rollout import run as runs
from deepseek_operator.rollout.chain import Chain
from deepseek_operator.rollout.evidence import Evidence, Metric
from deepseek_operator.rollout.record import Record, RecordError
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.rollout.run import COMPARED, ENDED, Facts, Figures, Fleet, Phase, Plan, Run
from deepseek_operator.rollout.scene import elapsed
from deepseek_operator.rollout.switch import Roles

PASS_SECONDS = 2.0
"""How soon a pass looks again while a run is under way."""

_NOBODY = Chain()
_KEPT_FOR = timedelta(seconds=10)
"""A record in which nothing is new but the time of the last figures is not worth a write before that."""


@dataclass(frozen=True, slots=True)
class Course:
    """What status is to keep, and who gets requests and pods by it."""

    record: Record
    roles: Roles
    trouble: str | None = None
    """Why what status kept was put aside."""

    @property
    def run(self) -> Run | None:
        """The present run, or the last one."""
        return self.record.rollout.run

    @property
    def is_under_way(self) -> bool:
        """Whether a run has not ended."""
        return self.run is not None and not self.run.is_over


def is_wanted(deployment: DeepSeekDeployment) -> bool:
    """Whether a new revision takes over step by step."""
    return deployment.spec.rollout.strategy == "Canary" and gateway.is_embedded(deployment)


def is_under_way(deployment: DeepSeekDeployment, stored: Manifest) -> bool:
    """Whether status tells of a run that has not ended."""
    found = stored.get("rollout", {})
    return is_wanted(deployment) and "run" in found and found.get("phase") not in ENDED


def course(
    deployment: DeepSeekDeployment,
    observed: Observed,
    *,
    stored: Manifest,
    target: str,
    shapes: Mapping[str, Shape],
    now: datetime,
    chain: Chain = _NOBODY,
) -> Course | None:
    """None before the first revision serves: there is nothing to compare it with.

    `shapes` of the revisions that are known; without the target's, the spec cannot be served.
    """
    can_start = target in shapes
    serving = stored.get("serving", {}).get("revision")
    if not is_wanted(deployment) or serving is None:
        return None
    kept, trouble = _kept(stored, str(serving))
    if trouble is not None:
        # This pass takes everybody back and says so; a new run begins with the next.
        roles = _roles(deployment, observed, kept, target=target, can_start=can_start)
        return Course(kept, chain.behind(roles), trouble=trouble)
    before = _roles(deployment, observed, kept, target=target, can_start=can_start)
    plan = comparison.plan_of(
        deployment.spec.rollout,
        candidate=shapes.get(target),
        stable=shapes.get(kept.rollout.stable),
    )
    base, figures = _stretch(kept, _reading(kept, observed, now=now))
    facts = _facts(
        deployment,
        observed,
        kept,
        chain.behind(before),
        plan=plan,
        figures=figures,
        target=target if can_start else None,
    )
    decided = machines.decide(kept.rollout, facts, now=now)
    following = Record(
        _settled(kept.rollout, decided, now=now),
        base if decided.run and not decided.run.is_over else None,
        _replicas(deployment, observed, kept, decided.stable, target=target),
    )
    return Course(
        record=following,
        roles=replace(
            chain.behind(
                _roles(deployment, observed, following, target=target, can_start=can_start)
            ),
            cut_off=_cut_off(decided, now=now),
        ),
    )


def _kept(stored: Manifest, serving: str) -> tuple[Record, str | None]:
    """What status keeps, or why it is put aside: unreadable, or of another revision than the one that serves."""
    text = stored.get("rollout", {}).get("record")
    anew = Record(runs.Rollout(serving))
    if text is None:
        return anew, None
    try:
        found = record.load(text)
    except RecordError as error:
        return anew, f"what status kept of the rollout is unreadable: {error}"
    if found.rollout.stable != serving:
        return anew, "another revision serves than the rollout's record says"
    return found, None


def _settled(before: runs.Rollout, after: runs.Rollout, *, now: datetime) -> runs.Rollout:
    """The rollout before, where nothing is new but when figures were last seen, and that not long ago."""
    if before.run is None or after.run is None or before.run.last_data is None:
        return after
    same = replace(after, run=replace(after.run, last_data=before.run.last_data)) == before
    return before if same and now - before.run.last_data < _KEPT_FOR else after


def _cut_off(rollout: runs.Rollout, *, now: datetime) -> frozenset[str]:
    """A candidate that a gateway goes on sending requests to, though it was told to stop a while ago."""
    run = rollout.run
    if run is None or run.phase is not Phase.ROLLING_BACK:
        return frozenset()
    waited = elapsed(run.since, now)
    return frozenset({run.candidate} if waited > run.plan.limits.acknowledge else ())


def _reading(kept: Record, observed: Observed, *, now: datetime) -> stretches.Reading:
    """What gateways counted, and what engines did of the metrics that the run compares."""
    found, run = counting.reading(observed.gateways, at=now), kept.rollout.run
    if run is None:
        return found
    told = engine_counts.sources(observed.told, run.plan.metrics)
    return replace(found, sources={**found.sources, **told})


def _stretch(
    kept: Record, reading: stretches.Reading
) -> tuple[stretches.Reading | None, Figures | None]:
    run = kept.rollout.run
    if run is None or run.is_over:
        return None, None
    return stretches.stretch(
        kept.base, reading, candidate=run.candidate, stable=run.stable, counted=counting.REJECTIONS
    )


def _facts(
    deployment: DeepSeekDeployment,
    observed: Observed,
    kept: Record,
    roles: Roles,
    *,
    plan: Plan,
    figures: Figures | None,
    target: str | None,
) -> Facts:
    settings = deployment.spec.rollout
    run = kept.rollout.run if kept.rollout.run and not kept.rollout.run.is_over else None
    candidate = run.candidate if run else target
    stable = run.stable if run else kept.rollout.stable
    compared = (run.plan if run else plan).metrics
    unseen = _unseen(observed, run, compared)
    fleet = _fleet(observed, roles, candidate)
    # What was told is what is recorded: effects follow the record.
    version = passage.told(deployment, roles)["version"]
    is_there = any(one.is_ready for one in observed.gateways)
    is_taken = is_there and counting.acknowledged(observed.gateways, version)
    return Facts(
        target=target,
        plan=plan,
        candidate=fleet,
        stable=_fleet(observed, roles, stable),
        carries=100 * fleet.ready // fleet.wanted if fleet.wanted else 0,
        acknowledged=_weight(kept) if is_taken else None,
        sees=unseen is None,
        unseen=unseen or "",
        metrics=metrics.learned(compared, observed.told, stable),
        figures=figures,
        share=_share(kept, figures),
        in_flight=counting.in_flight(observed.gateways, candidate) if candidate else 0,
        restarts=_restarts(observed, candidate),
        paused=bool(settings.paused),
        promotes_itself=settings.auto_promote is not False,
        command=deployment.metadata.command,
    )


def _weight(kept: Record) -> int:
    """That of the last run; a run that went back has none."""
    return kept.rollout.run.weight if kept.rollout.run else 0


def _unseen(observed: Observed, run: Run | None, compared: Sequence[Metric]) -> str | None:
    """Whose figures are missing now, in words."""
    if not counting.all_answered(observed.gateways):
        return "a gateway does not tell what it counted"
    if run is None:
        return None
    # A revision that waits for its pods, or has given its traffic away, need not have engines that serve.
    is_compared = run.phase in COMPARED
    asked = [run.stable, run.candidate] if is_compared else [run.stable]
    return engine_counts.missing(observed.told, compared, asked)


def _share(kept: Record, figures: Figures | None) -> tuple[int, int]:
    """Requests of the candidate and of both in a stretch that lies wholly within the step."""
    run, base = kept.rollout.run, kept.base
    if run is None or base is None or figures is None or run.step_since is None:
        return 0, 0
    if base.at < run.step_since + run.plan.limits.settle:
        return 0, 0
    pairs = figures.windows.get(counting.REJECTIONS, ())
    of_candidate = sum(pair.candidate.total for pair in pairs)
    return of_candidate, of_candidate + sum(pair.stable.total for pair in pairs)


def _fleet(observed: Observed, roles: Roles, key: str | None) -> Fleet:
    if key is None:
        return Fleet()
    deployment, wanted = observed.deployment(key), roles.replicas.get(key, 0)
    ready = ready_replicas(deployment) if is_current(deployment) else 0
    return Fleet(min(ready, wanted), wanted)


def _restarts(observed: Observed, key: str | None) -> int:
    """Of the containers of a revision's pods, as far as these were looked at."""
    if key is None:
        return 0
    told = observed.told_by(key)
    if told:
        return sum(engine.restarts for engine in told)
    return sum(map(restarts_of, observed.pods_of(key)))


def _roles(
    deployment: DeepSeekDeployment,
    observed: Observed,
    kept: Record,
    *,
    target: str,
    can_start: bool,
) -> Roles:
    """The stable revision first: what serves is repaired first."""
    rollout, run = kept.rollout, kept.rollout.run
    stable = rollout.stable
    replicas = {stable: _wanted(deployment, observed, kept, stable, target=target)}
    weights, then = {}, {}
    if run is not None and not run.is_over:
        other = run.stable if stable == run.candidate else run.candidate
        if other != stable and (can_start or observed.deployment(other) is not None):
            replicas[other] = _wanted(deployment, observed, kept, other, target=target)
        if run.weight and stable != run.candidate:
            # Named first: with a sticky key, who was with the candidate stays when its share grows.
            weights = {run.candidate: run.weight, stable: 100 - run.weight}
            then = {run.candidate: (stable,)}
    return Roles(
        target=target,
        serving=stable,
        replicas=replicas,
        takes_over=False,
        weights=weights,
        then=then,
    )


def _wanted(
    deployment: DeepSeekDeployment, observed: Observed, kept: Record, key: str, *, target: str
) -> int:
    """The spec's number is that of the revision that it asks for; another keeps what it had."""
    if key == target:
        return deployment.spec.replicas
    known = kept.replicas.get(key)
    if known is not None:
        return known
    present = observed.deployment(key) or {}
    return int(present.get("spec", {}).get("replicas", deployment.spec.replicas))


def _replicas(
    deployment: DeepSeekDeployment, observed: Observed, kept: Record, stable: str, *, target: str
) -> dict[str, int]:
    """Of every revision with a role that the spec does not speak of any more."""
    run = kept.rollout.run
    keys = {stable, *([run.candidate, run.stable] if run and not run.is_over else [])}
    return {
        key: _wanted(deployment, observed, kept, key, target=target)
        for key in sorted(keys - {target})
    }


def stalled(deployment: DeepSeekDeployment, course: Course | None, target: str) -> Finding | None:
    """The spec asks for what was rolled back: a person has to change it, or ask for another try."""
    if course is None or course.is_under_way:
        return None
    failure = course.record.rollout.failure_of(target)
    run = course.run
    if failure is None or run is None or target == course.record.rollout.stable:
        return None
    return Finding(
        Reason.ROLLED_BACK,
        f"revision {target} was rolled back ({failure.cause}): {failure.said}; change the spec, or "
        f"ask for another try: kubectl deepseek retry {deployment.metadata.name}, or annotation "
        f"{names.COMMAND_ANNOTATION}=retry:{run.name}/{run.step}",
    )


def entry(course: Course) -> Manifest | None:
    """As status has it; None before the first run."""
    run = course.run
    if run is None and course.trouble is not None:
        return {
            "phase": "Idle",
            "reason": "RecordUnreadable",
            "message": f"{course.trouble}: all requests go to the revision that serves"[:1024],
            "record": record.dump(course.record),
        }
    if run is None:
        return None
    expected = estimate.left(run)
    shown = run.step + 1 if run.phase is not Phase.STARTING else 0
    reason, said = str(run.cause), run.said
    if course.roles.cut_off:
        reason = "RollbackStalled"
        said = f"a gateway has not left it, so its addresses are withdrawn ({run.cause}): {said}"
    return {
        "run": run.name,
        "at": f"{run.name}/{run.step}",
        "phase": str(run.phase),
        "reason": reason,
        "message": said[:1024],
        "step": shown,
        "steps": len(run.plan.steps),
        "weight": 0 if run.phase is Phase.ROLLED_BACK else run.weight,
        "candidate": run.candidate,
        "stable": run.stable,
        "since": run.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        **({} if expected is None else {"decisionSeconds": int(expected.total_seconds())}),
        "command": course.record.rollout.answer,
        "metrics": [_metric(run, metric) for metric in run.plan.metrics],
        "record": record.dump(course.record),
    }


def _metric(run: Run, metric: Metric) -> Manifest:
    """One thing that is compared, as status has it."""
    found = run.evidence.get(metric.name, Evidence())
    limit = {} if metric.limit is None else {"limitMilliseconds": round(1000 * metric.limit)}
    return {
        "name": metric.name,
        "verdict": str(found.verdict(run.plan.bar)),
        **limit,
        "candidateRequests": found.seen.candidate.total,
        "candidateBad": found.seen.candidate.bad,
        "stableRequests": found.seen.stable.total,
        "stableBad": found.seen.stable.bad,
    }
