"""What the operator asks of an engine, and what an engine answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.api.sources import FetchedSource, PvcSource, Source
from deepseek_operator.catalog.accelerators import Accelerator
from deepseek_operator.catalog.models import Model
from deepseek_operator.sizing.size import Sized

PORT = 8000
"""Every engine serves the OpenAI API, its health and its metrics here."""

TOOLS_PATH = "/opt/deepseek"
"""Where the pod finds the deepseek_serving package, whatever the engine's image is."""

WEIGHTS_PATH = "/weights"
"""Where a claim with weights is mounted, read-only."""

FETCHED_FOLDER = "model"
"""Folder of a claim of ours that holds the fetched weights: a file system's root has files of its own."""

WARM_STATE_PATH = "/run/warmup"
"""Shared by the engine's readiness probe and the warden: which process runs, and whether it is warm."""

WARDEN_PORT = 8001
"""Where a pod's warden is told that the pod has been warmed up."""

MODELS_PATH = "/models"
"""Where weights are mounted under the served name, for an engine that has no flag for that name."""

OPTIONS_FOLDER = "/etc/engine"
OPTIONS_FILE = f"{OPTIONS_FOLDER}/options.yaml"
"""What an engine reads of a file that it cannot be told on its command line."""

LEADER_ADDRESS = "LWS_LEADER_ADDRESS"
WORKER_INDEX = "LWS_WORKER_INDEX"
GROUP_SIZE = "LWS_GROUP_SIZE"
"""Environment of each pod of a replica on several nodes, by LeaderWorkerSet's webhook; the leader's index is 0."""

CACHE_PATH = "/cache"
"""Writable: the engine's home, download and compile caches."""

COMPILED_PATH = f"{CACHE_PATH}/compiled"
"""Where an engine puts what it compiles or tunes."""

COMPILED_STORE_PATH = f"{WEIGHTS_PATH}/compiled"
"""Where that is kept for the pods that come after: beside the weights, on a volume of ours."""

MOST_LONG_VARIABLE = "DEEPSEEK_MOST_LONG_REQUESTS"
"""Of an engine's environment: for how many long requests at once its replica was sized."""

LONG_PRIORITY_VARIABLE = "DEEPSEEK_LONG_PRIORITY"
"""And the priority that they get, where the engine schedules by it."""

ADMISSION_VARIABLES = frozenset({MOST_LONG_VARIABLE, LONG_PRIORITY_VARIABLE})
"""Which requests an engine takes: nothing that it compiles depends on them."""

GROUP_DRAIN_SECONDS = 60
"""How long a stopping engine of several nodes may finish the requests it has: its workers cannot tell when it has, and
hold their accelerators for all of it."""

PRESTOP_SECONDS = 15
"""How long a stopping pod goes on serving while it leaves the Services: a busy node's proxy may learn late."""


class UnusableError(ValueError):
    """What an engine cannot be started with; the text names the field and the remedy."""


@dataclass(frozen=True, slots=True)
class Network:
    """How pods of one replica on several nodes are placed and reach each other, as the platform team set it up."""

    rdma_resource: str = ""
    """What a pod asks for to use RDMA, as a device plugin names it; empty: they exchange over TCP."""
    rdma_count: int = 1
    host_network: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    """For the libraries that exchange: NCCL, Gloo, NVSHMEM, UCX. An object's pod.env comes before them."""
    scheduler: str = ""
    """Who places them; empty: the cluster's own scheduler."""
    topology: str = ""
    """Node label of which a group has one value alone; empty: any nodes will do."""

    @property
    def has_rdma(self) -> bool:
        """Whether they exchange by RDMA."""
        return bool(self.rdma_resource)


@dataclass(frozen=True, slots=True)
class Policies:
    """What NetworkPolicies of objects have to know of the cluster."""

    operator_namespace: str
    monitoring: tuple[str, ...] = ()
    """Namespaces whose pods may read metrics."""
    api_server_ports: tuple[int, ...] = (443, 6443)
    """Where the API server itself listens: agents see a connection after a Service's address was replaced."""
    dns_ports: tuple[int, ...] = (53,)
    """Where the pods of DNS themselves listen, for the same reason; and 53, for agents that see it before."""


@dataclass(frozen=True, slots=True)
class Tracing:
    """Where gateways send spans of requests, as the platform team set it up: OTLP over gRPC, without TLS."""

    host: str
    port: int
    percent: float
    """Of the requests that come without a trace."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where gateways' pods may run, as the platform team set it up and a PodSpec has it; empty: anywhere."""

    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    affinity: Mapping[str, Any] = field(default_factory=dict)
    priority_class: str = ""


@dataclass(frozen=True, slots=True)
class EngineImages:
    """What the platform team chose for pods: container images, of which an object may name its own for the
    engine, the network between nodes, who may reach them, where traces go, and where gateways run.
    """

    vllm: str
    vllm_cpu: str
    tensorrt_llm: str
    toolbox: str
    gateway: str
    network: Network = field(default_factory=Network)
    policies: Policies | None = None
    """None: objects have no NetworkPolicies."""
    tracing: Tracing | None = None
    """None: nobody writes traces."""
    gateways: Placement = field(default_factory=Placement)


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """One revision to be served by one engine."""

    block: ServingBlock
    served_name: str
    source: Source
    model: Model | None
    products: Mapping[str, Accelerator]
    """GPUs that are known, for the label by which nodes say that they have them."""
    images: EngineImages
    drain: int
    """Seconds for running answers when the engine is told to stop, where one pod is a replica; it ends with the last."""
    warmed: bool = True
    """Whether the pod is shut until it has been warmed up."""
    sized: Sized | None = None
    """What was derived of one replica; None where nothing was."""

    @property
    def drain_seconds(self) -> int:
        """How long its engine may finish the requests it has when it is told to stop."""
        return self.drain if self.nodes == 1 else GROUP_DRAIN_SECONDS

    @property
    def weights_path(self) -> str:
        """Where the engine finds the weights in its pod."""
        folder = self.source.path if isinstance(self.source, PvcSource) else FETCHED_FOLDER
        return f"{WEIGHTS_PATH}/{folder}".rstrip("/")

    @property
    def nodes(self) -> int:
        """Nodes, hence pods, of one replica."""
        return 1 if self.sized is None else self.sized.layout.nodes

    @property
    def keeps_compiled(self) -> bool:
        """Whether what the engine compiles is kept: not on a user's volume, and once it is warm.

        Nor of several nodes: each compiles its own part, and only the leader is told that it is warm.
        """
        return self.warmed and isinstance(self.source, FetchedSource) and self.nodes == 1

    @property
    def on_cpu(self) -> bool:
        """Whether the engine runs without accelerators."""
        return self.block.accelerator.kind == "CPU"

    @property
    def accelerators(self) -> int:
        """GPUs of one replica: what was derived or set, the catalog's count, or one; none on CPU."""
        if self.on_cpu:
            return 0
        if self.sized is not None:
            return self.sized.layout.accelerators
        known = self.model.accelerators.count if self.model else 1
        return self.block.accelerator.count or known

    @property
    def accelerators_each(self) -> int:
        """GPUs of one of its pods."""
        return self.accelerators // self.nodes


@dataclass(frozen=True, slots=True)
class EngineContainer:
    """How an engine is started, asked and stopped; probes as Kubernetes writes them."""

    image: str
    command: list[str]
    args: list[str]
    """Of the only pod of a replica, or of its leader."""
    env: dict[str, str]
    startup_probe: dict[str, Any]
    readiness_probe: dict[str, Any]
    liveness_probe: dict[str, Any]
    shared_memory: str
    options: str = ""
    """Content of the options file; empty where the engine has none."""
    model_path: str = ""
    """Where the weights themselves are mounted too; empty: where the volume is, and nowhere else."""
    open_paths: tuple[str, ...] = ()
    """What a front of ours passes on to the engine; none: the engine itself takes its pod's requests."""
    engine_port: int = PORT
    """Of the engine itself."""
    worker_args: tuple[str, ...] = ()
    """Of the other pods of a replica on several nodes."""
    worker_command: tuple[str, ...] = ()
    """And what they run; empty: what the leader does."""
    address_variable: str = ""
    """Environment in which each pod of a replica on several nodes is told its own address."""
