"""with_groups(): the object's LeaderWorkerSets, in a cluster that may not know any."""

from dataclasses import replace

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.kube import resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.observe_children import children_if_known
from deepseek_operator.observed import Manifest, Observed
from deepseek_operator.rollout.revisions import GROUP_FIELD


async def with_groups(
    kube: Kube, deployment: DeepSeekDeployment, observed: Observed, *, stored: Manifest
) -> Observed:
    """Read where a revision that was frozen is on several nodes, or status tells of one.

    So what most clusters never have costs them nothing, and a new revision is frozen before its first group is made.
    """
    if not (any(map(_is_grouped, observed.revisions)) or _tells_of_groups(stored)):
        return observed
    found = await children_if_known(kube, deployment, resources.LEADER_WORKER_SET)
    return replace(observed, groups=found or (), knows_groups=found is not None)


def _is_grouped(revision: Manifest) -> bool:
    return GROUP_FIELD in (revision.get("data") or {})


def _tells_of_groups(stored: Manifest) -> bool:
    """A ControllerRevision may be gone, and its pods not."""
    told = (stored.get("serving", {}), stored.get("desired", {}), *stored.get("fallback", []))
    return any(entry.get("nodes") for entry in told)
