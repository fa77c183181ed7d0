"""The product that a block leaves open: the one of the cluster's nodes, once, and frozen with the revision."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from deepseek_operator import derivation
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.capacity import holders
from deepseek_operator.capacity.room import Cluster
from deepseek_operator.catalog import catalog
from deepseek_operator.derivation import Derived, derive
from deepseek_operator.errors import Stalled
from deepseek_operator.observed import Observed
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import revision_key
from tests.unit.capacity import machines
from tests.unit.capacity.machines import H200, L40S, cluster, labelled, node
from tests.unit.samples import IMAGES, Manifest, deepseek
from tests.unit.world import World

QWEN = "DeepSeek-R1-Distill-Qwen-7B"
OPEN: Manifest = {"model": QWEN, "source": "pvc://models/7b"}
ON_H200 = cluster(node("a", labels=H200), node("b", labels=H200))
BOTH = cluster(node("a", labels=H200), node("l", labels=L40S, gpus=4))


def derived(there: Cluster | None, *, rdma: bool = False, **block: Any) -> Derived:
    given = ServingBlock.model_validate({"model": QWEN, **block})
    return derive(given, catalog=catalog.shipped(), field="spec", rdma=rdma, cluster=there)


def test_the_only_product_is_what_a_replica_is_sized_for() -> None:
    found = derived(ON_H200)

    assert found.sized is not None
    assert found.sized == derived(None, accelerator={"product": "NVIDIA-H200"}).sized
    [product] = [one for one in derivation.frozen(found)["values"] if one["name"] == "product"]
    assert product == {
        "name": "product",
        "value": "NVIDIA-H200",
        "why": "accelerator.product is not set, and all 2 nodes that these pods may run on have this "
        "one, at most 8 of it each",
    }


def test_a_replica_fits_the_largest_of_these_nodes() -> None:
    """Machines with L40S are made with up to eight; these have two."""
    pairs = cluster(node("a", labels=L40S, gpus=2), node("b", labels=L40S, gpus=1))
    large: Manifest = {"model": "DeepSeek-R1-Distill-Qwen-32B"}

    found = derived(pairs, **large)

    assert found.sized is not None
    assert found.sized.layout.accelerators <= 2


def test_a_count_that_no_node_has_is_refused() -> None:
    with pytest.raises(Stalled, match=r"spec\.accelerator\.count: 6 GPUs .* a node of L40S has 4"):
        derived(cluster(node("a", labels=L40S, gpus=4)), accelerator={"count": 6})


@pytest.mark.parametrize(
    ("there", "block", "why"),
    [
        pytest.param(
            BOTH, {},
            "accelerator.product is not set, and these pods may run on nodes with NVIDIA-H200 and with "
            "NVIDIA-L40S",
            id="several",
        ),
        pytest.param(
            cluster(), {},
            "accelerator.product is not set, and no node that these pods may run on has whole GPUs now",
            id="none",
        ),
        pytest.param(
            Cluster(unread="nodes may not be listed"), {},
            "accelerator.product is not set, and nodes may not be listed",
            id="unread",
        ),
        pytest.param(None, {}, "accelerator.product is not set", id="not-looked-at"),
        pytest.param(
            ON_H200, {"engine": {"args": ["--cpu-offload-gb=4"]}},
            "engine.args has --cpu-offload-gb, which the arithmetic does not know",
            id="nothing-could-be-derived",
        ),
        pytest.param(
            ON_H200, {"model": "own", "source": "pvc://own"}, "own is not in the catalog", id="own"
        ),
    ],
)  # fmt: skip
def test_otherwise_nothing_is_derived_and_the_choices_are_told(
    there: Cluster | None, block: Manifest, why: str
) -> None:
    found = derived(there, **block)

    assert (found.sized, found.why_not, found.product) == (None, why, None)


def test_where_the_pods_may_run_decides() -> None:
    pool: Manifest = {"pod": {"nodeSelector": {"nvidia.com/gpu.family": "ada-lovelace"}}}
    there = cluster(
        node("a", labels=H200), node("l", labels={**L40S, "nvidia.com/gpu.family": "ada-lovelace"})
    )

    assert derived(there, **pool).product == "NVIDIA-L40S"


def test_a_product_that_is_named_is_not_looked_for() -> None:
    found = derived(BOTH, accelerator={"product": "NVIDIA-L40S"})

    assert (found.product, found.chosen) == ("NVIDIA-L40S", "")
    assert "product" not in [one["name"] for one in derivation.frozen(found)["values"]]


def test_pods_are_tied_to_the_product_that_they_are_made_for() -> None:
    deployment = deepseek(**OPEN)

    shape = resolve_shape(
        deployment, deployment.spec, images=IMAGES, observed=Observed(cluster=ON_H200)
    )
    open_ = resolve_shape(
        deployment, deployment.spec, images=IMAGES, observed=Observed(cluster=BOTH)
    )

    assert shape.template["spec"].get("nodeSelector") == {"nvidia.com/gpu.product": "NVIDIA-H200"}
    assert "nodeSelector" not in open_.template["spec"]


def test_by_the_label_that_the_nodes_have() -> None:
    there = cluster(node("a", labels={"cloud.google.com/gke-accelerator": "nvidia-l4"}))
    deployment = deepseek(**OPEN)

    shape = resolve_shape(
        deployment, deployment.spec, images=IMAGES, observed=Observed(cluster=there)
    )

    assert shape.template["spec"]["nodeSelector"] == {
        "cloud.google.com/gke-accelerator": "nvidia-l4"
    }


def test_the_key_is_of_what_the_user_set_whatever_the_cluster_has() -> None:
    deployment = deepseek(**OPEN)
    keys = {
        resolve_shape(
            deployment, deployment.spec, images=IMAGES, observed=Observed(cluster=there)
        ).key
        for there in (None, ON_H200, BOTH, Cluster(unread="x"))
    }

    assert keys == {revision_key(deployment.spec)}


@dataclass
class Nodes(World):
    """A world with nodes."""

    there: Cluster | None = None

    def observed(self) -> Observed:
        return replace(super().observed(), cluster=self.there)


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(BOTH, id="another-product-joins"),
        pytest.param(cluster(node("l", labels=L40S)), id="another-product-instead"),
        pytest.param(cluster(), id="all-are-gone"),
        pytest.param(None, id="not-looked-at"),
    ],
)
def test_nodes_that_change_later_change_no_pods(later: Cluster | None) -> None:
    world = Nodes(there=ON_H200)
    world.settle(deepseek(**OPEN))
    world.there = later

    plan = world.plan(deepseek(**OPEN))

    assert world.writes(plan) == []


def test_status_tells_the_product_with_the_reason() -> None:
    world = Nodes(there=ON_H200)

    status = world.settle(deepseek(**OPEN)).status

    assert status["sizing"]["accelerator"] == "H200"
    assert status["sizing"]["values"][0]["name"] == "product"


def test_a_fallback_is_made_for_the_nodes_that_it_may_run_on() -> None:
    spare = {"model": "DeepSeek-R1-Distill-Qwen-1.5B", "source": "pvc://models/small"}
    world = Nodes(there=ON_H200)
    deployment = deepseek(**{**OPEN, "gateway": {}, "fallback": [spare]})

    plan = world.plan(deployment)

    selectors = [
        item["spec"]["template"]["spec"].get("nodeSelector")
        for item in plan.apply
        if item["kind"] == "Deployment" and "gateway" not in item["metadata"]["name"]
    ]
    assert selectors == [{"nvidia.com/gpu.product": "NVIDIA-H200"}] * 2


def test_what_does_not_fit_on_what_there_is_says_so_by_arithmetic() -> None:
    with pytest.raises(Stalled) as stalled:
        derived(cluster(node("a", labels=labelled("NVIDIA-L4"), gpus=1)), model="DeepSeek-V3")

    assert "L4" in stalled.value.message


V3: Manifest = {"model": "DeepSeek-V3"}
H100 = machines.H100


def of_sizes(*gpus: int) -> Cluster:
    """Nodes with so many H100 each."""
    return cluster(*(node(f"n{place}", labels=H100, gpus=each) for place, each in enumerate(gpus)))


@pytest.mark.parametrize(
    ("gpus", "layout", "nodes"),
    [
        pytest.param((8, 8), "TP8 x PP2 with EP8", 2, id="eight-each"),
        pytest.param((4, 4, 4, 4), "TP4 x PP3 with EP4", 3, id="four-each"),
        pytest.param((8, 4, 4), "TP4 x PP3 with EP4", 3, id="enough-of-the-smaller-ones"),
        pytest.param((8, 8, 4, 4), "TP8 x PP2 with EP8", 2, id="enough-of-the-larger-ones"),
        pytest.param((8, 4), "TP8 x PP2 with EP8", 2, id="enough-of-none"),
    ],
)
def test_a_replica_that_no_node_holds_is_laid_out_on_nodes_that_there_are(
    gpus: tuple[int, ...], layout: str, nodes: int
) -> None:
    found = derived(of_sizes(*gpus), **V3).sized

    assert found is not None
    assert (str(found.layout), found.layout.nodes) == (layout, nodes)


def test_the_size_of_the_nodes_is_told_and_frozen() -> None:
    values = derivation.frozen(derived(of_sizes(8, 4, 4, 4, 4), **V3))["values"]

    assert [(one["name"], one["value"]) for one in values[:2]] == [
        ("product", "NVIDIA-H100-80GB-HBM3"), ("nodeSize", "4"),
    ]  # fmt: skip


def test_a_number_of_gpus_is_one_of_the_whole_nodes_that_there_are() -> None:
    found = derived(of_sizes(4, 4, 4, 4), accelerator={"count": 16}, **V3).sized

    assert found is not None
    assert (found.layout.accelerators, found.layout.nodes) == (16, 4)


def test_whether_nodes_exchange_by_rdma_counts_here_too() -> None:
    found = derived(of_sizes(8, 8), rdma=True, **V3).sized

    assert found is not None
    assert str(found.layout) == "DP16 with EP16"


def test_pods_of_a_group_are_tied_to_the_product_and_have_the_gpus_of_their_node() -> None:
    deployment = deepseek(**V3, source="pvc://v3", accelerator={"count": 16})

    shape = resolve_shape(
        deployment, deployment.spec, images=IMAGES, observed=Observed(cluster=of_sizes(4, 4, 4, 4))
    )

    assert shape.group is not None
    assert shape.nodes == 4
    for template in (shape.template, shape.group.worker):
        spec = template["spec"]
        assert spec["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
        assert holders.accelerators_of(spec) == 4
