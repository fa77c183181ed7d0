"""The sentence that says what is missing."""

from typing import Any

import pytest

from deepseek_operator.capacity import words
from deepseek_operator.capacity.nodes import Node
from deepseek_operator.capacity.room import Cluster, Want
from deepseek_operator.catalog import catalog
from tests.unit.capacity.machines import (
    H200,
    L40S,
    ON_H200,
    cluster,
    engine,
    labelled,
    node,
    pod,
    want,
)
from tests.unit.samples import Manifest

TAKEN = pod("p", on="a", gpus=8)
TAINT = [{"key": "dedicated", "value": "ml", "effect": "NoSchedule"}]


def said(found: Cluster, *wants: Want, **more: Any) -> str:
    return words.shortage(found, wants, known=catalog.shipped().accelerators, **more)


def on_h200(pods: int = 2, size: int = 8, **more: Any) -> Want:
    return want(pods, size, nodeSelector=ON_H200, **more)


@pytest.mark.parametrize(
    ("there", "sentence"),
    [
        pytest.param(
            [node("a", labels=H200), node("b", labels=H200), TAKEN], "8 free", id="too-few"
        ),
        pytest.param(
            [node("a", labels=H200), node("b", labels=H200, gpus=4), pod("p", on="a", gpus=4)],
            "8 free, at most 4 of them on one node",
            id="in-pieces",
        ),
        pytest.param(
            [node("a", labels=H200), *(node(name, labels=H200, gpus=4) for name in "bc")],
            "16 free, 8 of them in nodes of 8",
            id="half-of-it-in-pieces",
        ),
        pytest.param(
            [node("a", labels=H200), node("b", labels=H200, cordoned=True)],
            "8 free, 8 more on node b that is cordoned",
            id="cordoned",
        ),
        pytest.param(
            [node("a", labels=H200), node("b", labels=H200, ready="False")],
            "8 free, 8 more on node b that is not ready",
            id="not-ready",
        ),
        pytest.param(
            [node(name, labels=H200, taints=TAINT) for name in "ab"],
            "0 free, 16 more on 2 nodes with taint dedicated=ml:NoSchedule",
            id="tainted",
        ),
        pytest.param(
            [node("a", labels=H200), TAKEN, node("b", labels=H200, taints=TAINT),
             node("c", labels=H200, cordoned=True, gpus=4)],
            "0 free, 8 more on node b with taint dedicated=ml:NoSchedule, "
            "4 more on node c that is cordoned",
            id="for-several-reasons",
        ),
        pytest.param(
            [node("a", labels=H200, cordoned=True), TAKEN], "0 free", id="nothing-behind-it"
        ),
        pytest.param(
            [node("l", labels=L40S, gpus=4), node("m", labels=L40S, gpus=4)],
            "no node has any; there are 8 x L40S",
            id="another-product",
        ),
        pytest.param(
            [node("v", labels=labelled("Tesla-V100-SXM2-16GB"), gpus=4)],
            "no node has any; there are 4 x Tesla-V100-SXM2-16GB",
            id="a-product-that-the-catalog-does-not-have",
        ),
        pytest.param([], "no node has any accelerators", id="nothing"),
        pytest.param(
            [node("a", labels=H200, gpus=None)],
            "node a offer none: their driver or device plugin does not run",
            id="no-driver",
        ),
        pytest.param(
            [node("a", labels=H200, gpus=0,
                  allocatable={"nvidia.com/mig-1g.18gb": "7", "nvidia.com/mig-3g.71gb": "2"})],
            "no whole ones there: they are divided into 7 x nvidia.com/mig-1g.18gb and "
            "2 x nvidia.com/mig-3g.71gb",
            id="mig",
        ),
    ],
)  # fmt: skip
def test_it_says_what_is_free_and_what_is_out_of_reach(
    there: list[Manifest], sentence: str
) -> None:
    assert said(cluster(*there), on_h200()) == f"needs 16 x H200 in nodes of 8; {sentence}"


@pytest.mark.parametrize(
    ("wanted", "needs"),
    [
        pytest.param(on_h200(3, 1), "3 x H200", id="one-each"),
        pytest.param(on_h200(1, 4), "4 x H200 in nodes of 4", id="four-each"),
        pytest.param(want(1, 4), "4 x nvidia.com/gpu in nodes of 4", id="any-product"),
        pytest.param(
            want(1, 2, nodeSelector={"cloud.google.com/gke-accelerator": "nvidia-l4"}),
            "2 x L4 in nodes of 2",
            id="by-gke's-label",
        ),
        pytest.param(
            want(1, 2, nodeSelector={"nvidia.com/gpu.product": "Own-9"}), "2 x Own-9 in nodes of 2",
            id="unknown",
        ),
        pytest.param(
            want(1, 8, nodeSelector={"disk": "fast"}), "8 x H200 in nodes of 8", id="the-only-one"
        ),
    ],
)  # fmt: skip
def test_it_says_what_is_needed(wanted: Want, needs: str) -> None:
    found = cluster(node("a", labels={**H200, "disk": "fast"}), node("l", labels=L40S), TAKEN)

    assert said(found, wanted).startswith(f"needs {needs}; ")


def test_several_needs_are_told_apart() -> None:
    found = cluster(node("a", labels=H200), node("l", labels=L40S, gpus=2), TAKEN)
    of_fallback = want(
        1, 4, what="fallback small", nodeSelector={"nvidia.com/gpu.product": "NVIDIA-L40S"}
    )

    assert said(found, on_h200(1), of_fallback) == (
        "needs 8 x H200 in nodes of 8 and 4 x L40S in nodes of 4 for fallback small; 0 free; 2 free"
    )


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        pytest.param(("a",), "node a with 8 as devices alone", id="one"),
        pytest.param(("a", "b"), "2 nodes with 16 as devices alone", id="several"),
    ],
)
def test_devices_that_no_pod_can_ask_for_are_told_with_what_is_missing(
    names: tuple[str, ...], sentence: str
) -> None:
    nodes = tuple(Node(name=name, labels=H200, devices=8) for name in names)

    assert said(Cluster(nodes=nodes), on_h200()) == (
        f"needs 16 x H200 in nodes of 8; {sentence}: no DeviceClass has extendedResourceName nvidia.com/gpu"
    )


def test_who_makes_way_is_counted_as_free() -> None:
    found = cluster(node("a", labels=H200), engine("e", of="chat", revision="old", on="a"))

    assert said(found, on_h200(), without=found.holders).endswith("; 8 free")


def test_it_says_why_nothing_is_known() -> None:
    assert said(Cluster(unread="nodes may not be listed"), on_h200()) == (
        "needs 16 x H200 in nodes of 8; what is free is not known: nodes may not be listed"
    )
