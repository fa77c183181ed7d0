"""Nodes as their manifests tell of them: labels of each kind of cluster, MIG, shared GPUs, cordons."""

import pytest

from deepseek_operator.capacity import nodes
from deepseek_operator.capacity.nodes import Node
from deepseek_operator.catalog import catalog
from deepseek_operator.catalog.accelerators import LABELS
from tests.unit.capacity import machines
from tests.unit.samples import Manifest

KNOWN = catalog.shipped().accelerators


def read(**fields: object) -> Node:
    found = nodes.node_of(machines.node(**fields))  # type: ignore[arg-type]
    assert found is not None
    return found


# GPU operator: docs/gfd_labels.md of NVIDIA/k8s-device-plugin. GKE: cloud.google.com/kubernetes-engine/docs/concepts/gpus.
# EKS: karpenter.sh/docs/reference/instance-types. AKS: the machine's type alone.
GPU_OPERATOR = machines.labelled("NVIDIA-H100-80GB-HBM3")
GKE = {
    "cloud.google.com/gke-accelerator": "nvidia-h100-80gb",
    "cloud.google.com/gke-accelerator-count": "8",
    "cloud.google.com/gke-gpu-driver-version": "latest",
    "node.kubernetes.io/instance-type": "a3-highgpu-8g",
}
EKS = {
    "karpenter.sh/nodepool": "gpu",
    "karpenter.k8s.aws/instance-gpu-name": "h100",
    "karpenter.k8s.aws/instance-gpu-count": "8",
    "karpenter.k8s.aws/instance-gpu-manufacturer": "nvidia",
    "node.kubernetes.io/instance-type": "p5.48xlarge",
}
AKS = {
    "kubernetes.azure.com/accelerator": "nvidia",
    "node.kubernetes.io/instance-type": "Standard_ND96isr_H100_v5",
}
SLICED = {
    **machines.labelled("NVIDIA-H100-80GB-HBM3-MIG-1g.10gb"),
    "nvidia.com/gpu.count": "56",
}
SHARED = {
    **machines.labelled("NVIDIA-H100-80GB-HBM3-SHARED"),
    "nvidia.com/gpu.replicas": "4",
    "nvidia.com/gpu.sharing-strategy": "time-slicing",
}
SHARED_UNNAMED = {**GPU_OPERATOR, "nvidia.com/gpu.replicas": "4"}
GKE_SLICED = {**GKE, "cloud.google.com/gke-gpu-partition-size": "1g.10gb"}
GKE_SHARED = {**GKE, "cloud.google.com/gke-gpu-sharing-strategy": "time-sharing"}


@pytest.mark.parametrize(
    ("labels", "product", "label", "called"),
    [
        pytest.param(GPU_OPERATOR, "H100", "nvidia.com/gpu.product", "H100", id="gpu-operator"),
        pytest.param(GKE, "H100", "cloud.google.com/gke-accelerator", "H100", id="gke"),
        pytest.param(EKS, "H100", "karpenter.k8s.aws/instance-gpu-name", "H100", id="eks"),
        pytest.param(AKS, "H100", "node.kubernetes.io/instance-type", "H100", id="aks"),
        pytest.param({**GKE, **GPU_OPERATOR}, "H100", "nvidia.com/gpu.product", "H100", id="both"),
        pytest.param(
            machines.labelled("Tesla-V100-SXM2-16GB"), None, None, "Tesla-V100-SXM2-16GB",
            id="unknown",
        ),
        pytest.param({}, None, None, "nvidia.com/gpu", id="no-labels"),
        pytest.param(
            {"node.kubernetes.io/instance-type": "p5.48xlarge"}, None, None, "nvidia.com/gpu",
            id="only-a-machine's-type",
        ),
        pytest.param(SLICED, None, None, "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb", id="mig-single"),
        pytest.param(SHARED, None, None, "NVIDIA-H100-80GB-HBM3-SHARED", id="time-slicing"),
        pytest.param(
            SHARED_UNNAMED, None, None, "NVIDIA-H100-80GB-HBM3 (shared)", id="time-slicing-unnamed"
        ),
        pytest.param(GKE_SLICED, None, None, "nvidia-h100-80gb (shared)", id="gke-mig"),
        pytest.param(GKE_SHARED, None, None, "nvidia-h100-80gb (shared)", id="gke-time-sharing"),
    ],
)  # fmt: skip
def test_the_product_is_what_the_first_label_of_the_catalog_says(
    labels: dict[str, str], product: str | None, label: str | None, called: str
) -> None:
    node = read(labels=labels)

    found = nodes.product_of(node, KNOWN)

    assert (found.name if found else None) == product
    assert (found.label if found else None) == label
    assert found is None or labels[found.label] == found.value
    assert nodes.called(node, KNOWN) == called


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_product_of_the_catalog_is_found_by_each_of_its_labels(name: str) -> None:
    said = KNOWN[name].labels.model_dump(by_alias=True)
    pairs = [(LABELS[field], value) for field, values in said.items() for value in values]

    found = [nodes.product_of(read(labels={label: value}), KNOWN) for label, value in pairs]

    assert [one and one.name for one in found] == [name] * len(pairs)


def test_accelerators_are_what_is_allocatable() -> None:
    assert read(gpus=7).accelerators == 7


def test_a_node_without_accelerators_is_none() -> None:
    assert nodes.node_of(machines.node(gpus=None)) is None
    assert nodes.node_of(machines.node(gpus=None, labels={**AKS})) is None


def test_a_node_whose_driver_does_not_run_has_none_to_offer() -> None:
    node = read(gpus=None, labels=machines.H200)

    assert (node.accelerators, node.slices) == (0, None)


def test_slices_of_several_sizes_are_no_whole_accelerators() -> None:
    node = read(
        gpus=1,
        labels=machines.H200,
        allocatable={"nvidia.com/mig-1g.18gb": "7", "nvidia.com/mig-3g.71gb": "2"},
    )

    assert node.accelerators == 1
    assert node.slices == {"nvidia.com/mig-1g.18gb": 7, "nvidia.com/mig-3g.71gb": 2}


@pytest.mark.parametrize(
    ("fields", "closed"),
    [
        pytest.param({}, "", id="open"),
        pytest.param({"cordoned": True}, "cordoned", id="cordoned"),
        pytest.param({"ready": "False"}, "not ready", id="not-ready"),
        pytest.param({"ready": "Unknown"}, "not ready", id="silent"),
        pytest.param({"ready": None}, "", id="says-nothing-yet"),
    ],
)
def test_a_node_that_takes_no_pods_is_closed(fields: Manifest, closed: str) -> None:
    assert read(**fields).closed == closed


def test_taints_that_only_prefer_keep_nobody_off() -> None:
    taints = [
        {"key": "a", "effect": "PreferNoSchedule"},
        {"key": "b", "value": "c", "effect": "NoSchedule"},
        {"key": "d", "effect": "NoExecute"},
    ]

    assert list(map(str, read(taints=taints).taints)) == ["b=c:NoSchedule", "d:NoExecute"]


def test_nodes_of_karpenter_are_made_on_demand() -> None:
    assert nodes.is_made_on_demand(machines.node(gpus=None, labels=EKS))
    assert not nodes.is_made_on_demand(machines.node(labels=GKE))
