"""A run's next moment, from what status keeps of it and what gateways and pods say; and the roles that follow. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from deepseek_operator import (
    comparison,
    counted,
    exam_results,
    passage,
    records,
    replaced,
    replicas,
    sight,
)
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import gateway
from deepseek_operator.build import quality as exams
from deepseek_operator.observed import (
    Manifest,
    Observed,
    is_current,
    is_unheard,
    ready_replicas,
    replicas_of,
)
from deepseek_operator.rollout import (
    aside,
    counting,
    metrics,
    mirroring,
    quality,
    record,
)
from deepseek_operator.rollout import machine as machines
from deepseek_operator.rollout import run as runs
from deepseek_operator.rollout.chain import Chain
from deepseek_operator.rollout.exams import Report
from deepseek_operator.rollout.facts import Facts, Figures, Fleet
from deepseek_operator.rollout.record import Record, RecordError
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.rollout.run import ENDED, Phase, Plan, Run
from deepseek_operator.rollout.scene import elapsed
from deepseek_operator.rollout.switch import Roles

PASS_SECONDS = 2.0
"""How soon a pass looks again while a run is under way."""

_NOBODY = Chain()
_KEPT_FOR = timedelta(seconds=10)
"""A record in which nothing is new but the time of the last figures is not worth a write before that."""


@dataclass(frozen=True, slots=True)
class Begins:
    """How a run that begins now goes."""

    replaces: bool | None = None
    """Whether the stable revision makes way for it; None: as the strategy says."""
    chosen: str = ""
    """Why, where the strategy leaves it open."""
    lacking: str = ""
    """What is missing for it; empty: nothing, it begins."""
    counted: bool = True
    """Whether it was looked at just now, or need not be."""


@dataclass(frozen=True, slots=True)
class Course:
    """What status is to keep, and who gets requests and pods by it."""

    record: Record
    roles: Roles
    trouble: str | None = None
    """Why what status kept was put aside."""
    untold: tuple[str, ...] = ()
    """What cannot be compared, because an engine does not tell it."""
    is_aside: bool = False
    """Whether the strategy has no runs, and the record is kept for what it says of revisions that failed."""
    asked: str = ""
    """Which settings of the spec a run that begins now would follow."""

    @property
    def run(self) -> Run | None:
        """The present run, or the last one."""
        return self.record.rollout.run

    @property
    def is_plan_changed(self) -> bool:
        """Whether the spec asks for another plan than the run goes on by."""
        run = self.run if self.is_under_way else None
        return run is not None and bool(run.plan.asked) and run.plan.asked != self.asked

    @property
    def is_under_way(self) -> bool:
        """Whether a run has not ended."""
        return self.run is not None and not self.run.is_over


def is_wanted(deployment: DeepSeekDeployment) -> bool:
    """Whether a new revision takes over by a run, of which status keeps a record."""
    strategy = deployment.spec.rollout.strategy
    return strategy == "Replace" or (strategy in ("Canary", "Auto") and gateway.splits(deployment))


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
    unprepared: str = "",
    begins_by: Begins | None = None,
    otherwise: Roles,
) -> Course | None:
    """None before the first revision serves: there is nothing to take over from.

    `shapes` of the revisions that are known; without the target's, the spec cannot be served. `unprepared` is
    what of the target is not there yet and could be without its pods. `begins_by` is how a run that begins now goes.
    `otherwise` are the roles without any run.
    """
    can_start = target in shapes
    serving = stored.get("serving", {}).get("revision")
    if serving is None:
        return None
    if not is_wanted(deployment):
        return _aside(deployment, observed, stored=stored, chain=chain, otherwise=otherwise)
    kept, trouble = records.kept(stored, str(serving), observed, target=target, now=now)
    if trouble is not None:
        # This pass takes everybody back and says so; a new run begins with the next.
        roles = _roles(deployment, observed, kept, target=target, can_start=can_start)
        return Course(kept, chain.behind(roles), trouble=trouble)
    before = _roles(deployment, observed, kept, target=target, can_start=can_start)
    begins_by = begins_by or Begins()
    plan = comparison.plan_of(
        deployment.spec.rollout,
        candidate=shapes.get(target),
        stable=shapes.get(kept.rollout.stable),
        known=observed.catalog.models,
        has_gateways=gateway.is_embedded(deployment),
        replaces=begins_by.replaces,
    )
    plan = replace(plan, chosen=begins_by.chosen, asked=comparison.asked(deployment.spec.rollout))
    base, figures = counted.stretch(kept, observed, now=now)
    facts = _facts(
        deployment,
        observed,
        kept,
        chain.behind(before),
        plan=plan,
        figures=figures,
        target=target if can_start else None,
        shapes=shapes,
        now=now,
    )
    facts = replace(
        facts, unprepared=unprepared, lacking=begins_by.lacking, counted=begins_by.counted
    )
    decided = machines.decide(kept.rollout, facts, now=now)
    following = Record(
        _settled(kept.rollout, decided, now=now),
        base if decided.run and not decided.run.is_over else None,
        _replicas(deployment, observed, kept, decided, target=target),
    )
    return Course(
        record=following,
        asked=plan.asked,
        untold=comparison.untold(decided.run, shapes, told_before=stored.get("rollout", {})),
        roles=replace(
            chain.behind(
                _roles(deployment, observed, following, target=target, can_start=can_start)
            ),
            # A Gateway of somebody else would answer for what is withdrawn with errors of its own.
            cut_off=_cut_off(decided, now=now) if gateway.is_embedded(deployment) else frozenset(),
        ),
    )


def _aside(
    deployment: DeepSeekDeployment,
    observed: Observed,
    *,
    stored: Manifest,
    chain: Chain,
    otherwise: Roles,
) -> Course | None:
    """Of a strategy without runs: the record, as long as a revision in it failed; and no pods for that one."""
    text, target, serving = (
        stored.get("rollout", {}).get("record"),
        otherwise.target,
        otherwise.serving,
    )
    try:
        found = record.load(text) if text and serving else None
    except RecordError:
        return None
    if found is None or serving is None:
        return None
    rollout = aside.kept(
        found.rollout,
        target=target,
        serving=target if otherwise.takes_over else serving,
        command=deployment.metadata.command,
    )
    if rollout is None:
        return None
    if target == serving or rollout.failure_of(target) is None:
        return Course(Record(rollout), otherwise, is_aside=True)
    refused = replace(found, rollout=replace(rollout, stable=serving), base=None)
    pods = {serving: _wanted(deployment, observed, refused, serving, target=target)}
    roles = _roles(deployment, observed, refused, target=target, can_start=False)
    return Course(replace(refused, replicas=pods), chain.behind(roles))


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


def _facts(
    deployment: DeepSeekDeployment,
    observed: Observed,
    kept: Record,
    roles: Roles,
    *,
    plan: Plan,
    figures: Figures | None,
    target: str | None,
    shapes: Mapping[str, Shape],
    now: datetime,
) -> Facts:
    settings = deployment.spec.rollout
    run = kept.rollout.run if kept.rollout.run and not kept.rollout.run.is_over else None
    candidate = run.candidate if run else target
    stable = run.stable if run else kept.rollout.stable
    compared = (run.plan if run else plan).metrics
    unseen = sight.unseen(deployment, observed, run, compared)
    fleet = _fleet(observed, roles, candidate, now=now)
    others = _fleet(observed, roles, stable, now=now)
    # What was told is what is recorded: effects follow the record.
    is_taken = passage.has_taken(deployment, observed, roles)
    let_go = replaced.let_go(run, roles, candidate)
    return Facts(
        target=target,
        plan=plan,
        candidate=fleet,
        stable=others,
        carries=100 * fleet.sure // fleet.wanted if fleet.wanted else 0,
        bears=replicas.borne(shapes.get(candidate or ""), fleet.sure),
        stable_bears=replicas.borne(shapes.get(stable), others.wanted),
        acknowledged=_weight(kept) if is_taken else None,
        sees=unseen is None,
        unseen=unseen or "",
        metrics=metrics.learned(compared, observed.told, stable),
        figures=figures,
        sees_share=sight.is_share_known(deployment, unseen),
        is_sticky=bool(deployment.spec.gateway.sticky_header),
        in_flight=sight.in_flight(deployment, observed, let_go),
        begun=sight.begun(deployment, observed, run),
        leaving=replaced.leaving(observed, roles.replicas, stable),
        restarts=_restarts(observed, candidate),
        copies=counting.copies(observed.gateways, run.candidate) if run and run.mirrors else None,
        asks_for_pods=not deployment.spec.serves_nobody,
        paused=bool(settings.paused),
        promotes_itself=settings.auto_promote is not False,
        report=_report(deployment, observed, run),
        command=deployment.metadata.command,
    )


def _report(deployment: DeepSeekDeployment, observed: Observed, run: Run | None) -> Report | None:
    """Of the examination that is recorded."""
    if run is None or not quality.is_open(run):
        return None
    return exam_results.report_of(observed, exams.exam_name(deployment, run))


def _weight(kept: Record) -> int:
    """That of the last run; a run that went back has none."""
    return kept.rollout.run.weight if kept.rollout.run else 0


def _fleet(observed: Observed, roles: Roles, key: str | None, *, now: datetime) -> Fleet:
    if key is None:
        return Fleet()
    engine_set, wanted = observed.engine_set(key), roles.replicas.get(key, 0)
    unheard = sum(is_unheard(pod, now=now) for pod in observed.pods_of(key))
    ready = min(ready_replicas(engine_set) + unheard, wanted)
    return Fleet(ready, wanted, is_current(engine_set) and not unheard)


def _restarts(observed: Observed, key: str | None) -> dict[str, int] | None:
    """Of the containers of each of a revision's pods; None where they were not looked at."""
    told = {engine.pod: engine.restarts for engine in observed.told_by(key)}
    return {**told, **observed.restarts.get(key or "", {})} or None


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
    weights, then, candidate, mirror = {}, {}, None, None
    if run is not None and not run.is_over:
        candidate = run.candidate
        other = run.stable if stable == run.candidate else run.candidate
        if other != stable and (can_start or observed.engine_set(other) is not None):
            replicas[other] = _wanted(deployment, observed, kept, other, target=target)
            mirror = mirroring.told(run)
        if run.weight and stable != run.candidate:
            # Named first: with a sticky key, who was with the candidate stays when its share grows.
            weights = {run.candidate: run.weight, stable: 100 - run.weight}
            then = {run.candidate: (stable,)}
    roles = Roles(
        target=target,
        serving=stable,
        replicas=replicas,
        takes_over=False,
        weights=weights,
        then=then,
        candidate=candidate,
        mirror=mirror,
    )
    if run is not None and not run.is_over and run.plan.replaces:
        return replaced.emptied(roles, run, observed)
    return _at_rest(roles) if deployment.spec.serves_nobody else roles


def _at_rest(roles: Roles) -> Roles:
    """Nobody is to be served: no revision has pods, and each comes back with those that it had."""
    had = {key: pods for key, pods in roles.replicas.items() if pods}
    return replace(roles, replicas=dict.fromkeys(roles.replicas, 0), resting=had)


def _wanted(
    deployment: DeepSeekDeployment, observed: Observed, kept: Record, key: str, *, target: str
) -> int:
    """The spec's number is that of the revision that it asks for; another keeps what it had."""
    if key == target:
        return deployment.spec.replicas
    known, present = kept.replicas.get(key), observed.engine_set(key)
    if known is None:
        known = deployment.spec.replicas if present is None else replicas_of(present)
    # One that had none for want of requests is compared all the same.
    return known if deployment.spec.autoscaling is None else max(1, known)


def _replicas(
    deployment: DeepSeekDeployment,
    observed: Observed,
    kept: Record,
    decided: runs.Rollout,
    *,
    target: str,
) -> dict[str, int]:
    """Of every revision with a role that the spec does not speak of any more, or soon may not.

    A candidate that waits for its pods has none yet that would tell, when the spec turns to something else.
    """
    run = decided.run if decided.run and not decided.run.is_over else None
    others = {decided.stable, *([run.stable] if run else [])} - {target}
    keys = others | ({run.candidate} if run else set())
    return {key: _wanted(deployment, observed, kept, key, target=target) for key in sorted(keys)}
