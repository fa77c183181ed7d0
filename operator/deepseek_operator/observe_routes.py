"""with_route(): the object's HTTPRoute and the Gateway that it joins, in a cluster that may not know either."""

import asyncio
from dataclasses import replace

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import http_route
from deepseek_operator.kube import resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.kube.errors import RefusedError
from deepseek_operator.observe_children import children_if_known
from deepseek_operator.observed import Manifest, Observed


async def with_route(
    kube: Kube, deployment: DeepSeekDeployment, observed: Observed, *, stored: Manifest
) -> Observed:
    """Read where a route is wanted, or status tells that there was one: it goes with the provider."""
    is_wanted = http_route.is_wanted(deployment)
    if not is_wanted and "route" not in stored:
        return observed
    found, parent = await asyncio.gather(
        children_if_known(kube, deployment, resources.HTTP_ROUTE),
        _parent(kube, deployment) if is_wanted else _nobody(),
    )
    return replace(observed, routes=found or (), knows_routes=found is not None, parent=parent)


async def _parent(kube: Kube, deployment: DeepSeekDeployment) -> Manifest | None:
    """The Gateway, for its addresses: where it may not be read, the object's URL is not known."""
    given = http_route.parent_ref(deployment)
    namespace = given.get("namespace", deployment.metadata.namespace)
    try:
        return await kube.get(resources.PARENT, namespace, given["name"])
    except RefusedError:
        return None


async def _nobody() -> None:
    return None
