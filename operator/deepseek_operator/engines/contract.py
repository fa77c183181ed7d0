"""What the operator asks of an engine, and what an engine answers."""

from dataclasses import dataclass
from typing import Any

from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.api.sources import FetchedSource, PvcSource, Source
from deepseek_operator.catalog.models import Model

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

CACHE_PATH = "/cache"
"""Writable: the engine's home, download and compile caches."""

COMPILED_PATH = f"{CACHE_PATH}/compiled"
"""Where an engine puts what it compiles or tunes."""

COMPILED_STORE_PATH = f"{WEIGHTS_PATH}/compiled"
"""Where that is kept for the pods that come after: beside the weights, on a volume of ours."""

DRAIN_SECONDS = 60
"""How long a stopping engine may finish the requests it has."""

PRESTOP_SECONDS = 15
"""How long a stopping pod goes on serving while it leaves the Services: a busy node's proxy may learn late."""


@dataclass(frozen=True, slots=True)
class EngineImages:
    """Container images that the platform team chose; an object may name its own engine image."""

    vllm: str
    vllm_cpu: str
    toolbox: str
    gateway: str


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """One revision to be served by one engine."""

    block: ServingBlock
    served_name: str
    source: Source
    model: Model | None
    images: EngineImages
    warmed: bool = True
    """Whether the pod is shut until it has been warmed up."""

    @property
    def weights_path(self) -> str:
        """Where the engine finds the weights in its pod."""
        folder = self.source.path if isinstance(self.source, PvcSource) else FETCHED_FOLDER
        return f"{WEIGHTS_PATH}/{folder}".rstrip("/")

    @property
    def keeps_compiled(self) -> bool:
        """Whether what the engine compiles is kept: not on a user's volume, and once it is warm."""
        return self.warmed and isinstance(self.source, FetchedSource)

    @property
    def on_cpu(self) -> bool:
        """Whether the engine runs without accelerators."""
        return self.block.accelerator.kind == "CPU"

    @property
    def accelerators(self) -> int:
        """GPUs of one replica: what the user set, the catalog's count, or one; none on CPU."""
        if self.on_cpu:
            return 0
        known = self.model.accelerators.count if self.model else 1
        return self.block.accelerator.count or known


@dataclass(frozen=True, slots=True)
class EngineContainer:
    """How an engine is started, asked and stopped; probes as Kubernetes writes them."""

    image: str
    command: list[str]
    args: list[str]
    env: dict[str, str]
    startup_probe: dict[str, Any]
    readiness_probe: dict[str, Any]
    liveness_probe: dict[str, Any]
    shared_memory: str
