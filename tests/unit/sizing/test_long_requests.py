"""How many long requests a replica has room for beside short ones."""

import pytest

from deepseek_operator.sizing import roofline
from deepseek_operator.sizing.size import size
from deepseek_operator.sizing.terms import Question, Workload
from tests.unit.sizing.questions import QWEN_7B, R1, V3, ask


@pytest.mark.parametrize(
    ("question", "by"),
    [
        pytest.param(ask(QWEN_7B, "L40S", 1), "time", id="prompts-take-the-time"),
        pytest.param(ask(V3, "H200", 8), "time", id="of-eight-ranks"),
        pytest.param(
            ask(R1, "B200", 8, workload=Workload(256, 4096, time_per_output_token=0.1)),
            "cache",
            id="answers-take-the-cache",
        ),
        pytest.param(ask(QWEN_7B, "H100", 1, max_sequences=8), "sequences", id="few-sequences"),
    ],
)
def test_long_requests_take_half_of_a_replica_by_what_is_used_up_first(
    question: Question, by: str
) -> None:
    found = size(question)
    long, workload, layout = found.long, question.workload, found.layout

    prompt = roofline.prefill_seconds(roofline.costs_of(found.setting), long.tokens)
    answer = workload.output_tokens * found.pace.time_per_output_token
    shares = {
        # Half of the cache, of the time that prompts take, and of the sequences.
        "cache": layout.data * found.cache_tokens / (long.tokens + workload.output_tokens) / 2,
        "time": layout.data * (prompt + answer) / prompt / 2,
        "sequences": layout.data * found.limits.sequences / 2,
    }
    assert long.tokens == 8 * workload.input_tokens
    assert long.by == by == min(shares, key=lambda name: shares[name])
    assert long.most == int(shares[by]) > 1


def test_one_long_request_at_least_is_served_and_none_is_longer_than_the_context() -> None:
    few = size(ask(QWEN_7B, "L4", 1, max_sequences=1))
    short = size(ask(QWEN_7B, "L4", 1, context_tokens=4096))

    assert few.long.most == 1
    assert short.long.tokens == 4096 - short.question.workload.output_tokens
