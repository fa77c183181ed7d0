"""make_plan(): from an object and what was observed to what must be written. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from deepseek_operator import baseline as baselines
from deepseek_operator import beginning as beginnings
from deepseek_operator import (
    canary,
    course_told,
    examining,
    fallbacks,
    groups,
    measured,
    passage,
    reach,
    replicas,
    route,
    scaling,
    status_told,
    wanted,
)
from deepseek_operator import shapes as shapes_of
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.beginning import Beginning
from deepseek_operator.build import status as status_builder
from deepseek_operator.canary import Course
from deepseek_operator.diagnosis import Finding
from deepseek_operator.engines.contract import EngineImages
from deepseek_operator.fallbacks import Entry
from deepseek_operator.observed import ENGINE_SETS, Manifest, Observed, revision_of
from deepseek_operator.preparation import Preparation, plan_preparation, unprepared
from deepseek_operator.rollout import switch
from deepseek_operator.rollout.revisions import Shape, target_key
from deepseek_operator.scaling import Scaling

TROUBLE_SECONDS = 10.0
"""How soon a pass looks again at pods that do not serve and sent no event."""

TAKING_UP_SECONDS = 1.0
"""How soon a pass asks gateways again that have not taken up what they were told."""


_DECIDED = ("serving", "autoscaling")
"""Fields of the status that hold decisions, beside the rollout's."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one pass writes.

    `apply` in order, complete objects; `delete` observed children; then `status`. With `records` the
    status holds a decision that the rest follows from: then it is written first, and what it says is
    of the cluster once the rest is done. What several objects use together is in `share` (complete
    objects, of which this one becomes an owner) and `leave` (observed ones that it does not use).
    `start` is created unless it is there; `gates` are statuses of pods.
    """

    apply: tuple[Manifest, ...]
    delete: tuple[Manifest, ...]
    status: Manifest
    records: bool
    requeue_seconds: float | None
    share: tuple[Manifest, ...] = ()
    leave: tuple[Manifest, ...] = ()
    start: tuple[Manifest, ...] = ()
    gates: tuple[Manifest, ...] = ()


@dataclass(frozen=True, slots=True)
class _Given:
    """What a pass goes by."""

    deployment: DeepSeekDeployment
    observed: Observed
    stored: Manifest
    images: EngineImages
    now: datetime
    obstacle: Finding | None


@dataclass(frozen=True, slots=True)
class _Aim:
    """What the object asks for, in full: numbers are counted and scaled, and shapes are known."""

    deployment: DeepSeekDeployment
    target: str
    shape: Shape | None
    stalled: Finding | None
    """Why the target has no shape, or no number."""
    compared: dict[str, Shape]
    scaled: Scaling
    entries: tuple[Entry, ...]
    """The fallbacks."""
    baseline: Entry | None
    begins: Beginning

    @property
    def further(self) -> tuple[Entry, ...]:
        """Those beside the target that the object says itself."""
        return self.entries if self.baseline is None else (self.baseline, *self.entries)

    @property
    def waiting(self) -> str | None:
        """The target where there is no room for its pods."""
        return self.target if self.begins.missing else None


@dataclass(frozen=True, slots=True)
class _Decision:
    """Who has which role, by which run, and what these need first."""

    course: Course | None
    roles: switch.Roles
    shapes: dict[str, Shape]
    preparation: Preparation


def make_plan(
    deployment: DeepSeekDeployment,
    observed: Observed,
    *,
    stored: Manifest,
    images: EngineImages,
    now: datetime,
    obstacle: Finding | None = None,
) -> Plan:
    """Everything that must be written so that the cluster becomes what the object asks for.

    `stored` is the object's status as the API server holds it; `obstacle` is what stopped this very
    plan while it was carried out, for its status to tell. A decision is followed up at once: the plan
    is the one that a pass would make that read the decision back.
    """
    given = _Given(deployment, observed, stored, images, now, obstacle)
    plan = _plan_from(given)
    if _recorded(plan.status) == _recorded(stored):
        return plan
    if "rollout" in plan.status and canary.is_wanted(deployment):
        # What a Canary does follows from its new record already.
        return replace(plan, records=True)
    decided = {**stored, **{name: plan.status[name] for name in _DECIDED if name in plan.status}}
    followed = _plan_from(replace(given, stored=decided))
    return replace(followed, records=True)


def _plan_from(given: _Given) -> Plan:
    """Aim, decide, and write out what follows."""
    aim = _aim(given)
    decision = _decide(given, aim)
    deployment, observed = aim.deployment, given.observed
    roles, shapes, preparation = decision.roles, decision.shapes, decision.preparation
    guards = _guards(given, aim, decision)
    desired = wanted.desired_children(
        deployment, observed, roles, shapes, preparation, images=given.images
    )
    examined = _examined(given, aim, decision)
    leftovers = wanted.leftovers(observed, [*guards, *desired], roles)
    is_taken_up = passage.is_taken_up(deployment, observed, roles)
    if not is_taken_up:
        unasked = {None, *passage.unasked(observed, roles)}
        leftovers = [child for child in leftovers if revision_of(child) in unasked]
    # What comes after the first revision may have been fetched already.
    all_known = set(roles.kept) == set(shapes) and roles.first is None and not aim.waiting
    return Plan(
        apply=(*guards, *desired),
        delete=(*leftovers, *preparation.delete, *examined.delete),
        status=_status(given, aim, decision, guards=guards),
        records=False,
        requeue_seconds=_requeue(given, aim, decision, leftovers, taking_up=not is_taken_up),
        share=preparation.share,
        leave=preparation.unused(deployment, observed) if all_known else (),
        start=(*preparation.start, *examined.jobs),
        gates=preparation.gates,
    )


def _aim(given: _Given) -> _Aim:
    observed, stored, images = given.observed, given.stored, given.images
    target = target_key(given.deployment.spec)
    shape, stalled = shapes_of.of_target(given.deployment, observed, target, images=images)
    counted, shape, uncounted = replicas.counted(given.deployment, shape, observed, key=target)
    compared = shapes_of.compared(observed, stored, target, shape)
    scaled = scaling.plan_scaling(
        counted, observed, stored=stored, target=target, shapes=compared, now=given.now
    )
    deployment = scaled.deployment
    entries = fallbacks.plan_fallbacks(
        deployment, observed, stored=stored, target=target, images=images
    )
    return _Aim(
        deployment=deployment,
        target=target,
        shape=shape,
        stalled=stalled or uncounted,
        compared=compared,
        scaled=scaled,
        entries=entries,
        baseline=baselines.plan_baseline(deployment, observed, target=target, images=images),
        begins=beginnings.plan_beginning(
            deployment, observed, stored=stored, target=target, shape=shape, entries=entries
        ),
    )


def _decide(given: _Given, aim: _Aim) -> _Decision:
    deployment, observed, now = aim.deployment, given.observed, given.now
    chain = fallbacks.chain(deployment, aim.entries)
    plain = chain.behind(_roles(given, aim))
    course = canary.course(
        deployment,
        observed,
        stored=given.stored,
        target=aim.target,
        shapes=aim.compared,
        now=now,
        chain=chain,
        unprepared=unprepared(deployment, observed, aim.target, aim.shape, now=now),
        begins_by=beginnings.of_run(aim.begins),
        otherwise=plain,
    )
    roles = course.roles if course else plain
    roles = aim.scaled.raised(roles)
    shapes = shapes_of.with_pods(observed, roles, aim.shape, aim.further)
    asking = {one.key: one.deployment for one in aim.further if one.key != aim.target}
    preparation = plan_preparation(
        deployment, observed, shapes, asking=asking, waiting=aim.waiting, now=now
    )
    return _Decision(course, roles, shapes, preparation)


def _roles(given: _Given, aim: _Aim) -> switch.Roles:
    """Without any run."""
    deployment, serving = aim.deployment, given.stored.get("serving", {})
    return switch.decide_roles(
        target=aim.target,
        target_replicas=deployment.spec.replicas,
        target_can_start=aim.shape is not None,
        stored_serving=serving.get("revision"),
        stored_replicas=int(serving.get("replicas", 0)),
        observed=given.observed,
        service_name=deployment.metadata.name,
        routed=passage.routed_revision(deployment, given.observed),
        standing=frozenset(one.key for one in aim.entries),
        first=baselines.first(deployment, aim.baseline),
        by_evidence=canary.is_wanted(deployment),
    )


def _guards(given: _Given, aim: _Aim, decision: _Decision) -> list[Manifest]:
    return reach.network_policies(
        aim.deployment,
        given.observed,
        given.images.policies,
        tracing=given.images.tracing,
        routed=decision.roles.routed,
        shapes=decision.shapes.values(),
        fetched=decision.preparation.fetched,
    )


def _examined(given: _Given, aim: _Aim, decision: _Decision) -> examining.Examining:
    run = decision.course.run if decision.course else None
    return examining.plan_examining(
        aim.deployment,
        run,
        given.observed,
        shape=decision.shapes.get(run.candidate) if run else None,
        image=given.images.toolbox,
        now=given.now,
    )


def _stalled(given: _Given, aim: _Aim, decision: _Decision) -> Finding | None:
    """What a person has to change, the most urgent first."""
    deployment, stored, target = aim.deployment, given.stored, aim.target
    fetched = decision.preparation.fetched
    return (
        given.obstacle
        or baselines.does_not_come(deployment, decision.roles, aim.baseline, fetched, stored)
        or aim.stalled
        or baselines.weights_stalled(fetched.get(target), baselines.last_of(stored, target))
        or route.missing(deployment, given.observed)
        or course_told.stalled(deployment, decision.course, target)
    )


def _status(
    given: _Given, aim: _Aim, decision: _Decision, *, guards: Sequence[Manifest]
) -> Manifest:
    deployment, observed, course = aim.deployment, given.observed, decision.course
    shapes = decision.shapes
    built = status_builder.build_status(
        status_told.status_input(
            deployment,
            observed,
            decision.roles,
            shapes if aim.shape is None else {aim.target: aim.shape, **shapes},
            preparation=decision.preparation,
            stalled=_stalled(given, aim, decision),
            course=None if course and course.is_aside else course,
            entries=aim.entries,
            waiting=aim.begins.missing,
            now=given.now,
        ),
        stored=given.stored,
        now=given.now,
    )
    built.update(course_told.kept_aside(course))
    status = measured.told(
        aim.scaled.told(built),
        deployment.spec,
        catalog=observed.catalog,
        rdma=given.images.network.has_rdma,
        engines=observed.told,
        stored=given.stored,
    )
    if bound := max(len(guards), len(observed.policies)):
        status["networkPolicies"] = bound
    return status


def _recorded(status: Manifest) -> object:
    """The part of a status that effects are derived from."""
    return (
        status.get("serving", {}).get("revision"),
        status.get("rollout", {}).get("record"),
        scaling.numbers(status.get("autoscaling", ())),
    )


def _requeue(
    given: _Given,
    aim: _Aim,
    decision: _Decision,
    leftovers: Sequence[Manifest],
    *,
    taking_up: bool,
) -> float | None:
    observed, roles, course = given.observed, decision.roles, decision.course
    waiting = any(not status_told.at_strength(observed, roles, key) for key in roles.kept)
    fetching = decision.preparation.is_fetching
    leaving = any(child["kind"] in ENGINE_SETS for child in leftovers)
    if taking_up:
        return TAKING_UP_SECONDS
    if aim.waiting:
        return beginnings.LOOK_SECONDS
    if course is not None and course.is_under_way:
        return canary.PASS_SECONDS
    rest = passage.look_seconds(aim.deployment, observed, roles)
    at_rest = aim.scaled.look_seconds(groups.look_seconds(observed, rest))
    return TROUBLE_SECONDS if waiting or fetching or leaving else at_rest
