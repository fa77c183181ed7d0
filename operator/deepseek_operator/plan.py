"""make_plan(): from an object and what was observed to what must be written. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import children
from deepseek_operator.build import status as status_builder
from deepseek_operator.diagnosis import Finding, diagnose
from deepseek_operator.engines.contract import EngineImages
from deepseek_operator.errors import Stalled
from deepseek_operator.observed import Manifest, Observed, is_at_strength, revision_of
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout import switch
from deepseek_operator.rollout.revisions import Shape, revision_key, shape_from_data

HISTORY_LIMIT = 10
"""ControllerRevisions kept beside those in use, so that going back is exact."""

TROUBLE_SECONDS = 10.0
"""How soon a pass looks again at pods that do not serve and sent no event."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one pass writes.

    `apply` in order, complete objects; `delete` observed children; then `status`. With `records` the
    status holds a decision that the rest follows from: then it is written first, and what it says is
    of the cluster once the rest is done.
    """

    apply: tuple[Manifest, ...]
    delete: tuple[Manifest, ...]
    status: Manifest
    records: bool
    requeue_seconds: float | None


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
    decided = {**stored, "serving": plan.status["serving"]}
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
    target = revision_key(deployment.spec)
    shape, stalled = _target_shape(deployment, observed, target, images=images)
    roles = _roles(deployment, observed, stored, target=target, can_start=shape is not None)
    shapes = _shapes(observed, roles, shape)
    desired = _desired_children(deployment, observed, roles, shapes)
    status = status_builder.build_status(
        _status_input(deployment, observed, roles, shapes, obstacle or stalled),
        stored=stored,
        now=now,
    )
    leftovers = _leftovers(observed, desired, roles)
    return Plan(
        apply=tuple(desired),
        delete=tuple(leftovers),
        status=status,
        records=False,
        requeue_seconds=_requeue(observed, roles, leftovers),
    )


def _target_shape(
    deployment: DeepSeekDeployment, observed: Observed, target: str, *, images: EngineImages
) -> tuple[Shape | None, Finding | None]:
    """The shape frozen for the target, else a new one; or what keeps it from being resolved."""
    try:
        frozen = _frozen_shape(observed, target)
        return frozen or resolve_shape(deployment, deployment.spec, images=images), None
    except Stalled as stalled:
        return None, Finding(stalled.reason, stalled.message)


def _frozen_shape(observed: Observed, key: str) -> Shape | None:
    """The shape as its ControllerRevision holds it, or as its running Deployment still shows it."""
    revision = observed.revision(key)
    if revision is not None:
        return shape_from_data(key, revision["data"])
    running = observed.deployment(key)
    if running is not None:
        return children.shape_of_deployment(key, running)
    return None


def _roles(
    deployment: DeepSeekDeployment,
    observed: Observed,
    stored: Manifest,
    *,
    target: str,
    can_start: bool,
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
    )


def _shapes(observed: Observed, roles: switch.Roles, target: Shape | None) -> dict[str, Shape]:
    """The shapes of the revisions with pods; one that cannot be read is left as it runs."""
    shapes: dict[str, Shape] = {}
    for key in roles.kept:
        try:
            shape = target if key == roles.target else _frozen_shape(observed, key)
        except Stalled:
            continue
        if shape is not None:
            shapes[key] = shape
    return shapes


def _desired_children(
    deployment: DeepSeekDeployment,
    observed: Observed,
    roles: switch.Roles,
    shapes: dict[str, Shape],
) -> list[Manifest]:
    desired: list[Manifest] = []
    # A shape that cannot be read does not keep users from the pods that run with it.
    if roles.routed in shapes or observed.deployment(roles.routed) is not None:
        desired.append(children.build_client_service(deployment, serving_key=roles.routed))
    for key, shape in shapes.items():
        number = _revision_number(observed, key)
        desired.append(children.build_controller_revision(deployment, shape, number=number))
        desired.append(children.build_revision_service(deployment, shape))
        desired.append(children.build_deployment(deployment, shape, replicas=roles.replicas[key]))
    # Of the larger revision: what serves is not less protected while a smaller one starts.
    most = max(roles.replicas.values(), default=0)
    budget = children.build_disruption_budget(deployment, replicas=most)
    return desired if budget is None else [*desired, budget]


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
        for child in (*observed.deployments, *observed.services, *observed.budgets)
        if (child["kind"], child["metadata"]["name"]) not in wanted
        and not _serves_users(child, roles)
    ]
    history = sorted(
        (item for item in observed.revisions if revision_of(item) not in roles.kept),
        key=lambda item: int(item["revision"]),
        reverse=True,
    )
    return [*unwanted, *history[HISTORY_LIMIT:]]


def _serves_users(child: Manifest, roles: switch.Roles) -> bool:
    """Of the serving revision, or of all of them: not let go even if its shape cannot be read."""
    if roles.serving is None or child["kind"] == "PodDisruptionBudget":
        return False
    return revision_of(child) in (roles.serving, None)


def _status_input(
    deployment: DeepSeekDeployment,
    observed: Observed,
    roles: switch.Roles,
    shapes: dict[str, Shape],
    stalled: Finding | None,
) -> status_builder.StatusInput:
    routed = roles.routed
    return status_builder.StatusInput(
        deployment=deployment,
        observed=observed,
        roles=roles,
        shapes=shapes,
        cause=None if _at_strength(observed, roles, routed) else diagnose(observed, routed),
        candidate_cause=(
            None
            if roles.target == routed or _at_strength(observed, roles, roles.target)
            else diagnose(observed, roles.target)
        ),
        stalled=stalled,
    )


def _at_strength(observed: Observed, roles: switch.Roles, key: str) -> bool:
    return is_at_strength(observed.deployment(key), roles.replicas.get(key, 0))


def _recorded(status: Manifest) -> object:
    """The part of a status that effects are derived from."""
    return status.get("serving", {}).get("revision")


def _requeue(observed: Observed, roles: switch.Roles, leftovers: list[Manifest]) -> float | None:
    waiting = any(not _at_strength(observed, roles, key) for key in roles.kept)
    leaving = any(child["kind"] == "Deployment" for child in leftovers)
    return TROUBLE_SECONDS if waiting or leaving else None
