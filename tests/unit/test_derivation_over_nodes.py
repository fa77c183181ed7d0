"""What is derived of a block whose replica one node does not hold: over how many, how, and why."""

from typing import Any

import pytest

from deepseek_operator import derivation
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.catalog import catalog
from deepseek_operator.errors import Stalled
from tests.unit.test_derivation import H100, H200, LLAMA_70B, V3, asked, sized

OVER_NODES = [
    pytest.param((V3, H100), {}, "TP8 x PP2 with EP8", 2, id="stages-without-rdma"),
    pytest.param((V3, H100), {"rdma": True}, "DP16 with EP16", 2, id="ranks-with-rdma"),
    pytest.param((V3, H200), {"rdma": True}, "DP8 with EP8", 1, id="one-node-holds-it"),
    pytest.param((V3, H200, 16), {}, "TP8 x PP2 with EP8", 2, id="so-many-are-set"),
    pytest.param((V3, "NVIDIA-L40S"), {}, "TP8 x PP3 with EP8", 3, id="as-few-nodes-as-hold-it"),
    pytest.param(
        (LLAMA_70B, "NVIDIA-L4", 16), {"rdma": True}, "TP8 x PP2", 2, id="layers-without-experts"
    ),
]


@pytest.mark.parametrize(("words", "network", "layout", "nodes"), OVER_NODES)
def test_a_replica_is_on_several_nodes_where_it_has_to_be(
    words: tuple[Any, ...], network: dict[str, bool], layout: str, nodes: int
) -> None:
    found = asked(*words, rdma=network.get("rdma", False)).sized

    assert found is not None
    assert (str(found.layout), found.layout.nodes) == (layout, nodes)


@pytest.mark.parametrize(("words", "network", "layout", "nodes"), OVER_NODES)
def test_the_other_engine_is_laid_out_alike(
    words: tuple[Any, ...], network: dict[str, bool], layout: str, nodes: int
) -> None:
    """But where it runs a model on no such GPU at all."""
    rdma, engine = network.get("rdma", False), {"name": "tensorrt-llm"}
    if words[1] == "NVIDIA-L40S":
        with pytest.raises(Stalled):
            asked(*words, rdma=rdma, engine=engine)
        return

    found = asked(*words, rdma=rdma, engine=engine).sized

    assert found is not None
    assert (str(found.layout), found.layout.nodes) == (layout, nodes)


def test_a_form_that_one_node_holds_comes_before_several_nodes() -> None:
    found = sized("DeepSeek-R1", H100)

    assert (found.setting.scheme.name, found.layout.nodes) == ("int4-awq", 1)


def test_a_form_that_has_to_be_named_keeps_nothing_on_one_node() -> None:
    found = sized("DeepSeek-R1", H100, engine={"name": "tensorrt-llm"})

    assert (found.setting.scheme.name, found.layout.nodes) == ("fp8", 2)


@pytest.mark.parametrize(
    ("words", "rdma", "why"),
    [
        pytest.param(
            (V3, H100),
            False,
            "of weights on each of 16 GPUs, over 2 nodes as one does not hold it; the layers are in 2 parts, one after "
            "another, so that little is exchanged between nodes: no RDMA is set up for them",
            id="stages",
        ),
        pytest.param(
            (V3, H100),
            True,
            "of weights on each of 16 GPUs, over 2 nodes as one does not hold it; each GPU attends for requests of its "
            "own",
            id="ranks",
        ),
        pytest.param((V3, H200, 16), False, "GPUs, over 2 nodes as is set; the layers", id="set"),
        pytest.param((V3, H200), False, "of weights on each of 8 GPUs; each GPU", id="one-node"),
    ],
)
def test_why_it_is_on_several_nodes_is_said(
    words: tuple[Any, ...], *, rdma: bool, why: str
) -> None:
    values = derivation.frozen(asked(*words, rdma=rdma))["values"]

    assert why in {value["name"]: value["why"] for value in values}["layout"]


def on_nodes(each: int, count: int) -> derivation.Derived:
    """DeepSeek-V3 on so many nodes of L4."""
    block = ServingBlock.model_validate({"model": V3})
    return derivation.derive_on(
        "NVIDIA-L4",
        [each] * count,
        block,
        catalog=catalog.shipped(),
        field="spec",
        rdma=False,
    )


def test_small_nodes_hold_it_together_up_to_sixteen() -> None:
    found = on_nodes(4, 16).sized

    assert found is not None
    assert (str(found.layout), found.layout.nodes) == ("TP4 x PP12 with EP4", 12)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        pytest.param(16, "in fp8 on 16 x L4 (PP16) needs 44.8 GiB for weights", id="as-many-as-are-tried"),
        pytest.param(1, "in fp8 on 1 x L4 (1 GPU) needs 628.7 GiB for weights", id="one-node-alone"),
    ],
)  # fmt: skip
def test_where_no_number_of_nodes_holds_it_the_most_are_told(count: int, said: str) -> None:
    with pytest.raises(Stalled) as raised:
        on_nodes(1, count)

    assert raised.value.message.startswith(f"spec.accelerator: {V3} {said}")


def test_stages_draft_nothing() -> None:
    found = asked(V3, "NVIDIA-L40S").sized

    assert found is not None
    assert (found.layout.pipeline, found.setting.mtp_tokens) == (3, 0)
    told = {value["name"]: value["why"] for value in derivation.frozen(asked(V3, H100))["values"]}
    assert told["mtpTokens"] == "the module that drafts cannot run beside the stages of a pipeline"


def test_weights_of_ones_own_are_not_spread_over_nodes_unasked() -> None:
    found = asked(V3, H100, source="pvc://in-four-bits")

    assert found.sized is None
    assert found.why_not.startswith(f"as published {V3} does not fit there")
    assert sized(V3, H100, 16, source="pvc://mine").layout.nodes == 2


@pytest.mark.parametrize(
    "flag", ["--distributed-executor-backend=ray", "--data-parallel-backend=ray"]
)
def test_who_lays_out_nodes_by_flags_does_it_alone(flag: str) -> None:
    found = asked(V3, H200, engine={"args": [flag]})

    assert found.sized is None
    assert flag.partition("=")[0] in found.why_not


@pytest.mark.parametrize("count", [12, 100], ids=["a-node-and-a-half", "twelve-and-a-half"])
def test_a_number_of_gpus_is_one_of_whole_nodes(count: int) -> None:
    with pytest.raises(Stalled) as raised:
        asked(V3, H200, count)

    assert raised.value.reason == Reason.CANNOT_RUN
    assert raised.value.message == (
        f"spec.accelerator.count: {count} GPUs of one replica are not on whole nodes: a node of H200 has 8; set at most 8, "
        "or a multiple of it up to 128, or leave count out"
    )
