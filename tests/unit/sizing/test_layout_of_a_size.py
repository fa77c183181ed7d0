"""How a replica is laid out: on one GPU, several, or several nodes."""

import pytest

from deepseek_operator.sizing.size import size
from deepseek_operator.sizing.terms import Layout, Question
from tests.unit.sizing.questions import LLAMA_70B, QWEN_7B, R1, V3, V32, ask

DEP8 = Layout(data=8, expert=True)


@pytest.mark.parametrize(
    ("question", "layout"),
    [
        pytest.param(ask(QWEN_7B, "H100", 8), Layout(), id="small-on-one-gpu"),
        pytest.param(ask(LLAMA_70B, "H100", 8), Layout(tensor=2), id="dense-on-two"),
        pytest.param(ask(V3, "H200", 8), DEP8, id="v3-ranks-and-experts"),
        pytest.param(ask(V32, "H200", 8), DEP8, id="v3.2-ranks-and-experts"),
        pytest.param(
            ask(V3, "H100", 16, node=8),
            Layout(data=16, expert=True, nodes=2),
            id="v3-on-two-nodes",
        ),
        pytest.param(ask(V3, "H200", 64, node=8), DEP8, id="one-node-where-one-does"),
        pytest.param(ask(R1, "B200", 8), Layout(data=4, expert=True), id="r1-in-4-bits"),
        pytest.param(ask(V3, "H200", 8, tensor=8), Layout(8, expert=True), id="set"),
        pytest.param(
            ask(V3, "H100", 16, node=8, tensor=8, pipeline=2),
            Layout(tensor=8, pipeline=2, expert=True, nodes=2),
            id="set-with-a-pipeline",
        ),
        pytest.param(ask(QWEN_7B, "H100", 8, accelerators=4), Layout(tensor=4), id="count-set"),
        pytest.param(
            ask(V3, "H100", 16, node=8, rdma=False),
            Layout(tensor=8, pipeline=2, expert=True, nodes=2),
            id="v3-on-two-nodes-without-rdma",
        ),
        pytest.param(ask(V3, "H200", 8, rdma=False), DEP8, id="ranks-on-one-node-need-none"),
    ],
)
def test_the_layout(question: Question, layout: Layout) -> None:
    assert size(question).layout == layout
