"""TensorRT-LLM's page of metrics, and which figures each engine is asked for."""

import math
from typing import Any

import pytest

from deepseek_operator.engines import choice, trtllm_figures
from deepseek_operator.engines.figures import EngineFigures
from deepseek_operator.rollout.engine_counts import NEEDED, Measure, outcomes_of
from deepseek_operator.telemetry import engines
from tests.faketrtllm.engine import Behaviour, FakePage


def figures(*answers: Behaviour) -> EngineFigures:
    """What is read of the page of an engine that gave these answers."""
    page = FakePage()
    for answer in answers:
        page.count(answer, tokens=answer.tokens)
    samples = engines.samples(page.text().decode(), trtllm_figures.NAMES)
    return trtllm_figures.read(samples)


def test_times_and_ends_are_read() -> None:
    found = figures(
        Behaviour(first_token=0.3, between_tokens=0.03),
        Behaviour(first_token=3.0, tokens=1, reason="length"),
    )

    assert found.finished == {"stop": 1, "length": 1}
    assert found.first_token is not None
    assert (found.first_token[0.5], found.first_token[2.5], found.first_token[math.inf]) == (
        1,
        1,
        2,
    )
    assert found.per_output_token is not None
    # An answer of one token has no time between tokens.
    assert found.per_output_token[math.inf] == 1


def test_what_it_does_not_tell_is_not_nothing() -> None:
    found = figures(Behaviour())

    assert (found.started, found.generated, found.preemptions) == ("", None, None)
    assert figures() == EngineFigures()


def pod(*command: str) -> dict[str, Any]:
    return {"containers": [{"name": "engine", "command": list(command)}]}


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        pytest.param(pod("vllm", "serve"), "/metrics", id="vllm"),
        pytest.param(pod("trtllm-serve", "serve"), "/prometheus/metrics", id="tensorrt-llm"),
        pytest.param(pod("own"), None, id="unknown"),
        pytest.param(pod(), None, id="no-command"),
        pytest.param({}, None, id="no-containers"),
        pytest.param(
            {"containers": [{"command": ["python3"]}, *pod("vllm", "serve")["containers"]]},
            "/metrics",
            id="not-the-first",
        ),
    ],
)
def test_only_an_engine_that_is_known_to_tell_figures_is_asked_for_them(
    spec: dict[str, Any], path: str | None
) -> None:
    found = choice.telling(spec)

    assert (found.path if found else None) == path


def test_a_measure_is_promised_by_whom_tells_all_that_it_is_made_of() -> None:
    told = figures(Behaviour(between_tokens=0.02))
    telling = choice.telling(pod("trtllm-serve"))
    assert telling is not None

    for measure in Measure:
        promised = NEEDED[measure] <= telling.figures
        assert promised == (outcomes_of(told, measure, None) is not None)
