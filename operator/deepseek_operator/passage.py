"""How clients get to engines: through the object's gateway or another's, and what that is told. Pure."""

from collections.abc import Mapping
from datetime import datetime

from deepseek_operator import door, route
from deepseek_operator.access import Access
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import gateway, gateway_document, http_route
from deepseek_operator.diagnosis import Finding, diagnose_pods
from deepseek_operator.engines.contract import EngineImages
from deepseek_operator.observed import (
    Manifest,
    Observed,
    has_served,
    is_changed_over,
    ready_replicas,
    revision_of,
)
from deepseek_operator.rollout import counting
from deepseek_operator.rollout.switch import Roles


def access(
    deployment: DeepSeekDeployment, observed: Observed, roles: Roles, *, now: datetime
) -> Access | None:
    """How far the gateway is; None where the object has none."""
    if http_route.is_wanted(deployment):
        return route.access(deployment, observed, weights(roles))
    if not gateway.is_embedded(deployment):
        return None
    wanted, ready = gateway.replicas(deployment), ready_replicas(observed.gateway)
    finding = None
    if ready < wanted:
        starting = f"{ready} of {wanted} gateway replicas are ready"
        finding = (
            door.locked(deployment, observed.gateways)
            or diagnose_pods(observed, observed.gateway_pods, made_by=observed.gateway)
            or Finding(Reason.GATEWAY_STARTING, starting)
        )
    return Access(
        wanted=wanted,
        ready=ready,
        version=told(deployment, observed, roles)["version"],
        leads=takes_clients(deployment, observed, roles.routed),
        finding=finding,
        conditions=tuple(door.condition(deployment, observed.gateways, now=now)),
    )


def weights(roles: Roles) -> Mapping[str, int]:
    """Percent of the requests by revision: all to the one that users reach, if nothing is said."""
    return roles.weights or {roles.routed: 100}


def told(deployment: DeepSeekDeployment, observed: Observed, roles: Roles) -> Manifest:
    """What the gateway is to do: nothing but who stands in is routed to while its revision is shut."""
    shares, then, shut = weights(roles), roles.then, None
    if roles.shut:
        shares, then = _in_its_place(roles)
        shut = gateway_document.Shut(roles.routed, roles.shut)
    return gateway_document.document(
        deployment,
        weights=shares,
        pods=roles.replicas,
        then=then,
        when=roles.when,
        shut=shut,
        mirror=roles.mirror,
        tracing=observed.tracing,
    )


def _in_its_place(roles: Roles) -> tuple[dict[str, int], dict[str, tuple[str, ...]]]:
    """Who answers while nobody is sent to whom users reach: nobody, where others may not for its absence."""
    standing = roles.then.get(roles.routed, ())
    if not standing or (roles.when and "Unavailable" not in roles.when):
        return {}, {}
    first, *further = standing
    return {first: 100}, {first: tuple(further)} if further else {}


def children(
    deployment: DeepSeekDeployment, observed: Observed, roles: Roles, *, images: EngineImages
) -> list[Manifest]:
    """Everything of the gateway; nothing where the object wants none."""
    if not gateway.is_embedded(deployment):
        return []
    return gateway.build_gateway(
        deployment,
        told(deployment, observed, roles),
        image=images.gateway,
        placement=images.gateways,
    )


def takes_clients(deployment: DeepSeekDeployment, observed: Observed, routed: str) -> bool:
    """Whether the clients' Service leads to the gateway.

    An object whose engines served without one goes on doing so until the gateway can.
    """
    if not gateway.is_embedded(deployment):
        return False
    if ready_replicas(observed.gateway):
        return True
    led = observed.client_service_revision(deployment.metadata.name)
    return led is None or ready_replicas(observed.engine_set(routed)) == 0


def client_ports(deployment: DeepSeekDeployment, observed: Observed) -> tuple[str, ...]:
    """The ports of the clients' Service, where it leads to the gateway.

    Plain HTTP is closed only once every replica answers over TLS: a Secret that is not there closes nothing.
    """
    tls, present = deployment.spec.gateway.tls, observed.gateway
    if tls is None:
        return ("http",)
    wanted = gateway.replicas(deployment)
    is_over = gateway.is_secure_only(present) and is_changed_over(present, wanted)
    return ("https",) if tls.only and is_over else ("http", "https")


def routes(deployment: DeepSeekDeployment, observed: Observed, roles: Roles) -> list[Manifest]:
    """The HTTPRoute, where one is wanted and the cluster knows what that is."""
    if not http_route.is_wanted(deployment) or not observed.knows_routes:
        return []
    return [http_route.build_http_route(deployment, weights(roles))]


def has_taken(deployment: DeepSeekDeployment, observed: Observed, roles: Roles) -> bool:
    """Whether somebody takes requests, and all that do follow what they were told last.

    Without any gateway a plain Service leads to the pods that are ready, and follows at once.
    """
    if not gateway.splits(deployment):
        return True
    is_there = any(one.is_ready for one in observed.gateways) or bool(observed.routes)
    return is_there and acknowledged(deployment, observed, roles)


def acknowledged(deployment: DeepSeekDeployment, observed: Observed, roles: Roles) -> bool:
    """Whether whoever gets the object's requests says that it does what it was told last."""
    if http_route.is_wanted(deployment):
        return route.is_taken_up(deployment, observed, weights(roles))
    version = told(deployment, observed, roles)["version"]
    return counting.acknowledged(observed.gateways, version)


def is_taken_up(deployment: DeepSeekDeployment, observed: Observed, roles: Roles) -> bool:
    """Whether nobody sends requests to a revision that is to be let go.

    A gateway that does not answer may still do so, and so may a Gateway whose route is on its way out.
    """
    going = {revision_of(item) for item in observed.engines} - set(roles.replicas)
    leaving = going - unasked(observed, roles)
    if not leaving or not (gateway.splits(deployment) or observed.routes):
        return True
    if observed.routes and not http_route.is_wanted(deployment):
        return False
    return acknowledged(deployment, observed, roles)


def unasked(observed: Observed, roles: Roles) -> set[str | None]:
    """Of the revisions that are to be let go those that may go whatever gateways say."""
    return {
        revision_of(item)
        for item in observed.engines
        if revision_of(item) not in roles.replicas and never_served(item, roles)
    }


def never_served(engine_set: Manifest, roles: Roles) -> bool:
    """Whether these are pods of a first revision of which none was ready: nobody sends requests there."""
    return roles.serving is None and not has_served(engine_set)


def look_seconds(deployment: DeepSeekDeployment, observed: Observed, roles: Roles) -> float | None:
    """How soon a pass looks again where nothing is watched that tells of a change."""
    if door.names_secrets(deployment):
        return door.LOOK_SECONDS
    return route.look_seconds(deployment, observed, weights(roles))


def routed_revision(deployment: DeepSeekDeployment, observed: Observed) -> str | None:
    """The revision that users are sent to, as it was told last."""
    return gateway_document.routed_revision(deployment, observed) or http_route.routed_revision(
        deployment, observed
    )
