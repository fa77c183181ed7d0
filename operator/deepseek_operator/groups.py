"""Replicas on several nodes: their LeaderWorkerSet, how many groups it is asked for, and a cluster without any. Pure."""

from collections import Counter

from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import children
from deepseek_operator.diagnosis import Finding
from deepseek_operator.observed import Manifest, Observed, ready_replicas
from deepseek_operator.rollout.revisions import Shape

VERSION = "0.9.0"
"""Of LeaderWorkerSet, that the operator is tested with."""

INSTALL = (
    "kubectl apply --server-side -f https://github.com/kubernetes-sigs/lws/releases/download/"
    f"v{VERSION}/manifests.yaml"
)

REST_SECONDS = 30.0
"""How soon a pass looks at a LeaderWorkerSet again: it is not watched, as its kind may come and go."""

GROUP_INDEX_LABEL = "leaderworkerset.sigs.k8s.io/group-index"
"""On each pod of a group, by LeaderWorkerSet."""


def servable(
    observed: Observed, shape: Shape, *, field: str = "spec"
) -> tuple[Shape | None, Finding | None]:
    """The shape of a block, which stands in `field`; or why the cluster cannot have its pods.

    So nothing that serves gives way to a revision whose pods nobody would make.
    """
    if shape.group is None or observed.knows_groups is not False:
        return shape, None
    return None, Finding(
        Reason.LEADER_WORKER_SET_MISSING,
        f"{field}: one replica of {shape.model} is on {shape.nodes} nodes, and the cluster has no LeaderWorkerSet of "
        f"leaderworkerset.x-k8s.io/v1; install it ({INSTALL}), or set accelerator.product to GPUs of which one node "
        "holds it",
    )


def can_be_made(observed: Observed, shape: Shape) -> bool:
    """Whether the cluster knows what makes the shape's pods; where that was not asked yet, the next pass does."""
    return shape.group is None or observed.knows_groups is True


def build_engine_set(
    deployment: DeepSeekDeployment,
    shape: Shape,
    observed: Observed,
    *,
    replicas: int,
    template: Manifest | None = None,
    resting: int | None = None,
) -> Manifest:
    """What makes a revision's pods: a Deployment, or a LeaderWorkerSet where each replica is on several nodes."""
    if shape.group is None:
        return children.build_deployment(
            deployment, shape, replicas=replicas, template=template, resting=resting
        )
    number = asked(observed, shape, replicas)
    if number < replicas:
        resting = replicas
    return children.build_group(deployment, shape, shape.group, replicas=number, resting=resting)


def asked(observed: Observed, shape: Shape, wanted: int) -> int:
    """Groups to ask for: one more once every pod of those before has a node.

    LeaderWorkerSet makes all leaders at once. On few nodes they would take the places of each other's workers, and
    no group would ever be whole.
    """
    present = observed.engine_set(shape.key)
    there = 0 if present is None else int(present["spec"].get("replicas", 0))
    if wanted <= there:
        return wanted
    whole = max(ready_replicas(present), _placed(observed, shape))
    return max(there, min(wanted, whole + 1))


def _placed(observed: Observed, shape: Shape) -> int:
    """Groups of which every pod has a node."""
    pods = (*observed.pods_of(shape.key), *observed.workers_of(shape.key))
    placed = Counter(
        pod["metadata"]["labels"].get(GROUP_INDEX_LABEL)
        for pod in pods
        if pod.get("spec", {}).get("nodeName")
    )
    return sum(count >= shape.nodes for count in placed.values())


def look_seconds(observed: Observed, otherwise: float | None) -> float | None:
    """How soon a pass looks again where groups are at rest, or are waited for; `otherwise` is what the rest asks for."""
    if not observed.groups and observed.knows_groups is not False:
        return otherwise
    return REST_SECONDS if otherwise is None else min(REST_SECONDS, otherwise)
