"""The platform team's catalog: a ConfigMap that need not be there, mounted so that it is followed."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from deepseek_operator.catalog import catalog
from deepseek_operator.catalog_files import CatalogFiles, read_folder
from deepseek_operator.metrics import OperatorMetrics
from dev.paths import REPOSITORY
from tests.chart import rendering
from tests.chart.matrix import MATRIX
from tests.unit.mounted import mount

IN_VALUES = MATRIX["a catalog in values"]
EXAMPLE = REPOSITORY / "examples" / "platform" / "catalog.yaml"

every_set_of_values = pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())


@every_set_of_values
def test_it_is_mounted_where_the_operator_looks_and_need_not_be_there(
    values: dict[str, Any],
) -> None:
    [volume] = [one for one in rendering.pod_spec(**values)["volumes"] if one["name"] == "catalog"]
    mounts = rendering.container(**values)["volumeMounts"]
    [mounted] = [one for one in mounts if one["name"] == "catalog"]

    assert volume["configMap"]["optional"] is True
    assert "items" not in volume["configMap"]
    # With a subPath the kubelet would never bring a change.
    assert mounted == {
        "name": "catalog",
        "mountPath": rendering.environment(**values)["DSO_CATALOG_FOLDER"],
        "readOnly": True,
    }


@pytest.mark.parametrize(
    ("values", "name"),
    [
        pytest.param({}, "deepseek-operator-catalog", id="by default"),
        pytest.param({"fullnameOverride": "ai"}, "ai-catalog", id="of another release"),
        pytest.param(MATRIX["a catalog of one's own"], "platform.models", id="of one's own"),
        pytest.param(IN_VALUES, "deepseek-operator-catalog", id="in values"),
    ],
)
def test_the_config_map_is_found_by_name(values: dict[str, Any], name: str) -> None:
    [found] = [
        volume["configMap"]["name"]
        for volume in rendering.pod_spec(**values)["volumes"]
        if "configMap" in volume
    ]

    assert found == name


def test_without_entries_the_chart_makes_none() -> None:
    assert rendering.of_kind("ConfigMap") == []
    assert rendering.of_kind("ConfigMap", **MATRIX["a catalog of one's own"]) == []


def test_entries_of_the_values_arrive_to_the_last_digit(tmp_path: Path) -> None:
    made = rendering.only("ConfigMap", **IN_VALUES)
    mount(tmp_path / "catalog", made["data"])
    files = CatalogFiles(str(tmp_path / "catalog"), metrics=OperatorMetrics())

    files.look()

    assert made["metadata"]["name"] == "deepseek-operator-catalog"
    assert files.present.refused == ()
    assert files.present.accelerators["H200"].price_per_hour == 2.9
    assert files.present.models["DeepSeek-V3"].weights_bytes == 688_586_727_753


def test_other_entries_restart_no_operator() -> None:
    before = rendering.only("Deployment", **IN_VALUES)
    price = {"accelerators": {"H200": {"pricePerHour": 1}}}

    assert rendering.only("Deployment", catalog={"entries": price}) == before


def test_the_example_is_for_a_release_by_the_usual_name_and_is_taken_whole(tmp_path: Path) -> None:
    example = yaml.safe_load(EXAMPLE.read_text())
    mount(tmp_path / "catalog", example["data"])
    files = CatalogFiles(str(tmp_path / "catalog"), metrics=OperatorMetrics())

    files.look()

    [volume] = [one for one in rendering.pod_spec()["volumes"] if "configMap" in one]
    assert example["metadata"] == {
        "name": volume["configMap"]["name"],
        "namespace": rendering.NAMESPACE,
    }
    assert files.present.refused == ()
    assert len(read_folder(tmp_path / "catalog")) == 3
    known = catalog.shipped()
    assert files.present.accelerators.keys() - known.accelerators.keys() == {"X1"}
    assert files.present.models.keys() - known.models.keys() == {"Support-Llama-8B"}
