"""Settings from the environment, frozen; the only place that reads it."""

import os
import socket
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, Json, ValidationError

from deepseek_operator.api.pod import Toleration
from deepseek_operator.engines.contract import EngineImages, Network, Placement, Policies, Tracing
from deepseek_operator.observed import Monitoring

PREFIX = "DSO_"

NetworkVariable = Annotated[
    str,
    Field(
        pattern=r"^((NCCL|TORCH_NCCL|GLOO|NVSHMEM|UCX|FI)_[A-Z0-9_]+|OMPI_MCA_(oob|btl|pml|coll|hwloc)_[a-z0-9_]+)$"
    ),
]
"""What the libraries read by which engines of several nodes exchange; all else is an object's pod.env."""


Port = Annotated[int, Field(ge=1, le=65535)]


class SettingsError(Exception):
    """A setting is missing or unusable; the text names the variable and the remedy."""


class Settings(BaseModel):
    """How this operator runs; every field is the environment variable DSO_<FIELD>."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    vllm_image: str = Field(min_length=1, description="Image of vLLM for GPUs.")
    vllm_cpu_image: str = Field(min_length=1, description="Image of vLLM for CPUs.")
    tensorrt_llm_image: str = Field(min_length=1, description="Image of TensorRT-LLM.")
    toolbox_image: str = Field(min_length=1, description="Image of the operator's own tools.")
    gateway_image: str = Field(min_length=1, description="Image of gateways: Envoy and its agent.")
    gateway_node_selector: Json[dict[str, str]] = Field(
        default="{}",
        validate_default=True,
        description="Labels that a node must have to run gateways, as a JSON object.",
    )
    gateway_tolerations: Json[tuple[Toleration, ...]] = Field(
        default="[]",
        validate_default=True,
        description="Taints that gateways' pods accept, as a JSON list.",
    )
    gateway_affinity: Json[dict[str, Any]] = Field(
        default="{}",
        validate_default=True,
        description="Node and pod affinity of gateways' pods, as a JSON object like that of a PodSpec.",
    )
    gateway_priority_class_name: str = Field(
        default="", description="PriorityClass of gateways' pods; empty: the cluster's default."
    )
    multi_node_rdma_resource: str = Field(
        default="",
        pattern=r"^([a-z0-9.-]+/[A-Za-z0-9._-]+)?$",
        description="Resource that a pod of a replica on several nodes asks for to use RDMA; empty: none, they use TCP.",
    )
    multi_node_rdma_count: int = Field(default=1, ge=1, description="How many of it.")
    multi_node_host_network: bool = Field(
        default=False, description="Whether such pods are in the network of their hosts."
    )
    multi_node_env: Json[dict[NetworkVariable, str]] = Field(
        default="{}",
        validate_default=True,
        description="Environment of such pods' engines, as a JSON object: NCCL_*, GLOO_* and the like.",
    )
    multi_node_scheduler_name: str = Field(
        default="", description="Scheduler that places such pods; empty: the cluster's own."
    )
    multi_node_exclusive_topology: str = Field(
        default="",
        description="Node label of which such a replica gets one value to itself; empty: any nodes.",
    )
    network_policies: bool = Field(
        default=False, description="Whether objects get NetworkPolicies for their pods."
    )
    network_policies_monitoring: str = Field(
        default="",
        description="Namespaces whose pods may read metrics of gateways and engines, separated by commas.",
    )
    network_policies_api_server_ports: Json[tuple[Port, ...]] = Field(
        default="[443, 6443]",
        validate_default=True,
        description="Ports on which the API server itself listens, as a JSON list: gateways may reach no other port "
        "outside.",
    )
    network_policies_dns_ports: Json[tuple[Port, ...]] = Field(
        default="[53]",
        validate_default=True,
        description="Ports on which the cluster's DNS is asked and its pods listen, as a JSON list: most agents see the latter.",
    )
    tracing_endpoint: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?:[1-9][0-9]{0,4})?$",
        description="Collector of traces, as host:port: gateways send it spans by OTLP over gRPC, without TLS; empty: "
        "nobody writes traces.",
    )
    tracing_sampling_percent: float = Field(
        default=10.0,
        ge=0,
        le=100,
        description="Of so many percent of the requests that come without a trace one is begun.",
    )
    catalog_folder: str = Field(
        default="",
        description="Folder of documents that add to the catalog of models, accelerators and engine versions or correct it, "
        "followed while the operator runs; empty: none.",
    )
    namespaces: str = Field(
        default="", description="Namespaces to watch, separated by commas; empty: all."
    )
    pod_monitors: bool = Field(
        default=False,
        description="Whether each object has a PodMonitor, where the cluster knows that kind; the chart says yes. "
        "It costs each pass one read more.",
    )
    pod_monitor_labels: Json[dict[str, str]] = Field(
        default="{}",
        validate_default=True,
        description="Labels of these PodMonitors, as a JSON object: for a Prometheus that takes only some.",
    )
    lease_namespace: str = Field(
        default="default", min_length=1, description="Namespace of the leader election Lease."
    )
    lease_name: str = Field(default="deepseek-operator", min_length=1, description="Its name.")
    identity: str = Field(
        default_factory=socket.gethostname, min_length=1, description="This replica's name."
    )
    workers: int = Field(default=8, ge=1, le=64, description="Objects reconciled at once.")
    resync_seconds: float = Field(
        default=600.0, ge=1, description="Seconds between two full passes over all objects."
    )
    lease_seconds: float = Field(
        default=15.0, ge=3, description="Seconds after which a silent leader is replaced."
    )
    http_port: int = Field(
        default=8080, ge=0, le=65535, description="Port of health and metrics; 0: any free one."
    )
    kubeconfig: str | None = Field(
        default=None, description="Kubeconfig outside a cluster; unset: the pod's ServiceAccount."
    )
    api_timeout_seconds: float = Field(
        default=30.0, gt=0, description="Longest wait for one answer of the API server."
    )

    @property
    def images(self) -> EngineImages:
        """What pods get: images, the network between nodes, who may reach them, where traces go and gateways run."""
        return EngineImages(
            vllm=self.vllm_image,
            vllm_cpu=self.vllm_cpu_image,
            tensorrt_llm=self.tensorrt_llm_image,
            toolbox=self.toolbox_image,
            gateway=self.gateway_image,
            network=Network(
                rdma_resource=self.multi_node_rdma_resource,
                rdma_count=self.multi_node_rdma_count,
                host_network=self.multi_node_host_network,
                variables=self.multi_node_env,
                scheduler=self.multi_node_scheduler_name,
                topology=self.multi_node_exclusive_topology,
            ),
            policies=self._policies,
            tracing=self._tracing,
            gateways=Placement(
                node_selector=self.gateway_node_selector,
                tolerations=tuple(
                    one.model_dump(by_alias=True, exclude_none=True)
                    for one in self.gateway_tolerations
                ),
                affinity=self.gateway_affinity,
                priority_class=self.gateway_priority_class_name,
            ),
        )

    @property
    def _policies(self) -> Policies | None:
        if not self.network_policies:
            return None
        return Policies(
            operator_namespace=self.lease_namespace,
            monitoring=_separated(self.network_policies_monitoring),
            api_server_ports=self.network_policies_api_server_ports,
            dns_ports=self.network_policies_dns_ports,
        )

    @property
    def _tracing(self) -> Tracing | None:
        host, _, port = self.tracing_endpoint.rpartition(":")
        return Tracing(host, int(port), self.tracing_sampling_percent) if host else None

    @property
    def monitoring(self) -> Monitoring | None:
        """How objects are to be scraped; None: nobody asks for it."""
        return Monitoring(self.pod_monitor_labels) if self.pod_monitors else None

    @property
    def watched_namespaces(self) -> tuple[str, ...]:
        """Namespaces to watch; none: the whole cluster."""
        return _separated(self.namespaces)


def _separated(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of this process; SettingsError names the first variable that is wrong."""
    values = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX)
    }
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        variable = PREFIX + str(first["loc"][0]).upper()
        raise SettingsError(f"environment variable {variable}: {first['msg']}") from error
