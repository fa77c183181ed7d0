"""From the pods of a replica on one node to those of a replica on several: a leader, and workers.

The leader takes the requests, and so has what a replica on one node has: the locks, the probes, the revision's
label, by which Services, gateways, warm-ups and figures find whom to ask. A worker has none of these: it lives as
long as its engine's process does, and what ends is told by LeaderWorkerSet's restart policy.
"""

from typing import Any

from deepseek_operator.api import names
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build.metadata import Manifest, object_selector
from deepseek_operator.build.template import (
    TOOLS_CONTAINER,
    container_security,
)
from deepseek_operator.engines.contract import (
    GROUP_DRAIN_SECONDS,
    GROUP_SIZE,
    LEADER_ADDRESS,
    PRESTOP_SECONDS,
    WORKER_INDEX,
    EngineContainer,
    EngineRequest,
    Network,
)
from deepseek_operator.rollout.revisions import Group

RENDEZVOUS_CONTAINER = "rendezvous"
RENDEZVOUS_PORT = 29499
"""Where a group's leader waits for its workers before any engine starts."""

_LEADERS_OWN_VOLUMES = frozenset({"warmup", "token"})


def grouped(
    deployment: DeepSeekDeployment,
    template: Manifest,
    *,
    key: str,
    request: EngineRequest,
    engine: EngineContainer,
) -> tuple[Manifest, Group | None]:
    """The template of the pods that take requests, and what stands beside each; None for a replica on one node.

    `template` is that of a replica on one node.
    """
    if request.nodes == 1:
        return template, None
    member = _member(template, request, engine)
    worker = _worker(deployment, member, key=key, engine=engine)
    return member, Group(request.nodes, worker, request.images.network.topology)


def worker_selector(deployment: DeepSeekDeployment, key: str) -> dict[str, str]:
    """Selects the workers of exactly one revision of the object."""
    return {**object_selector(deployment), names.WORKER_LABEL: key}


def _member(template: Manifest, request: EngineRequest, container: EngineContainer) -> Manifest:
    """What is the same of all pods of a group."""
    network, spec = request.images.network, template["spec"]
    own_address = {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}
    [engine] = spec["containers"]
    env = [{"name": container.address_variable, "valueFrom": own_address}, *engine["env"]]
    found = {
        **spec,
        "initContainers": [*spec["initContainers"], _rendezvous(request)],
        "containers": [_with_rdma({**engine, "env": env}, network)],
        **_placement(network),
    }
    return {**template, "spec": found}


def _rendezvous(request: EngineRequest) -> Manifest:
    """Ends once every pod of the group has come so far.

    An engine that waits for others gives up after ten minutes (torch.distributed), and a container that ends
    has LeaderWorkerSet make its group anew: so none begins before a node is found for each.
    """
    return {
        "name": RENDEZVOUS_CONTAINER,
        "image": request.images.toolbox,
        "command": ["python3", "-m", "deepseek_serving.engine.rendezvous"],
        "args": [
            f"--leader=$({LEADER_ADDRESS})",
            f"--index=$({WORKER_INDEX})",
            f"--size=$({GROUP_SIZE})",
            f"--port={RENDEZVOUS_PORT}",
        ],
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _with_rdma(engine: Manifest, network: Network) -> Manifest:
    """The engine's container with what RDMA needs; what the object itself asks for comes before it."""
    if not network.has_rdma:
        return engine
    resources = engine["resources"]
    limits = {network.rdma_resource: str(network.rdma_count), **resources["limits"]}
    return {**engine, "resources": {**resources, "limits": limits}}


def _placement(network: Network) -> Manifest:
    found: Manifest = {}
    if network.host_network:
        # Else a pod of the host's network asks the host's resolver, which knows no pod.
        found |= {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
    if network.scheduler:
        found["schedulerName"] = network.scheduler
    return found


def _worker(
    deployment: DeepSeekDeployment, leader: Manifest, *, key: str, engine: EngineContainer
) -> Manifest:
    metadata, spec = leader["metadata"], leader["spec"]
    others = {
        name: value for name, value in metadata["labels"].items() if name != names.REVISION_LABEL
    }
    labels = {**others, **worker_selector(deployment, key)}
    kept = (TOOLS_CONTAINER, RENDEZVOUS_CONTAINER)
    [container] = spec["containers"]
    found = {
        **{field: value for field, value in spec.items() if field != "readinessGates"},
        "initContainers": [one for one in spec["initContainers"] if one["name"] in kept],
        "containers": [_worker_container(container, engine)],
        "volumes": [one for one in spec["volumes"] if one["name"] not in _LEADERS_OWN_VOLUMES],
    }
    spread = spec.get("topologySpreadConstraints")
    if spread is not None:
        found["topologySpreadConstraints"] = _spread(deployment, key, spread)
    return {"metadata": {**metadata, "labels": labels}, "spec": found}


def _worker_container(leaders: Manifest, engine: EngineContainer) -> Manifest:
    """No port, as nobody asks it; no probe, as it answers nobody.

    It is told to stop only when its leader has finished the requests it had.
    """
    dropped = ("ports", "startupProbe", "readinessProbe", "livenessProbe")
    return {
        **{field: value for field, value in leaders.items() if field not in dropped},
        **({"command": list(engine.worker_command)} if engine.worker_command else {}),
        "args": list(engine.worker_args),
        "lifecycle": {"preStop": {"sleep": {"seconds": PRESTOP_SECONDS + GROUP_DRAIN_SECONDS}}},
        "volumeMounts": [
            mount for mount in leaders["volumeMounts"] if mount["name"] not in _LEADERS_OWN_VOLUMES
        ],
    }


def _spread(
    deployment: DeepSeekDeployment, key: str, constraints: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Workers among themselves: a leader is none of them."""
    selector = {"matchLabels": worker_selector(deployment, key)}
    return [{**constraint, "labelSelector": selector} for constraint in constraints]
