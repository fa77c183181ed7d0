"""How clients get to engines: through the object's gateway, and what that is told. Pure."""

from deepseek_operator.access import Access
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import gateway
from deepseek_operator.diagnosis import Finding, diagnose_pods
from deepseek_operator.observed import Manifest, Observed, ready_replicas, revision_of
from deepseek_operator.rollout import counting
from deepseek_operator.rollout.switch import Roles


def access(deployment: DeepSeekDeployment, observed: Observed, roles: Roles) -> Access | None:
    """How far the gateway is; None where the object has none."""
    if not gateway.is_embedded(deployment):
        return None
    wanted, ready = gateway.replicas(deployment), ready_replicas(observed.gateway)
    finding = None
    if ready < wanted:
        finding = diagnose_pods(observed, observed.gateway_pods) or Finding(
            Reason.GATEWAY_STARTING, f"{ready} of {wanted} gateway replicas are ready"
        )
    return Access(
        wanted=wanted,
        ready=ready,
        version=told(deployment, roles)["version"],
        leads=takes_clients(deployment, observed, roles.routed),
        finding=finding,
    )


def told(deployment: DeepSeekDeployment, roles: Roles) -> Manifest:
    """What the gateway is to do: everything goes to the revision that users reach, if nothing is said."""
    return gateway.document(
        deployment,
        weights=roles.weights or {roles.routed: 100},
        pods=roles.replicas,
        then=roles.then,
        when=roles.when,
    )


def children(deployment: DeepSeekDeployment, roles: Roles, *, image: str) -> list[Manifest]:
    """Everything of the gateway; nothing where the object wants none."""
    if not gateway.is_embedded(deployment):
        return []
    return gateway.build_gateway(deployment, told(deployment, roles), image=image)


def takes_clients(deployment: DeepSeekDeployment, observed: Observed, routed: str) -> bool:
    """Whether the clients' Service leads to the gateway.

    An object whose engines served without one goes on doing so until the gateway can.
    """
    if not gateway.is_embedded(deployment):
        return False
    if ready_replicas(observed.gateway):
        return True
    led = observed.client_service_revision(deployment.metadata.name)
    return led is None or ready_replicas(observed.deployment(routed)) == 0


def is_taken_up(deployment: DeepSeekDeployment, observed: Observed, roles: Roles) -> bool:
    """Whether every gateway that gets requests does what it was told last.

    One that does not answer may still send requests to a revision that was to be let go.
    """
    leaving = [item for item in observed.engines if revision_of(item) not in roles.replicas]
    if not leaving or not gateway.is_embedded(deployment):
        return True
    return counting.acknowledged(observed.gateways, told(deployment, roles)["version"])
