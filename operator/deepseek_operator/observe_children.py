"""The children of an object, of a kind that every cluster has or of one that it need not have."""

from deepseek_operator.api import names
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.kube.client import Kube
from deepseek_operator.kube.drift import belongs_to
from deepseek_operator.kube.errors import NotFoundError
from deepseek_operator.kube.resources import Resource
from deepseek_operator.observed import Manifest


async def children(
    kube: Kube, deployment: DeepSeekDeployment, resource: Resource
) -> tuple[Manifest, ...]:
    """Children by label; what carries our label but another controller is not ours."""
    metadata = deployment.metadata
    ours = {names.MANAGED_BY_LABEL: names.MANAGED_BY, names.DEPLOYMENT_LABEL: metadata.name}
    found = await kube.list_all(resource, metadata.namespace, labels=ours)
    return tuple(item for item in found if belongs_to(item, metadata.name, metadata.uid))


async def children_if_known(
    kube: Kube, deployment: DeepSeekDeployment, resource: Resource
) -> tuple[Manifest, ...] | None:
    """The same; None where the cluster has no such kind."""
    try:
        return await children(kube, deployment, resource)
    except NotFoundError as error:
        if error.code != 404:
            raise
        return None
