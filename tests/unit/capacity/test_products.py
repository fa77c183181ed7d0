"""The product that nodes have, for a block that names none."""

import pytest

from deepseek_operator.capacity.placing import placement_of
from deepseek_operator.capacity.products import Found, only_product
from deepseek_operator.capacity.room import Cluster
from deepseek_operator.catalog import catalog
from tests.unit.capacity.machines import H200, L40S, cluster, labelled, node, pod
from tests.unit.capacity.test_nodes import GKE, SHARED, SLICED
from tests.unit.samples import Manifest

KNOWN = catalog.shipped().accelerators


def found(there: Cluster, **spec: object) -> Found | str:
    return only_product(there, placement_of(spec), KNOWN)


def test_one_product_is_the_one() -> None:
    there = cluster(node("a", labels=H200, gpus=4), node("b", labels=H200), node("c", gpus=None))

    one = found(there)

    assert isinstance(one, Found)
    assert (one.product.name, one.product.value, one.node_sizes) == (
        "H200", "NVIDIA-H200", (8, 4),
    )  # fmt: skip


def test_who_holds_accelerators_does_not_matter() -> None:
    there = cluster(node("a", labels=H200), pod("p", on="a"))

    assert isinstance(found(there), Found)


def test_nodes_that_the_pods_may_not_run_on_do_not_matter() -> None:
    taints = [{"key": "dedicated", "value": "ml", "effect": "NoSchedule"}]
    there = cluster(
        node("a", labels={**H200, "pool": "big"}), node("l", labels=L40S, taints=taints)
    )
    both = cluster(node("a", labels={**H200, "pool": "big"}), node("l", labels=L40S))

    assert isinstance(found(there), Found)
    assert isinstance(found(both, nodeSelector={"pool": "big"}), Found)
    assert isinstance(found(both), str)


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        pytest.param(
            [node("a", labels=H200), node("l", labels=L40S)],
            "these pods may run on nodes with NVIDIA-H200 and with NVIDIA-L40S",
            id="several",
        ),
        pytest.param([], "no node that these pods may run on has whole GPUs now", id="none"),
        pytest.param(
            [node("a", labels=H200, cordoned=True)],
            "no node that these pods may run on has whole GPUs now",
            id="none-that-is-open",
        ),
        pytest.param(
            [node("a", labels=H200), node("v", labels=labelled("Tesla-V100-SXM2-16GB"))],
            "these pods may run on nodes with Tesla-V100-SXM2-16GB, which is no whole GPU of the catalog",
            id="one-that-is-not-known",
        ),
        pytest.param(
            [node("a", labels=SLICED, gpus=56)],
            "these pods may run on nodes with NVIDIA-H100-80GB-HBM3-MIG-1g.10gb, which is no whole "
            "GPU of the catalog",
            id="slices",
        ),
        pytest.param(
            [node("a", labels=SHARED, gpus=32)],
            "these pods may run on nodes with NVIDIA-H100-80GB-HBM3-SHARED, which is no whole GPU of "
            "the catalog",
            id="shared",
        ),
        pytest.param(
            [node("a", labels=GKE),
             node("b", labels={**GKE, "cloud.google.com/gke-accelerator": "nvidia-h100-mega-80gb"})],
            "these pods may run on nodes with nvidia-h100-80gb and with nvidia-h100-mega-80gb",
            id="one-product-by-two-values",
        ),
    ],
)  # fmt: skip
def test_otherwise_it_says_why_not_and_what_the_choices_are(
    nodes: list[Manifest], why: str
) -> None:
    assert found(cluster(*nodes)) == why


def test_of_many_products_some_are_named() -> None:
    names = ["A10", "A10G", "A40", "H20", "H200", "L4"]
    there = [node(name, labels=labelled(f"NVIDIA-{name}")) for name in names]

    assert found(cluster(*there)) == (
        "these pods may run on nodes with NVIDIA-A10 and with NVIDIA-A10G and with NVIDIA-A40 and with "
        "NVIDIA-H20 and 2 others"
    )


def test_the_label_is_one_that_all_of_the_nodes_have() -> None:
    machine = {"node.kubernetes.io/instance-type": "Standard_ND96isr_H100_v5"}
    there = cluster(
        node("a", labels={**labelled("NVIDIA-H100-80GB-HBM3"), **machine}),
        node("b", labels=machine),
    )

    one = found(there)

    assert isinstance(one, Found)
    assert (one.product.label, one.product.value) == next(iter(machine.items()))


def test_what_cannot_be_read_is_told() -> None:
    assert found(Cluster(unread="not allowed")) == "not allowed"
