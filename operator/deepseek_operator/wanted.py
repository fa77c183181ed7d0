"""Which children an object has: those that are wanted, in the order of writing, and those that nothing wants. Pure."""

from collections.abc import Iterator, Sequence

from deepseek_operator import groups, passage
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import children, pod_monitor
from deepseek_operator.engines.contract import EngineImages
from deepseek_operator.fetching import Fetching
from deepseek_operator.observed import ENGINE_SETS, Manifest, Observed, revision_of
from deepseek_operator.preparation import Preparation
from deepseek_operator.rollout import switch
from deepseek_operator.rollout.revisions import Shape

HISTORY_LIMIT = 10
"""ControllerRevisions kept beside those in use, so that going back is exact."""


def desired_children(
    deployment: DeepSeekDeployment,
    observed: Observed,
    roles: switch.Roles,
    shapes: dict[str, Shape],
    preparation: Preparation,
    *,
    images: EngineImages,
) -> list[Manifest]:
    """Complete objects: what clients reach, what revisions are, their pods, and what watches over these."""
    desired = [*_before_revisions(deployment, observed, roles, shapes, images=images)]
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
    desired += _engine_sets(deployment, observed, roles, shapes, preparation)
    desired += _beside_pods(deployment, observed, roles)
    return desired


def _before_revisions(
    deployment: DeepSeekDeployment,
    observed: Observed,
    roles: switch.Roles,
    shapes: dict[str, Shape],
    *,
    images: EngineImages,
) -> Iterator[Manifest]:
    """The clients' Service, and the gateway.

    A shape that cannot be read does not keep users from the pods that run with it, nor a spec that cannot be
    served from whoever stands in for it.
    """
    answering = (roles.routed, *roles.then.get(roles.routed, ()))
    if not any(key in shapes or observed.engine_set(key) for key in answering):
        return
    leads = passage.takes_clients(deployment, observed, roles.routed)
    yield children.build_client_service(
        deployment,
        serving_key=roles.routed,
        through_gateway=leads,
        ports=passage.client_ports(deployment, observed) if leads else ("http",),
    )
    yield from passage.children(deployment, observed, roles, images=images)


def _engine_sets(
    deployment: DeepSeekDeployment,
    observed: Observed,
    roles: switch.Roles,
    shapes: dict[str, Shape],
    preparation: Preparation,
) -> Iterator[Manifest]:
    # A first revision that the spec asked for before goes before pods of others are made.
    makes_way = bool(passage.unasked(observed, roles))
    for key, shape in shapes.items():
        if makes_way and observed.engine_set(key) is None:
            continue
        if key != preparation.waiting and _can_start(observed, shape, preparation.fetched):
            fetching = preparation.fetched.get(key)
            yield groups.build_engine_set(
                deployment,
                shape,
                observed,
                replicas=roles.replicas[key],
                template=fetching.template if fetching else None,
                resting=roles.resting.get(key),
            )


def _beside_pods(
    deployment: DeepSeekDeployment, observed: Observed, roles: switch.Roles
) -> Iterator[Manifest]:
    for key, replicas in roles.replicas.items():
        budget = children.build_disruption_budget(deployment, key, replicas=replicas)
        if budget is not None:
            yield budget
    if observed.monitoring is not None:
        yield pod_monitor.build_pod_monitor(deployment, observed.monitoring.labels)


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


def leftovers(
    observed: Observed, desired: Sequence[Manifest], roles: switch.Roles
) -> list[Manifest]:
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
