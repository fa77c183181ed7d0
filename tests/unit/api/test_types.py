"""The spec's types: what pydantic reads of durations, as the definition's schema admits them."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from deepseek_operator.api import crd
from deepseek_operator.api.warmup import Warmup, WorkShape


def pattern() -> str:
    """The pattern of the time-out as the API server has it."""
    [version] = crd.build_crd()["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return str(spec["properties"]["warmup"]["properties"]["timeout"]["pattern"])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("90s", 90, id="seconds"),
        pytest.param("5m", 300, id="minutes"),
        pytest.param("2h", 7200, id="hours"),
        pytest.param("1h30m", 5400, id="hours-and-minutes"),
        pytest.param("1h30m15s", 5415, id="all"),
        pytest.param("1h5s", 3605, id="without-minutes"),
        pytest.param("90m", 5400, id="more-than-an-hour"),
        pytest.param("9999h99999m", 9999 * 3600 + 99999 * 60, id="long"),
    ],
)
def test_a_time_out_is_read_in_seconds(text: str, seconds: int) -> None:
    assert seconds == Warmup.model_validate({"timeout": text}).seconds
    assert re.search(pattern(), text)


def test_a_warm_up_has_ten_minutes_unless_it_is_given_others() -> None:
    assert Warmup().seconds == 600


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("s", id="unit-alone"),
        pytest.param("10", id="no-unit"),
        pytest.param("1.5h", id="fraction"),
        pytest.param("-5m", id="negative"),
        pytest.param("30m1h", id="out-of-order"),
        pytest.param("5m5m", id="twice"),
        pytest.param("5 m", id="space"),
        pytest.param("5min", id="another-unit"),
        pytest.param("100ms", id="too-fine"),
        pytest.param("1d", id="days"),
        pytest.param("0s", id="no-time"),
        pytest.param("0h0m0s", id="no-time-at-length"),
        pytest.param("05m", id="leading-zero"),
        pytest.param("10000h", id="too-long"),
        pytest.param("1h\n", id="newline"),
        pytest.param("9999h99999m99999s", id="too-many-characters"),
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Warmup.model_validate({"timeout": text})


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"inputTokens": 0, "outputTokens": 1}, id="no-prompt"),
        pytest.param({"inputTokens": 1, "outputTokens": 0}, id="no-answer"),
        pytest.param({"inputTokens": 1, "outputTokens": 1, "concurrency": 0}, id="nobody"),
        pytest.param({"inputTokens": 1}, id="answer-left-out"),
    ],
)
def test_a_shape_of_work_asks_for_something(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WorkShape.model_validate(given)


def test_a_shape_of_work_is_one_request_unless_more_are_given() -> None:
    shape = WorkShape.model_validate({"inputTokens": 512, "outputTokens": 64})

    assert (shape.input_tokens, shape.output_tokens, shape.concurrency) == (512, 64, 1)
