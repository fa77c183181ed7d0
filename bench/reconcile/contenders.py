"""The two operators that stand side by side, ready to be started."""

from bench.reconcile.cluster import Cluster
from bench.reconcile.objects import IMAGES
from bench.reconcile.processes import Operator

OURS = "bench-operator"
PLAIN = "bench-plain-kopf"


def our_operator(
    cluster: Cluster,
    namespace: str,
    *,
    server: str | None = None,
    resync_seconds: float = 600.0,
) -> Operator:
    """This operator, for one namespace; `server` where it reaches the API server elsewhere."""
    return Operator(
        user=OURS,
        arguments=("-m", "deepseek_operator"),
        environment={
            "DSO_KUBECONFIG": str(cluster.kubeconfig_of(OURS, server=server)),
            "DSO_NAMESPACES": namespace,
            "DSO_LEASE_NAMESPACE": namespace,
            "DSO_HTTP_PORT": "0",
            "DSO_RESYNC_SECONDS": str(resync_seconds),
            "DSO_VLLM_IMAGE": IMAGES.vllm,
            "DSO_VLLM_CPU_IMAGE": IMAGES.vllm_cpu,
            "DSO_TENSORRT_LLM_IMAGE": IMAGES.tensorrt_llm,
            "DSO_TOOLBOX_IMAGE": IMAGES.toolbox,
            "DSO_GATEWAY_IMAGE": IMAGES.gateway,
        },
        log=cluster.plane.layout.log(OURS),
    )


def plain_operator(cluster: Cluster, namespace: str, *, server: str | None = None) -> Operator:
    """The plain kopf operator, for one namespace, started as kopf's documentation does it."""
    where = ("--standalone", "--namespace", namespace)
    return Operator(
        user=PLAIN,
        arguments=("-m", "kopf", "run", *where, "--module", "bench.reconcile.plain_kopf"),
        environment={"KUBECONFIG": str(cluster.kubeconfig_of(PLAIN, server=server))},
        log=cluster.plane.layout.log(PLAIN),
    )


def contender(
    user: str, cluster: Cluster, namespace: str, *, server: str | None = None
) -> Operator:
    """One of the two by its user."""
    make = {OURS: our_operator, PLAIN: plain_operator}[user]
    return make(cluster, namespace, server=server)
