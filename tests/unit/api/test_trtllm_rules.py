"""The CEL rules about TensorRT-LLM, run as the API server would on the objects of the cluster's own test."""

from typing import Any

import pytest

from deepseek_operator.api import rules, trtllm_rules
from tests.cluster.bad_engine import BAD_ENGINE, GOOD_ENGINE
from tests.unit.api.test_rules import violations


def said(spec: dict[str, Any]) -> list[str]:
    """What is said of an object and of all serving blocks in it."""
    blocks = [spec, *spec.get("fallback", [])]
    blocks += [spec["rollout"]["from"]] if "from" in spec.get("rollout", {}) else []
    found = violations([*trtllm_rules.SPEC], spec)
    for block in blocks:
        found += violations([*rules.SERVING_BLOCK], block)
        engine = block.get("engine", {})
        found += violations([*trtllm_rules.ENGINE], engine)
        for arg in engine.get("args", []):
            found += violations([*rules.ENGINE_ARG], arg)
    return found


@pytest.mark.parametrize(("spec", "message"), BAD_ENGINE)
def test_what_tensorrt_llm_cannot_serve_is_refused_for_one_reason(
    spec: dict[str, Any], message: str
) -> None:
    found = said(spec)

    assert [message in one for one in found] == [True]


@pytest.mark.parametrize("spec", GOOD_ENGINE)
def test_what_it_can_serve_is_let_through(spec: dict[str, Any]) -> None:
    assert said(spec) == []
