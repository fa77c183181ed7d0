"""The catalog's facts agree with each other."""

import pytest
from pydantic import ValidationError

from deepseek_operator.api.sources import FetchedSource, parse_source
from deepseek_operator.catalog import catalog, facts, models
from deepseek_operator.catalog.models import Model

ENTRIES = [pytest.param(name, model, id=name) for name, model in models.load_models().items()]

BYTES_PER_PARAMETER = {"fp8": 1, "bf16": 2}
GIB = 1024**3


@pytest.mark.parametrize(("name", "model"), ENTRIES)
def test_weights_are_as_large_as_their_parameters(name: str, model: Model) -> None:
    expected = model.parameters * BYTES_PER_PARAMETER[model.dtype]

    # fp8 checkpoints hold scales, and some tensors in bf16.
    assert 0.99 * expected <= model.weights_bytes <= 1.05 * expected, name


@pytest.mark.parametrize(("name", "model"), ENTRIES)
def test_the_accelerators_hold_the_weights_with_room_for_a_cache(name: str, model: Model) -> None:
    memory = model.accelerators.count * model.accelerators.memory_gib * GIB

    assert 0.92 * memory > model.weights_bytes, name


@pytest.mark.parametrize(("name", "model"), ENTRIES)
def test_a_mixture_of_experts_uses_a_part_of_its_parameters(name: str, model: Model) -> None:
    if model.experts is None:
        assert model.active_parameters == model.parameters, name
    else:
        assert 10 * model.active_parameters < model.parameters, name
        assert model.experts.active < model.experts.routed


@pytest.mark.parametrize(("name", "model"), ENTRIES)
def test_the_repository_is_a_source_and_has_the_models_name(name: str, model: Model) -> None:
    assert FetchedSource(f"hf://deepseek-ai/{name}") == parse_source(f"hf://{model.repository}")


@pytest.mark.parametrize(("name", "model"), ENTRIES)
def test_only_models_that_think_have_a_parser_for_it(name: str, model: Model) -> None:
    thinks = "R1" in name or name in ("DeepSeek-V3.1", "DeepSeek-V3.2")

    assert thinks is (model.reasoning_parser is not None)


def test_the_catalog_holds_the_whole_family() -> None:
    known = models.load_models()

    assert {"DeepSeek-V3", "DeepSeek-V3.1", "DeepSeek-V3.2", "DeepSeek-R1"} <= set(known)
    assert sum("Distill" in name for name in known) == 6


def test_a_misspelt_fact_is_refused() -> None:
    entry = models.load_models()["DeepSeek-V3"].model_dump(by_alias=True)

    with pytest.raises(ValidationError, match="contextTokenz"):
        Model.model_validate({**entry, "contextTokenz": 1})


def test_a_model_is_found_by_its_exact_name_only() -> None:
    assert catalog.shipped().models["DeepSeek-V3"] is models.load_models()["DeepSeek-V3"]
    assert "deepseek-v3" not in catalog.shipped().models


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        pytest.param("DeepSeek-V3", "DeepSeek-V3", id="exact"),
        pytest.param("deepseek-v3", "DeepSeek-V3", id="case"),
        pytest.param("DeepSeek-V4", "DeepSeek-V3", id="a-future-one"),
        pytest.param("R1-Distill-Qwen-7b", "DeepSeek-R1-Distill-Qwen-7B", id="without-prefix"),
        pytest.param(
            "DeepSeek-R1-Distill-Llama-80B", "DeepSeek-R1-Distill-Llama-8B", id="wrong-size"
        ),
    ],
)
def test_the_nearest_name_is_the_one_that_was_meant(name: str, nearest: str) -> None:
    assert nearest == facts.nearest(name, models.load_models())[0]


@pytest.mark.parametrize("name", ["", "gpt", "x" * 96])
def test_three_different_names_are_offered_for_any_name(name: str) -> None:
    known = models.load_models()

    assert len(set(facts.nearest(name, known))) == 3
    assert facts.nearest(name, known) == facts.nearest(name, reversed(list(known)))
