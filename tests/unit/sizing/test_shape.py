"""Parameters counted from dimensions are the published ones."""

import pytest

from deepseek_operator.catalog import models
from deepseek_operator.catalog.models import Model
from deepseek_operator.sizing.shape import shape_of

ENTRIES = [pytest.param(name, model, id=name) for name, model in models.load_models().items()]


@pytest.mark.parametrize(("name", "model"), ENTRIES)
def test_parameters_are_as_published(name: str, model: Model) -> None:
    assert shape_of(model).total == pytest.approx(model.parameters, rel=0.001), name


@pytest.mark.parametrize(("name", "model"), ENTRIES)
def test_active_parameters_are_as_published(name: str, model: Model) -> None:
    shape = shape_of(model)
    routed = shape.routed * model.experts.active / model.experts.routed if model.experts else 0

    active = shape.total - shape.routed + routed

    # Published as 37B, which leaves the indexer of DeepSeek Sparse Attention out.
    assert active == pytest.approx(model.active_parameters, rel=0.04), name


def test_the_prediction_module_makes_685_billion_of_671() -> None:
    model = models.load_models()["DeepSeek-V3"]
    shape = shape_of(model)

    # Its tables are in the repository once more.
    module = shape.mtp + shape.mtp_routed + 2 * shape.embedding

    assert shape.total + module == pytest.approx(685e9, rel=0.002)


def test_most_of_v3_is_experts() -> None:
    shape = shape_of(models.load_models()["DeepSeek-V3"])

    assert shape.routed / shape.total == pytest.approx(0.975, abs=0.001)
