"""Nodes with accelerators that are not there."""

import pytest

from dev.cluster import fake_nodes
from dev.cluster.fake_nodes import DEFAULT, FakeNode
from tests.unit.samples import check_against_kubernetes


@pytest.mark.parametrize("node", [pytest.param(node, id=node.name) for node in DEFAULT])
def test_a_node_is_one_that_kubernetes_knows(node: FakeNode) -> None:
    check_against_kubernetes(node.manifest())


def test_accelerators_are_labelled_as_their_discovery_labels_them() -> None:
    node = FakeNode("n", fake_nodes.L40S, 4).manifest()

    labels = node["metadata"]["labels"]
    assert labels["nvidia.com/gpu.product"] == "NVIDIA-L40S"
    assert labels["nvidia.com/gpu.count"] == "4"
    assert labels["nvidia.com/gpu.memory"] == "46068"
    assert (labels["nvidia.com/gpu.compute.major"], labels["nvidia.com/gpu.compute.minor"]) == (
        "8",
        "9",
    )
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "4"


def test_a_node_without_accelerators_says_nothing_of_any() -> None:
    node = FakeNode("n").manifest()

    assert not [label for label in node["metadata"]["labels"] if label.startswith("nvidia")]
    assert "nvidia.com/gpu" not in node["status"]["capacity"]
