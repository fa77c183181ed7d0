"""Accelerators the sizing knows, read from `data/accelerators.yaml`, and the names nodes have for them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from deepseek_operator.catalog.facts import Fact

FILE = "accelerators.yaml"

Amount = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]
Price = Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)]

Format = Literal["bf16", "int8", "fp8", "fp4"]
"""Number formats that matrix units compute in."""

LABELS: Mapping[str, str] = {
    "gpuOperator": "nvidia.com/gpu.product",
    "gke": "cloud.google.com/gke-accelerator",
    "eks": "karpenter.k8s.aws/instance-gpu-name",
    "aks": "node.kubernetes.io/instance-type",
}
"""The node label by which each names its GPUs; AKS has none of its own but the machine's type."""


class Interconnect(Fact):
    """What joins the GPUs of a node; gigabytes a second of one GPU in one direction."""

    kind: Literal["NVLink", "PCIe"]
    gigabytes_per_second: Amount


_Gpus = Annotated[int, Field(gt=0, le=72, strict=True)]


class Labels(Fact):
    """Values of the node labels in LABELS that mean this product."""

    gpu_operator: tuple[str, ...] = Field(min_length=1)
    gke: tuple[str, ...] = ()
    eks: tuple[str, ...] = ()
    aks: Mapping[str, _Gpus | None] = Field(default_factory=dict)
    """Types of machines, and how many GPUs such a machine has; None: as many as the largest with the product."""

    @field_validator("aks", mode="before")
    @classmethod
    def _types_alone(cls, given: Any) -> Any:
        """Documents of before name the types alone."""
        return dict.fromkeys(given) if isinstance(given, list) else given


class Accelerator(Fact):
    """One GPU product."""

    architecture: str
    compute_capability: Amount
    memory_gib: Amount = Field(alias="memoryGiB")
    gigabytes_per_second: Amount
    teraflops: Mapping[Format, Amount]
    interconnect: Interconnect
    network_gigabytes_per_second: Amount
    node_gpus: tuple[_Gpus, ...] = Field(min_length=1)
    price_per_hour: Price
    labels: Labels
    sources: tuple[str, ...] = Field(min_length=1)

    @field_validator("teraflops")
    @classmethod
    def _computes_in_bf16(cls, given: Mapping[Format, float]) -> Mapping[Format, float]:
        """Attention and the tables are computed in it in whatever form the rest is."""
        if "bf16" not in given:
            raise ValueError(
                "bf16 is missing, in which every GPU of the catalog computes; add its rate"
            )
        return given

    def flops(self, number: Format) -> float:
        """Peak operations a second in a format; BF16's, which all have, where the hardware does not have it."""
        return 1e12 * self.teraflops.get(number, self.teraflops["bf16"])

    def gpus_of(self, value: str) -> int:
        """GPUs of a node whose label has this value: of the machine that it names, or of the largest that is made."""
        return self.labels.aks.get(value) or max(self.node_gpus)


def product_name(text: str, known: Mapping[str, Accelerator]) -> str | None:
    """The catalog's name of what a person or a node label calls by `text`."""
    wanted = text.lower()
    for name, entry in known.items():
        if wanted in _names(name, entry):
            return name
    return None


def shared_name(known: Mapping[str, Accelerator]) -> tuple[str, str, str] | None:
    """What two products are both called by, and these: it is not known then which is meant."""
    owners: dict[str, str] = {}
    for name, entry in known.items():
        for value in sorted(_names(name, entry)):
            owner = owners.setdefault(value, name)
            if owner != name:
                return value, owner, name
    return None


def _names(name: str, entry: Accelerator) -> set[str]:
    """Everything that means the product; no two values differ by their case alone."""
    labels = entry.labels
    values = (name, *labels.gpu_operator, *labels.gke, *labels.eks, *labels.aks)
    return {value.lower() for value in values}


def node_label(value: str, known: Mapping[str, Accelerator]) -> str | None:
    """Name of the node label that has exactly this value for a known product."""
    for entry in known.values():
        for field, label in LABELS.items():
            if value in entry.labels.model_dump(by_alias=True)[field]:
                return label
    return None
