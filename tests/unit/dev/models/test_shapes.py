"""The small models' architectures."""

import subprocess
import sys

import pytest

from dev.models import shapes
from dev.models.shapes import SHAPES, Shape
from dev.paths import REPOSITORY

EACH = [pytest.param(shape, id=shape.name) for shape in SHAPES]


@pytest.mark.parametrize("shape", EACH)
def test_a_shape_is_found_by_its_name(shape: Shape) -> None:
    assert shapes.by_name(shape.name) is shape


@pytest.mark.parametrize("shape", EACH)
def test_heads_fit_the_layers_and_ids_the_vocabulary(shape: Shape) -> None:
    config = shape.config
    heads, pairs = config["num_attention_heads"], config["num_key_value_heads"]

    assert isinstance(heads, int)
    assert isinstance(pairs, int)
    assert heads % pairs == 0
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        assert 0 <= int(str(config[name])) < shapes.VOCABULARY


def test_the_v3_shape_has_the_sizes_that_the_engines_kernels_know() -> None:
    config = shapes.DEEPSEEK_V3.config

    assert [
        config[name]
        for name in ("kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim")
    ] == [512, 64, 128, 128]


def test_a_token_goes_to_no_more_experts_and_groups_than_there_are() -> None:
    config = {
        name: value for name, value in shapes.DEEPSEEK_V3.config.items() if isinstance(value, int)
    }

    assert config["num_experts_per_tok"] <= config["n_routed_experts"]
    assert config["topk_group"] <= config["n_group"]
    assert config["n_routed_experts"] % config["n_group"] == 0


def test_a_damaged_twin_differs_from_its_model_by_noise_alone() -> None:
    twins = [shape for shape in SHAPES if shape.twin_of]

    assert twins
    for twin in twins:
        model = shapes.by_name(twin.twin_of)
        assert twin.config == model.config
        assert twin.noise > 0 == model.noise
        assert SHAPES.index(model) < SHAPES.index(twin)


def test_no_model_library_is_needed_to_know_the_shapes_questions_and_templates() -> None:
    code = (
        "import sys; import dev.models.shapes, dev.models.chat, dev.models.questions;"
        "print(sorted({'torch', 'transformers', 'tokenizers'} & set(sys.modules)))"
    )

    said = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert said.stdout == "[]\n"
