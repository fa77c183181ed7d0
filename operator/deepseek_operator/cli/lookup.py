"""Finding an object in a cluster, and saying why it is not there."""

from deepseek_operator.api import names
from deepseek_operator.cli.objects import InputError
from deepseek_operator.kube import resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.kube.errors import ApiError, NotFoundError
from deepseek_operator.observed import Manifest


class NotInstalledError(InputError):
    """The cluster has no DeepSeekDeployments."""


class MissingError(InputError):
    """There is no such object; the text says where there is one."""


async def find(kube: Kube, namespace: str, name: str) -> Manifest | None:
    """The object; None where there is none. NotInstalledError where the cluster knows none at all."""
    found = await kube.get(resources.DEEPSEEK_DEPLOYMENT, namespace, name)
    if found is not None:
        return found
    try:
        # Of a kind that the cluster does not know, too, an object is not found.
        await kube.list_all(
            resources.DEEPSEEK_DEPLOYMENT, namespace, fields={"metadata.name": name}
        )
    except NotFoundError:
        raise NotInstalledError(
            f"the cluster has no {names.KIND} of {names.API_VERSION}: install the operator there, or choose another "
            "cluster by --context"
        ) from None
    except ApiError:
        # Whoever may get objects need not be allowed to list them.
        return None
    return None


async def get(kube: Kube, namespace: str, name: str) -> Manifest:
    """The object; MissingError where there is none."""
    found = await find(kube, namespace, name)
    if found is None:
        raise MissingError(
            f"there is no {names.KIND} {namespace}/{name}{await _elsewhere(kube, name)}"
        )
    return found


async def _elsewhere(kube: Kube, name: str) -> str:
    """The namespaces that have one of this name, as far as they may be read."""
    try:
        found = await kube.list_all(
            resources.DEEPSEEK_DEPLOYMENT, None, fields={"metadata.name": name}
        )
    except ApiError:
        return ""
    there = sorted(str(item["metadata"]["namespace"]) for item in found)
    if not there:
        return ""
    return f"; there is one in {', '.join(there)}: add -n {there[0]}"
