"""The CEL rules of workload and quantisation, and types that have to agree with the catalog's."""

from typing import Any, get_args

import pytest

from deepseek_operator.api import rules, rules_of_sizing
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.api.workload import Workload
from deepseek_operator.catalog.models import Quantization
from tests.unit.api.test_rules import violations

KNOWN = {"accelerator": {"product": "NVIDIA-H200"}}
TRTLLM = {"engine": {"name": "tensorrt-llm"}}


@pytest.mark.parametrize(
    "block",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"quantization": "auto"}, id="the-default-form"),
        pytest.param({**KNOWN, "quantization": "int8"}, id="a-form-for-a-product"),
        pytest.param({**KNOWN, "workload": {"inputTokens": 9}}, id="requests-on-a-product"),
        pytest.param(
            {**KNOWN, "replicas": 1, "workload": {"requestsPerSecond": 5.0}},
            id="a-rate-and-the-default-number",
        ),
        pytest.param({**KNOWN, "replicas": 7, "workload": {}}, id="a-number-without-a-rate"),
        pytest.param(
            {**KNOWN, **TRTLLM, "quantization": "nvfp4", "workload": {"requestsPerSecond": 5.0}},
            id="both-of-another-engine",
        ),
    ],
)
def test_what_can_be_derived_passes(block: dict[str, Any]) -> None:
    assert violations(rules.SERVING_BLOCK, block) == []


@pytest.mark.parametrize(
    ("block", "said"),
    [
        pytest.param({"workload": {}}, "set accelerator.product, or remove workload", id="load"),
        pytest.param(
            {"accelerator": {"kind": "CPU"}, "quantization": "none"},
            "set accelerator.product, or leave quantization out",
            id="form",
        ),
        pytest.param(
            {**KNOWN, "replicas": 2, "workload": {"requestsPerSecond": 5.0}},
            "workload.requestsPerSecond sets the number; remove one of them",
            id="two-numbers",
        ),
        pytest.param(
            {**TRTLLM, "workload": {}},
            "set accelerator.product, or remove workload",
            id="load-of-another-engine",
        ),
    ],
)
def test_what_would_do_nothing_is_refused(block: dict[str, Any], said: str) -> None:
    messages = violations(rules.SERVING_BLOCK, block)

    assert [message.endswith(said) for message in messages] == [True]


@pytest.mark.parametrize(
    ("rate", "passes"), [(0.0, False), (0.001, True), (5.0, True), (None, True)]
)
def test_a_rate_is_above_nothing(rate: float | None, *, passes: bool) -> None:
    given = {} if rate is None else {"requestsPerSecond": rate}

    assert (violations(rules_of_sizing.WORKLOAD, given) == []) is passes


def test_every_form_of_the_catalog_can_be_asked_for() -> None:
    annotation = ServingBlock.model_fields["quantization"].annotation

    assert get_args(annotation) == ("auto", *get_args(Quantization))


def test_a_shape_leaves_out_what_is_default() -> None:
    assert Workload(requests_per_second=9).shape() == {}
    assert Workload(input_tokens=9, time_to_first_token="2s").shape() == {
        "inputTokens": 9,
        "timeToFirstToken": 2000,
    }
