"""kubectl deepseek with more entries, and other prices, than the catalog has."""

import base64
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.test_plan import EXAMPLES, document, run
from tests.unit.samples import Manifest


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


def test_documents_are_taken_in_the_order_of_the_operator(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, later = (f"accelerators: {{H200: {{pricePerHour: {price}}}}}" for price in (1, 2))
    encoded = base64.b64encode(later.encode()).decode()
    file = tmp_path / "map.yaml"
    config_map = {"kind": "ConfigMap", "data": {"a": first}, "binaryData": {"b": encoded}}
    file.write_text(yaml.safe_dump(config_map))

    assert run("accelerators", "-o", "yaml", "--catalog", str(file)) == 0
    known = yaml.safe_load(capsys.readouterr().out)["accelerators"]
    assert known["H200"]["pricePerHour"] == 2


def test_the_example_that_the_operator_follows_is_taken_from_its_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = EXAMPLES / "platform" / "catalog.yaml"

    assert run("accelerators", "--catalog", str(file)) == 0
    assert "ACME-X1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param({}, "", id="empty"),
        pytest.param({"data": None}, "", id="nothing"),
        pytest.param({"data": ["a"]}, "data: expected a map of documents by key", id="list"),
        pytest.param({"data": {"a": 7}}, "data.a: not text; write a YAML document", id="number"),
        pytest.param(
            {"data": {"a": {"accelerators": {}}}},
            "data.a: not text; write a YAML document",
            id="a-map-in-place-of-text",
        ),
        pytest.param(
            {"binaryData": {"a": "/w=="}},
            "binaryData.a: not text; put a YAML document under data",
            id="binary",
        ),
        pytest.param(
            {"binaryData": {"a": "accelerators"}},
            "binaryData.a: not text; put a YAML document under data",
            id="not-encoded",
        ),
    ],
)
def test_a_config_map_without_documents_adds_nothing_and_one_without_text_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: Manifest, said: str
) -> None:
    file = tmp_path / "map.yaml"
    file.write_text(yaml.safe_dump({"kind": "ConfigMap", **content}))

    assert run("models", "--catalog", str(file)) == (1 if said else 0)
    assert said in capsys.readouterr().err


def test_the_objects_that_are_made_are_of_the_added_entries_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without them the operator would not know the product, and say so in place of the objects."""
    file = tmp_path / "object.yaml"
    spec = {"model": "Support-Llama-8B", "accelerator": {"product": "ACME-X1"}}
    kind = {"apiVersion": "serving.deepseek.dev/v1alpha1", "kind": "DeepSeekDeployment"}
    file.write_text(yaml.safe_dump({**kind, "metadata": {"name": "chat"}, "spec": spec}))
    words = ("plan", "-f", str(file), "--accelerators", "8xX1:8", "--children", "-o", "json")

    assert run(*words, "--catalog", str(EXAMPLES / "platform" / "catalog.yaml")) == 0

    found = document(capsys)
    assert "Deployment" in {one["kind"] for one in found["children"]["objects"]}
    assert any("the operator has to have the same entries" in note for note in found["notes"])
