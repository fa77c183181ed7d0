"""Reading what a plan compares with: the objects of an object, as far as a person's credentials go."""

from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

from deepseek_operator import observe_routes
from deepseek_operator.api import names
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import gateway
from deepseek_operator.capacity.room import Cluster
from deepseek_operator.kube import resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.kube.errors import RefusedError
from deepseek_operator.kube.resources import Resource
from deepseek_operator.observe_children import children, children_if_known
from deepseek_operator.observed import Manifest, Observed

_T = TypeVar("_T")

_OF_WEIGHTS: dict[str, str | None] = {
    names.MANAGED_BY_LABEL: names.MANAGED_BY,
    names.WEIGHTS_LABEL: None,
}


async def observe(
    kube: Kube, deployment: DeepSeekDeployment, *, stored: Manifest, cluster: Cluster
) -> tuple[Observed, tuple[str, ...]]:
    """What the next pass would see of objects, and the kinds that may not be listed.

    The operator's own reading (`observe.observe`) needs all of its permissions, and asks pods as well.
    """
    reader = _Reader()
    found: dict[Resource, tuple[Manifest, ...]] = {}
    for resource in _kinds(deployment, stored):
        found[resource] = await reader.read(resource, children(kube, deployment, resource), ())
    for resource in resources.SHARED:
        listing = kube.list_all(resource, deployment.metadata.namespace, labels=_OF_WEIGHTS)
        found[resource] = tuple(await reader.read(resource, listing, []))
    observed = Observed(
        revisions=found.get(resources.CONTROLLER_REVISION, ()),
        deployments=found.get(resources.DEPLOYMENT, ()),
        services=found.get(resources.SERVICE, ()),
        budgets=found.get(resources.DISRUPTION_BUDGET, ()),
        policies=found.get(resources.NETWORK_POLICY, ()),
        config_maps=found.get(resources.CONFIG_MAP, ()),
        accounts=found.get(resources.SERVICE_ACCOUNT, ()),
        roles=found.get(resources.ROLE, ()),
        bindings=found.get(resources.ROLE_BINDING, ()),
        claims=found[resources.CLAIM],
        jobs=found[resources.JOB],
        cluster=cluster,
    )
    groups = await reader.read(
        resources.LEADER_WORKER_SET,
        children_if_known(kube, deployment, resources.LEADER_WORKER_SET),
        (),
    )
    observed = replace(observed, groups=groups or (), knows_groups=groups is not None)
    routed = observe_routes.with_route(kube, deployment, observed, stored=stored)
    observed = await reader.read(resources.HTTP_ROUTE, routed, observed)
    return observed, tuple(reader.unread)


def _kinds(deployment: DeepSeekDeployment, stored: Manifest) -> tuple[Resource, ...]:
    """As the operator lists them; of an object that is not there yet nothing can be."""
    if not deployment.metadata.uid:
        return ()
    has_gateway = gateway.is_embedded(deployment) or "gateway" in stored
    return (
        *resources.ENGINE_CHILDREN,
        *(resources.GATEWAY_CHILDREN if has_gateway else ()),
        *((resources.NETWORK_POLICY,) if "networkPolicies" in stored else ()),
    )


class _Reader:
    """Reads what it may, and keeps the kinds that it may not."""

    def __init__(self) -> None:
        self.unread: list[str] = []

    async def read(self, resource: Resource, reading: Awaitable[_T], otherwise: _T) -> _T:
        try:
            return await reading
        except RefusedError as error:
            if error.code != 403:
                raise
            self.unread.append(resource.kind)
            return otherwise
