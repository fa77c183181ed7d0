"""What is said of a value is true of it."""

from dataclasses import replace

import pytest

from deepseek_operator.sizing import batching, reasons
from deepseek_operator.sizing.roofline import Pace
from deepseek_operator.sizing.size import size
from deepseek_operator.sizing.terms import Question, Workload
from tests.unit.sizing.questions import CATALOG, QWEN_14B, V3, ask


def why(question: Question) -> dict[str, str]:
    return {one.name: one.why for one in reasons.reasons(size(question))}


@pytest.mark.parametrize(
    ("workload", "said"),
    [
        pytest.param(
            Workload(6500, 256),
            "as long as requests are expected to become, more than a quarter of the cache; 3 such requests fit at once",
            id="more-than-a-quarter",
        ),
        pytest.param(
            Workload(1024, 256),
            "a quarter of the cache, so that several long requests fit; 4 such requests fit at once",
            id="a-quarter",
        ),
    ],
)
def test_a_context_is_a_quarter_of_the_cache_unless_requests_are_longer(
    workload: Workload, said: str
) -> None:
    assert why(ask(QWEN_14B, "L4", 1, workload=workload))["contextTokens"] == said


def test_the_latent_is_that_of_the_model() -> None:
    entry = CATALOG.models[V3]
    latent = entry.dimensions.latent
    assert latent is not None
    wider = latent.model_copy(update={"kv_rank": 1024})
    dimensions = entry.dimensions.model_copy(update={"latent": wider})
    model = entry.model_copy(update={"dimensions": dimensions})

    question = ask(V3, "H200", 8)
    assert "(latent of 576 values a layer)" in why(question)["cacheType"]
    assert "(latent of 1,088 values a layer)" in why(replace(question, model=model))["cacheType"]


@pytest.mark.parametrize(
    ("seconds", "target", "said"),
    [
        pytest.param(0.1004, 0.1, "100.4 ms with 4 at once, and 100.0 ms are asked for, or assumed where nothing is set", id="alike"),
        pytest.param(0.0543, 0.05, "54 ms with 4 at once, and 50 ms are asked for", id="apart"),
        pytest.param(0.05 + 1e-9, 0.05, "50 ms with 4 at once, and 50 ms are asked for", id="hardly"),
    ],
)  # fmt: skip
def test_two_times_of_which_one_is_late_are_not_told_as_equal(
    seconds: float, target: float, said: str
) -> None:
    late = Pace(4, 1.0, seconds, 0.5)

    assert batching.missed(late, Workload(time_per_output_token=target)) == (
        f"workload.timePerOutputToken: {said}",
    )
