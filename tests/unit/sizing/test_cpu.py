"""What the KV cache of a CPU engine holds."""

import pytest

from deepseek_operator.sizing import cpu
from dev.models import shapes
from tests.unit.sizing import tiny
from tests.unit.sizing.questions import CATALOG, LLAMA_8B, V3


@pytest.mark.parametrize(
    ("shape", "tokens"),
    [
        # 2**30 / (3 layers x 576 values x 2 bytes), in blocks of 16
        pytest.param(shapes.DEEPSEEK_V3, 310_688, id="latent"),
        # 2**30 / (3 layers x 2 x 64 values x 2 bytes), in blocks of 128
        pytest.param(shapes.DISTILL_QWEN, 1_398_016, id="qwen"),
        pytest.param(shapes.DISTILL_LLAMA, 699_008, id="llama"),
    ],
)
def test_a_gibibyte_holds_so_many_tokens_of_a_tiny_model(shape: shapes.Shape, tokens: int) -> None:
    found = cpu.cache_tokens(tiny.dimensions(shape), layers=tiny.layers(shape), gib=1)

    assert found == tokens


@pytest.mark.parametrize(("name", "each"), [(LLAMA_8B, 131_072), (V3, 70_272)])
def test_a_token_takes_as_much_as_on_a_gpu(name: str, each: int) -> None:
    model = CATALOG.models[name]

    found = cpu.cache_tokens(model.dimensions, layers=model.layers, gib=4)

    assert found == pytest.approx(4 * 2**30 / each, rel=0.001)
