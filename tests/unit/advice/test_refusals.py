"""Why a model cannot be served as asked, and the nearest that can be."""

from dataclasses import replace

import pytest

from deepseek_operator.advice import refusals
from deepseek_operator.advice.wishes import Wish
from deepseek_operator.sizing.terms import Workload
from tests.unit.advice.wishing import advised, answer, names, pool, refused, wish
from tests.unit.sizing.questions import CATALOG, LLAMA_70B, QWEN_7B, R1, V3, V32

MANY = Workload(requests_per_second=1000, time_per_output_token=0.1)


@pytest.mark.parametrize(
    ("asked", "model", "why", "nearest", "runs"),
    [
        pytest.param(
            wish(pool("H200", 8), context=150_000),
            QWEN_7B,
            "a context of 150000 tokens is beyond the 131072 that it was made for",
            "a context of 131072 tokens",
            False,
            id="beyond-the-context-of-the-model",
        ),
        pytest.param(
            wish(pool("L4", 1)),
            V32,
            "vllm 0.33.0 runs DeepSeek-V3.2 from compute capability 9 on, and L4 has 8.9",
            "2 x B300 on one node",
            False,
            id="an-engine-that-does-not-run-it-there",
        ),
        pytest.param(
            wish(pool("A100-80GB", 8)),
            V3,
            "no form of DeepSeek-V3 runs on A100-80GB with vllm: fp8 needs compute capability 8.9 or newer and "
            "A100-80GB (Ampere) has 8",
            "8 x H20 on one node",
            False,
            id="no-form-that-runs-there",
        ),
        pytest.param(
            wish(pool("L4", 1)),
            LLAMA_70B,
            "in int4-awq each of 1 x L4 needs 45.0 GiB for weights and one request of 20000 tokens, and 20.7 GiB may be "
            "used",
            "4 x L4 on one node",
            False,
            id="too-large",
        ),
        pytest.param(
            wish(pool("H100", 8)),
            V3,
            "in fp8 each of 8 x H100 needs 82.1 GiB for weights and one request of 20000 tokens, and 73.2 GiB may be used",
            "16 x H100 on 2 nodes of 8 or 8 x H20 on one node",
            False,
            id="too-large-for-one-node",
        ),
        pytest.param(
            wish(pool("L4", 1)),
            "DeepSeek-R1-Distill-Qwen-32B",
            "the cache of no layout holds one request of 20000 tokens",
            "a context of 3952 tokens on 1 x L4 (1 GPU)",
            True,
            id="too-long-for-the-cache",
        ),
        pytest.param(
            wish(pool("H200", 8), workload=Workload(time_per_output_token=0.005)),
            LLAMA_70B,
            "6 ms a token, and 5 ms are asked for",
            "6 ms a token on 8 x H200 (TP8)",
            True,
            id="too-slow",
        ),
        pytest.param(
            wish(pool("H200", 8), workload=Workload(input_tokens=8000, time_to_first_token=0.1)),
            V3,
            "223 ms to the first token, and 100 ms are asked for",
            "223 ms to the first token on 8 x H200 (TP8 with EP8)",
            True,
            id="too-late",
        ),
        pytest.param(
            wish(pool("H200", 16, 8), workload=MANY),
            R1,
            "1000 requests/s need 344 x H200, and there are 16 in nodes of 8",
            "46.9 requests/s with 2 replicas of 8 x H200 (DP8 with EP8)",
            True,
            id="too-few-accelerators",
        ),
        pytest.param(
            wish(pool("H200", 8), budget=20),
            R1,
            "$28.80 an hour at least, and $20.00 may be spent",
            "$28.80 an hour for 1 replica of 8 x H200 (DP8 with EP8)",
            True,
            id="too-dear",
        ),
    ],
)
def test_a_refusal_names_the_arithmetic_and_the_nearest_that_can(
    asked: Wish, model: str, why: str, nearest: str, runs: bool
) -> None:
    found = refused(answer(asked), model)

    assert (found.why, found.nearest, found.runs) == (why, nearest, runs)


def test_the_context_that_is_said_to_fit_does_and_a_token_more_does_not() -> None:
    model = "DeepSeek-R1-Distill-Qwen-32B"

    assert model in names(answer(wish(pool("L4", 1), context=3952)))
    assert model not in names(answer(wish(pool("L4", 1), context=3953)))


def test_the_price_that_is_said_to_do_does_and_a_cent_less_does_not() -> None:
    assert R1 in names(answer(wish(pool("H200", 8), budget=28.80)))
    assert R1 not in names(answer(wish(pool("H200", 8), budget=28.79)))


def test_the_rate_that_is_said_to_be_held_is() -> None:
    def told(rate: float) -> list[str]:
        load = Workload(requests_per_second=rate, time_per_output_token=0.1)
        return names(answer(wish(pool("H200", 8), workload=load)))

    load = Workload(requests_per_second=40, time_per_output_token=0.1)
    found = refused(answer(wish(pool("H200", 8), workload=load)), R1)
    assert found.nearest == "23.4 requests/s with 1 replica of 8 x H200 (DP8 with EP8)"
    assert R1 in told(23.4)
    assert R1 not in told(23.5)


def test_where_nothing_would_do_it_says_so() -> None:
    asked = wish(pool("L4", 1))
    known = replace(CATALOG, accelerators={"L4": CATALOG.accelerators["L4"]})

    assert refused(answer(asked, known), V32).nearest == refusals.NOTHING


def test_what_comes_up_to_everything_is_no_refusal() -> None:
    asked = wish(pool("H200", 8))

    with pytest.raises(ValueError, match=f"{V3} comes up to everything"):
        refusals.short_of(V3, [advised(answer(asked), V3).way], asked)
