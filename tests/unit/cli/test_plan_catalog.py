"""kubectl deepseek with more entries, and other prices, than the catalog has."""

from pathlib import Path

import pytest
import yaml

from tests.unit.cli.test_plan import EXAMPLES, document, run


def test_prices_and_products_of_a_config_map_are_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = "accelerators: {H200: {pricePerHour: 1.5}}"
    file = tmp_path / "map.yaml"
    file.write_text(yaml.safe_dump({"kind": "ConfigMap", "data": {"prices.yaml": entry}}))
    words = ("plan", "-f", str(EXAMPLES / "deepseek-v3.yaml"), "--accelerators", "16xH200:8")

    assert run(*words, "-o", "json", "--catalog", str(file)) == 0
    assert document(capsys)["blocks"][0]["fleet"]["perHour"] == 24
    assert run(*words, "-o", "json", "--price", "NVIDIA-H200=2") == 0
    assert document(capsys)["blocks"][0]["fleet"]["perHour"] == 32


def test_a_mistake_in_a_config_map_is_told_by_key_entry_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = "accelerators: {H200: {prise: 1.5}}"
    file = tmp_path / "map.yaml"
    file.write_text(yaml.safe_dump({"kind": "ConfigMap", "data": {"prices.yaml": entry}}))

    assert run("models", "--catalog", str(file)) == 1

    said = capsys.readouterr().err
    assert (
        "map.yaml: data.prices.yaml: H200: prise: unknown field; did you mean pricePerHour?" in said
    )
