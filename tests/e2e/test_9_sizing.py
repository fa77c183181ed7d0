"""What is computed of an engine beside what the real one says when it starts."""

import re

import pytest

from deepseek_operator.sizing import cpu
from dev.models import shapes
from tests.e2e.line import Line, deepseek, removed_afterwards
from tests.unit.sizing import tiny

CACHE = re.compile(r"CPU KV cache size: ([0-9,]+) tokens")

GIB = 1
"""Of KV cache, as the operator sets it on a CPU."""


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(shapes.DEEPSEEK_V3, id="latent"),
        pytest.param(shapes.DISTILL_QWEN, id="qwen", marks=pytest.mark.campaign),
        pytest.param(shapes.DISTILL_LLAMA, id="llama", marks=pytest.mark.campaign),
    ],
)
def test_the_cache_of_a_cpu_holds_what_is_computed(line: Line, shape: shapes.Shape) -> None:
    with removed_afterwards(line, "cache"):
        source = f"pvc://models/{shape.name}"
        line.apply(deepseek("cache", model=shape.name, source=source, warmup={"enabled": False}))
        line.ready("cache")
        [pod] = line.engine_pods("cache")
        log = line.run("logs", pod["metadata"]["name"], "--container=engine")

    [said] = set(CACHE.findall(log))
    expected = cpu.cache_tokens(tiny.dimensions(shape), layers=tiny.layers(shape), gib=GIB)
    assert int(said.replace(",", "")) == pytest.approx(expected, rel=0.05)
