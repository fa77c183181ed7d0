"""What is told of a CPU, of which nothing is derived."""

from typing import Any

import pytest

from deepseek_operator.errors import Stalled
from tests.unit.samples import Manifest
from tests.unit.test_derivation import QWEN, derived

NOT_SIZED = "accelerator.kind is CPU, and only GPUs are sized"


def block(model: str = QWEN, **more: Any) -> Manifest:
    return {"model": model, "accelerator": {"kind": "CPU"}, **more}


@pytest.mark.parametrize(
    ("env", "gib", "tokens"),
    [
        # 57,344 bytes a token, in blocks of 128
        pytest.param([], 1, 18_688, id="as-it-comes"),
        pytest.param([("VLLM_CPU_KVCACHE_SPACE", "4")], 4, 74_880, id="set"),
        pytest.param([("VLLM_CPU_OMP_THREADS_BIND", "0-3")], 1, 18_688, id="another-variable"),
    ],
)
def test_what_its_cache_holds_is_told(env: list[tuple[str, str]], gib: int, tokens: int) -> None:
    found = derived(block(pod={"env": [{"name": name, "value": value} for name, value in env]}))

    assert found.sized is None
    assert found.why_not == (
        f"{NOT_SIZED}; its KV cache of {gib} GiB (VLLM_CPU_KVCACHE_SPACE) holds {tokens} tokens"
    )


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(block("own", source="hf://a/b"), id="a-model-of-ones-own"),
        pytest.param(
            block(pod={"env": [{"name": "VLLM_CPU_KVCACHE_SPACE", "value": "some"}]}), id="no-size"
        ),
        pytest.param(
            block(
                pod={
                    "env": [
                        {
                            "name": "VLLM_CPU_KVCACHE_SPACE",
                            "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}},
                        }
                    ]
                }
            ),
            id="a-size-that-is-elsewhere",
        ),
    ],
)
def test_nothing_is_told_of_a_cache_that_is_not_known(asked: Manifest) -> None:
    assert derived(asked).why_not == NOT_SIZED


def test_a_field_that_would_do_nothing_is_refused_without_it() -> None:
    with pytest.raises(
        Stalled,
        match=r"as accelerator.kind is CPU, and only GPUs are sized; remove it",
    ):
        derived(block(workload={"inputTokens": 64, "outputTokens": 64}))
