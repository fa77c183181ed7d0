"""with_monitors(): the object's PodMonitor, in a cluster that may not know any."""

from dataclasses import replace

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.kube import resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.kube.errors import RefusedError
from deepseek_operator.observe_children import children_if_known
from deepseek_operator.observed import Monitoring, Observed


async def with_monitors(
    kube: Kube, deployment: DeepSeekDeployment, observed: Observed, monitoring: Monitoring | None
) -> Observed:
    """Read where they are asked for; nothing is made where they may not be read, as by roles of an administrator's."""
    if monitoring is None:
        return observed
    try:
        found = await children_if_known(kube, deployment, resources.POD_MONITOR)
    except RefusedError:
        return observed
    return observed if found is None else replace(observed, monitors=found, monitoring=monitoring)
