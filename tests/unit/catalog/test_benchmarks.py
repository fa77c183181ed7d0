"""Published figures: each from a source, and none that is not."""

from collections.abc import Mapping
from typing import get_args

import pytest

from deepseek_operator.catalog import catalog, models
from deepseek_operator.catalog.benchmarks import MEASURES, Benchmark
from deepseek_operator.catalog.facts import CatalogError
from deepseek_operator.catalog.models import Model

KNOWN = models.load_models()
ENTRIES = [pytest.param(name, model, id=name) for name, model in KNOWN.items()]


def percents(name: str) -> dict[str, float]:
    return {str(key): figure.percent for key, figure in KNOWN[name].benchmarks.items()}


@pytest.mark.parametrize(
    ("name", "published"),
    [
        # deepseek-ai/DeepSeek-R1-0528, the table of section 2; the agent's figure is of the card of V3.1
        pytest.param(
            "DeepSeek-R1-0528",
            {
                "MMLU-Pro": 85.0,
                "GPQA Diamond": 81.0,
                "AIME 2024": 91.4,
                "AIME 2025": 87.5,
                "LiveCodeBench": 73.3,
                "SWE-bench Verified": 44.6,
                "SWE-bench Verified (Agentless)": 57.6,
            },
            id="a-model-card",
        ),
        # deepseek-ai/DeepSeek-V3 README, section 4, and table 4 of the paper on R1
        pytest.param(
            "DeepSeek-V3",
            {
                "MMLU": 88.5,
                "MMLU-Pro": 75.9,
                "GPQA Diamond": 59.1,
                "AIME 2024": 39.2,
                "MATH-500": 90.2,
                "LiveCodeBench": 36.2,
                "SWE-bench Verified (Agentless)": 42.0,
            },
            id="a-readme",
        ),
        # arXiv:2501.12948, table 5
        pytest.param(
            "DeepSeek-R1-Distill-Llama-70B",
            {"GPQA Diamond": 65.2, "AIME 2024": 70.0, "MATH-500": 94.5, "LiveCodeBench": 57.5},
            id="a-distilled-model",
        ),
    ],
)
def test_figures_are_as_published(name: str, published: Mapping[str, float]) -> None:
    assert percents(name) == published


def test_what_no_source_tells_is_left_out() -> None:
    assert "AIME 2024" not in KNOWN["DeepSeek-V3.2"].benchmarks
    assert "MMLU-Pro" not in KNOWN["DeepSeek-R1-Distill-Qwen-7B"].benchmarks


@pytest.mark.parametrize(("name", "model"), ENTRIES)
def test_every_figure_names_where_it_stands(name: str, model: Model) -> None:
    assert model.benchmarks, name
    for figure in model.benchmarks.values():
        assert figure.source.startswith(("deepseek-ai/", "arXiv:"))


@pytest.mark.parametrize(("name", "model"), ENTRIES)
def test_problems_are_told_of_the_benchmark_that_gets_new_ones(name: str, model: Model) -> None:
    told = {key for key, figure in model.benchmarks.items() if figure.problems is not None}

    assert told == {"LiveCodeBench"}, name


@pytest.mark.parametrize(("name", "model"), ENTRIES)
def test_only_models_with_two_modes_say_which(name: str, model: Model) -> None:
    modes = {figure.mode is not None for figure in model.benchmarks.values()}

    assert modes == {name in ("DeepSeek-V3.1", "DeepSeek-V3.2")}


def test_every_benchmark_is_described_and_used() -> None:
    used = {key for model in KNOWN.values() for key in model.benchmarks}

    assert set(MEASURES) == set(get_args(Benchmark)) == used


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "{AIME 2024: {percent: 101, source: ours}}",
            "benchmarks.AIME 2024.percent: input should be less than or equal to 100, got 101",
            id="over-100",
        ),
        pytest.param(
            "{AIME 2024: {percent: 60}}",
            "benchmarks.AIME 2024.source: missing; every entry needs it",
            id="no-source",
        ),
        pytest.param(
            "{AIME 2026: {percent: 60, source: ours}}", "benchmarks.AIME 2026", id="unknown-one"
        ),
        pytest.param(
            "{AIME 2024: {percent: 60, source: ours, mood: thinking}}",
            "benchmarks.AIME 2024.mood: unknown field",
            id="misspelt",
        ),
    ],
)
def test_a_figure_with_a_mistake_is_refused_by_file_entry_and_field(text: str, said: str) -> None:
    document = f"models: {{DeepSeek-R1-Distill-Qwen-7B: {{benchmarks: {text}}}}}"

    with pytest.raises(CatalogError) as raised:
        catalog.merged(catalog.shipped(), document, file="extra")

    assert str(raised.value).startswith(f"extra: DeepSeek-R1-Distill-Qwen-7B: {said}")


def test_a_figure_of_ones_own_is_taken_beside_the_others() -> None:
    document = "models: {DeepSeek-V3.2: {benchmarks: {AIME 2024: {percent: 60, source: ours}}}}"

    found = catalog.merged(catalog.shipped(), document).models["DeepSeek-V3.2"].benchmarks

    assert found["AIME 2024"].percent == 60
    assert found["AIME 2025"] == KNOWN["DeepSeek-V3.2"].benchmarks["AIME 2025"]
