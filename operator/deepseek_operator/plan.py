"""make_plan(): from an object and what was observed to what must be written. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from deepseek_operator import baseline as baselines
from deepseek_operator import beginning as beginnings
from deepseek_operator import (
    canary,
    copying,
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
)
from deepseek_operator import shapes as shapes_of
from deepseek_operator.api import names
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import children, pod_monitor
from deepseek_operator.build import status as status_builder
from deepseek_operator.canary import Course
from deepseek_operator.diagnosis import Finding, diagnose
from deepseek_operator.engines.contract import EngineImages
from deepseek_operator.fallbacks import Entry
from deepseek_operator.fetching import Fetching, plan_fetching
from deepseek_operator.observed import (
    ENGINE_SETS,
    Manifest,
    Observed,
    is_at_strength,
    is_owner,
    revision_of,
)
from deepseek_operator.rollout import replacing, switch
from deepseek_operator.rollout.revisions import Shape, target_key
from deepseek_operator.warming import Warming, is_locked, plan_warming
from deepseek_operator.warmth import Warmth

HISTORY_LIMIT = 10
"""ControllerRevisions kept beside those in use, so that going back is exact."""

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
    plan = _plan_from(
        deployment, observed, stored=stored, images=images, now=now, obstacle=obstacle
    )
    if _recorded(plan.status) == _recorded(stored):
        return plan
    if "rollout" in plan.status:
        # What a Canary does follows from its new record already.
        return replace(plan, records=True)
    decided = {**stored, **{name: plan.status[name] for name in _DECIDED if name in plan.status}}
    followed = _plan_from(
        deployment, observed, stored=decided, images=images, now=now, obstacle=obstacle
    )
    return replace(followed, records=True)


def _plan_from(
    deployment: DeepSeekDeployment,
    observed: Observed,
    *,
    stored: Manifest,
    images: EngineImages,
    now: datetime,
    obstacle: Finding | None,
) -> Plan:
    target = target_key(deployment.spec)
    shape, stalled = shapes_of.of_target(deployment, observed, target, images=images)
    deployment, shape, uncounted = replicas.counted(deployment, shape, observed, key=target)
    compared = shapes_of.compared(observed, stored, target, shape)
    scaled = scaling.plan_scaling(
        deployment, observed, stored=stored, target=target, shapes=compared, now=now
    )
    deployment = scaled.deployment
    entries = fallbacks.plan_fallbacks(
        deployment, observed, stored=stored, target=target, images=images
    )
    chain = fallbacks.chain(deployment, entries)
    baseline = baselines.plan_baseline(deployment, observed, target=target, images=images)
    begins = beginnings.plan_beginning(
        deployment, observed, stored=stored, target=target, shape=shape, entries=entries
    )
    course = canary.course(
        deployment,
        observed,
        stored=stored,
        target=target,
        shapes=compared,
        now=now,
        chain=chain,
        unprepared=_unprepared(deployment, observed, target, shape, now=now),
        begins_by=beginnings.of_run(begins),
    )
    roles = course.roles if course else None
    if roles is None:
        roles = chain.behind(
            _roles(
                deployment,
                observed,
                stored,
                target=target,
                can_start=shape is not None,
                entries=entries,
                baseline=baseline,
            )
        )
    roles = scaled.raised(roles)
    further = entries if baseline is None else (baseline, *entries)
    shapes = shapes_of.with_pods(observed, roles, shape, further)
    asking = {one.key: one.deployment for one in further if one.key != target}
    waiting = target if begins.missing else None
    fetched = _fetched(deployment, observed, shapes, asking, waiting=waiting, now=now)
    stalled = (
        obstacle
        or baselines.does_not_come(deployment, roles, baseline, fetched, stored)
        or stalled
        or uncounted
        or baselines.weights_stalled(fetched.get(target), baselines.last_of(stored, target))
        or route.missing(deployment, observed)
        or course_told.stalled(deployment, course, target)
    )
    warming = {
        key: plan_warming(deployment, shape, observed, now=now) for key, shape in shapes.items()
    }
    preparation = _Preparation(fetched, warming, waiting)
    desired = _desired_children(
        deployment, observed, roles, shapes, preparation, gateway_image=images.gateway
    )
    guards = reach.network_policies(
        deployment,
        observed,
        images.policies,
        routed=roles.routed,
        shapes=shapes.values(),
        fetched=fetched,
    )
    built = status_builder.build_status(
        _status_input(
            deployment,
            observed,
            roles,
            shapes if shape is None else {target: shape, **shapes},
            preparation=preparation,
            stalled=stalled,
            course=course,
            entries=entries,
            waiting=begins.missing,
            now=now,
        ),
        stored=stored,
        now=now,
    )
    status = measured.told(
        scaled.told(built),
        deployment.spec,
        catalog=observed.catalog,
        rdma=images.network.has_rdma,
        engines=observed.told,
        stored=stored,
    )
    if bound := max(len(guards), len(observed.policies)):
        status["networkPolicies"] = bound
    rest = passage.look_seconds(deployment, observed, roles)
    leftovers = _leftovers(observed, [*guards, *desired], roles)
    is_taken_up = passage.is_taken_up(deployment, observed, roles)
    if not is_taken_up:
        leftovers = [child for child in leftovers if revision_of(child) is None]
    renewed = _unique(item for one in preparation.all for item in one.delete)
    # What comes after the first revision may have been fetched already.
    all_known = set(roles.kept) == set(shapes) and roles.first is None and begins.missing is None
    run = course.run if course else None
    examined = examining.plan_examining(
        deployment,
        run,
        observed,
        shape=shapes.get(run.candidate) if run else None,
        image=images.toolbox,
        now=now,
    )
    return Plan(
        apply=(*guards, *desired),
        delete=(*leftovers, *renewed, *examined.delete),
        status=status,
        records=False,
        requeue_seconds=_requeue(
            observed,
            roles,
            leftovers,
            preparation,
            taking_up=not is_taken_up,
            is_under_way=course is not None and course.is_under_way,
            at_rest=scaled.look_seconds(groups.look_seconds(observed, rest)),
        ),
        share=_unique(item for fetching in fetched.values() for item in fetching.share),
        leave=_unused(deployment, observed, fetched) if all_known else (),
        start=(*(job for one in warming.values() for job in one.jobs), *examined.jobs),
        gates=tuple(gate for one in warming.values() for gate in one.gates),
    )


@dataclass(frozen=True, slots=True)
class _Preparation:
    """What revisions need before users may reach their pods: weights, then warm engines; by key."""

    fetched: dict[str, Fetching]
    warming: dict[str, Warming]
    waiting: str | None
    """The revision of which nothing is prepared yet, as there is no room for its pods."""

    @property
    def all(self) -> tuple[Fetching | Warming, ...]:
        return (*self.fetched.values(), *self.warming.values())


def _fetched(
    deployment: DeepSeekDeployment,
    observed: Observed,
    shapes: dict[str, Shape],
    asking: dict[str, DeepSeekDeployment],
    *,
    waiting: str | None,
    now: datetime,
) -> dict[str, Fetching]:
    """Of the revisions whose weights are fetched, how far these are and what they need.

    `asking` has, by revision, the object as if it asked for it: a fallback has a cache of its own. For the revision that is
    `waiting` for room nothing is fetched.
    """
    found = {
        key: plan_fetching(asking.get(key, deployment), shape, observed, now=now)
        for key, shape in shapes.items()
        if key != waiting
    }
    return {key: fetching for key, fetching in found.items() if fetching is not None}


def _unique(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """Two revisions may share one claim: it is wanted once."""
    by_name = {(item["kind"], item["metadata"]["name"]): item for item in manifests}
    return tuple(by_name.values())


def _unused(
    deployment: DeepSeekDeployment, observed: Observed, fetched: dict[str, Fetching]
) -> tuple[Manifest, ...]:
    """Jobs and claims that this object has used and does not use any more; Jobs first."""
    used = {fetching.weights.claim for fetching in fetched.values() if fetching.is_shared}
    return tuple(
        item
        for item in (*observed.jobs, *observed.claims)
        if item["metadata"]["labels"][names.WEIGHTS_LABEL] not in used
        and is_owner(deployment.metadata.uid, item)
        and "deletionTimestamp" not in item["metadata"]
    )


def _roles(
    deployment: DeepSeekDeployment,
    observed: Observed,
    stored: Manifest,
    *,
    target: str,
    can_start: bool,
    entries: tuple[Entry, ...],
    baseline: Entry | None,
) -> switch.Roles:
    serving = stored.get("serving", {})
    return switch.decide_roles(
        target=target,
        target_replicas=deployment.spec.replicas,
        target_can_start=can_start,
        stored_serving=serving.get("revision"),
        stored_replicas=int(serving.get("replicas", 0)),
        observed=observed,
        service_name=deployment.metadata.name,
        routed=passage.routed_revision(deployment, observed),
        standing=frozenset(one.key for one in entries),
        first=baselines.first(deployment, baseline),
        by_evidence=canary.is_wanted(deployment),
    )


def _unprepared(
    deployment: DeepSeekDeployment,
    observed: Observed,
    target: str,
    shape: Shape | None,
    *,
    now: datetime,
) -> str:
    """What of the target could be there before its pods and is not: its weights, and its frozen shape."""
    fetching = plan_fetching(deployment, shape, observed, now=now) if shape else None
    missing = fetching.weights.missing if fetching else None
    if missing is not None:
        return missing.message
    return "" if observed.revision(target) else "the shape of its pods is not frozen yet"


def _desired_children(
    deployment: DeepSeekDeployment,
    observed: Observed,
    roles: switch.Roles,
    shapes: dict[str, Shape],
    preparation: _Preparation,
    *,
    gateway_image: str,
) -> list[Manifest]:
    desired: list[Manifest] = []
    # A shape that cannot be read does not keep users from the pods that run with it.
    if roles.routed in shapes or observed.engine_set(roles.routed) is not None:
        leads = passage.takes_clients(deployment, observed, roles.routed)
        desired.append(
            children.build_client_service(
                deployment,
                serving_key=roles.routed,
                through_gateway=leads,
                ports=passage.client_ports(deployment, observed) if leads else ("http",),
            )
        )
        desired += passage.children(deployment, roles, image=gateway_image)
    for key, shape in shapes.items():
        number = _revision_number(observed, key)
        reference = preparation.warming[key].reference
        desired.append(
            children.build_controller_revision(
                deployment, shape, number=number, reference=reference
            )
        )
        if key not in roles.cut_off:
            desired.append(children.build_revision_service(deployment, shape))
    if desired and desired[0]["kind"] == "Service":
        # After the Services that it names, before the pods: weights wait for ready ones anyway.
        desired += passage.routes(deployment, observed, roles)
    for key, shape in shapes.items():
        if key != preparation.waiting and _can_start(observed, shape, preparation.fetched):
            fetching = preparation.fetched.get(key)
            desired.append(
                groups.build_engine_set(
                    deployment,
                    shape,
                    observed,
                    replicas=roles.replicas[key],
                    template=fetching.template if fetching else None,
                    resting=roles.resting.get(key),
                )
            )
    # Of the larger revision: what serves is not less protected while a smaller one starts.
    most = max(roles.replicas.values(), default=0)
    budget = children.build_disruption_budget(deployment, replicas=most)
    if budget is not None:
        desired.append(budget)
    if observed.monitoring is not None:
        desired.append(pod_monitor.build_pod_monitor(deployment, observed.monitoring.labels))
    return desired


def _can_start(observed: Observed, shape: Shape, fetched: dict[str, Fetching]) -> bool:
    """No pod holds accelerators while its weights are fetched; one that is there is left alone."""
    is_fetched = shape.key not in fetched or fetched[shape.key].weights.missing is None
    is_possible = is_fetched and groups.can_be_made(observed, shape)
    return is_possible or observed.engine_set(shape.key) is not None


def _revision_number(observed: Observed, key: str) -> int:
    """The revision's own number, or one above the highest: the order in which they were made."""
    own = observed.revision(key)
    if own is not None:
        return int(own["revision"])
    return max((int(item["revision"]) for item in observed.revisions), default=0) + 1


def _leftovers(observed: Observed, desired: list[Manifest], roles: switch.Roles) -> list[Manifest]:
    """Children that nothing wants: old pods and Services, and old revisions past the history."""
    wanted = {(item["kind"], item["metadata"]["name"]) for item in desired}
    unwanted = [
        child
        for child in observed.children
        if child["kind"] != "ControllerRevision"
        and (child["kind"], child["metadata"]["name"]) not in wanted
        and not _serves_users(child, roles)
    ]
    history = sorted(
        (item for item in observed.revisions if revision_of(item) not in roles.kept),
        key=lambda item: int(item["revision"]),
        reverse=True,
    )
    return [*unwanted, *history[HISTORY_LIMIT:]]


def _serves_users(child: Manifest, roles: switch.Roles) -> bool:
    """Of a revision with a role, or of all of them: not let go even if its shape cannot be read."""
    key = revision_of(child)
    if key is None:
        return child["kind"] == "Service" and roles.serving is not None
    return child["kind"] in (*ENGINE_SETS, "Service") and key in set(roles.kept) - roles.cut_off


def _status_input(
    deployment: DeepSeekDeployment,
    observed: Observed,
    roles: switch.Roles,
    shapes: dict[str, Shape],
    *,
    preparation: _Preparation,
    stalled: Finding | None,
    course: Course | None,
    entries: tuple[Entry, ...],
    waiting: Finding | None,
    now: datetime,
) -> status_builder.StatusInput:
    routed, target = roles.routed, roles.target

    def cause(key: str) -> Finding | None:
        return _cause(observed, roles, preparation, key)

    return status_builder.StatusInput(
        deployment=deployment,
        observed=observed,
        roles=roles,
        shapes=shapes,
        weights=tuple(fetching.weights for fetching in preparation.fetched.values()),
        warmth=_warmth(observed, roles, shapes, preparation),
        cause=cause(routed),
        candidate_cause=None if target == routed or roles.first else cause(target),
        stalled=stalled,
        gateway=passage.access(deployment, observed, roles, now=now),
        rollout=course_told.entry(course) if course else None,
        sizing=replicas.sizing_entry(deployment, shapes.get(target)),
        waiting=waiting,
        outage=replacing.outage(course.run) if course else None,
        fallback=tuple(
            fallbacks.standing(one, observed, roles, cause=cause(one.key)) for one in entries
        ),
    )


def _cause(
    observed: Observed, roles: switch.Roles, preparation: _Preparation, key: str
) -> Finding | None:
    """Why a revision does not serve in full: its weights, what its pods complain of, or the cold."""
    if _at_strength(observed, roles, key):
        return None
    fetching, warming = preparation.fetched.get(key), preparation.warming.get(key)
    missing = fetching.weights.missing if fetching else None
    if observed.engine_set(key) is None and missing is not None:
        return missing
    if fetching is not None and not fetching.is_shared:
        copied = copying.progress(observed, key, fetching.weights.source)
        if copied is not None:
            return copied
    found = diagnose(observed, key, beside=roles.serving if key == roles.target else None)
    cold = warming.finding if warming else None
    if found is None or cold is None:
        return found or cold
    # An engine that is being warmed up does not answer its probe, and that is no complaint. How the
    # process before it ended is one, but not beside what keeps its own warm-up from succeeding.
    ended = found.reason in (Reason.ENGINE_FAILED, Reason.OUT_OF_MEMORY)
    is_past = ended and cold.reason is not Reason.WARMING_UP
    return cold if is_past or found.reason is Reason.NOT_ANSWERING else found


def _warmth(
    observed: Observed,
    roles: switch.Roles,
    shapes: dict[str, Shape],
    preparation: _Preparation,
) -> tuple[Warmth, ...]:
    """Of the revisions with pods, the serving one first."""
    return tuple(
        Warmth(
            key=key,
            is_locked=is_locked(shape.template),
            at_strength=_at_strength(observed, roles, key),
            pods=preparation.warming[key].pods,
        )
        for key, shape in shapes.items()
        if key in preparation.warming and observed.engine_set(key) is not None
    )


def _at_strength(observed: Observed, roles: switch.Roles, key: str) -> bool:
    return is_at_strength(observed.engine_set(key), roles.replicas.get(key, 0))


def _recorded(status: Manifest) -> object:
    """The part of a status that effects are derived from."""
    return (
        status.get("serving", {}).get("revision"),
        status.get("rollout", {}).get("record"),
        scaling.numbers(status.get("autoscaling", ())),
    )


def _requeue(
    observed: Observed,
    roles: switch.Roles,
    leftovers: list[Manifest],
    preparation: _Preparation,
    *,
    taking_up: bool,
    is_under_way: bool,
    at_rest: float | None,
) -> float | None:
    waiting = any(not _at_strength(observed, roles, key) for key in roles.kept)
    fetching = any(one.weights.missing for one in preparation.fetched.values())
    leaving = any(child["kind"] in ENGINE_SETS for child in leftovers)
    if taking_up:
        return TAKING_UP_SECONDS
    if preparation.waiting:
        return beginnings.LOOK_SECONDS
    if is_under_way:
        return canary.PASS_SECONDS
    return TROUBLE_SECONDS if waiting or fetching or leaving else at_rest
