"""What a Prometheus and a Grafana find of a release by themselves."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from deepseek_operator.observed import Monitoring
from deepseek_operator.settings import load_settings
from dev.monitoring.alerts import ALERTS
from dev.monitoring.dashboards import DASHBOARDS
from dev.paths import REPOSITORY
from tests.chart import definitions, rendering
from tests.chart.matrix import MATRIX
from tests.chart.test_alerts import promtool

WATCHED = MATRIX["watched"]
KINDS = ("PodMonitor", "ServiceMonitor", "PrometheusRule")
KNOWN = tuple(f"monitoring.coreos.com/v1/{kind}" for kind in KINDS)


def made(**values: Any) -> list[str]:
    """The kinds of monitoring that a release has, dashboards by theirs."""
    known = {"ServiceMonitor", "PrometheusRule", "ConfigMap"}
    return sorted({item["kind"] for item in rendering.render(**values)} & known)


@pytest.mark.parametrize(
    ("apis", "values", "kinds"),
    [
        pytest.param((), {}, [], id="a-cluster-without-the-kinds"),
        pytest.param(KNOWN, {}, ["ConfigMap", "PrometheusRule", "ServiceMonitor"], id="with-them"),
        pytest.param(KNOWN[2:], {}, ["PrometheusRule"], id="with-one-of-them"),
        pytest.param(KNOWN, MATRIX["not watched"], [], id="switched-off"),
        pytest.param((), WATCHED, ["ConfigMap", "PrometheusRule", "ServiceMonitor"], id="always"),
    ],
)
def test_each_is_made_where_its_kind_is_known_or_as_it_is_said(
    apis: tuple[str, ...], values: dict[str, Any], kinds: list[str]
) -> None:
    assert made(apis=apis, **values) == kinds


def test_the_operators_metrics_are_found_and_speak_of_objects() -> None:
    monitor = rendering.only("ServiceMonitor", **WATCHED)
    service = rendering.only("Service", **WATCHED)
    [endpoint] = monitor["spec"]["endpoints"]

    chosen = monitor["spec"]["selector"]["matchLabels"]
    assert chosen.items() <= service["metadata"]["labels"].items()
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    # Without it `namespace` would be the operator's own in every alert.
    assert endpoint["honorLabels"] is True
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_a_label_of_the_charts_cannot_be_replaced() -> None:
    said = rendering.refusal(
        monitoring={"serviceMonitor": {"labels": {"helm.sh/chart": "another"}}}
    )

    assert "/monitoring/serviceMonitor/labels/helm.sh~1chart" in said


def test_a_misspelt_field_of_prometheus_operator_is_found() -> None:
    monitor = rendering.only("ServiceMonitor", **WATCHED)
    spec = {**monitor["spec"], "endpoint": []}

    definitions.validate(monitor)
    with pytest.raises(jsonschema.ValidationError, match="'endpoint' was unexpected"):
        definitions.validate({**monitor, "spec": spec})


def test_prometheus_takes_the_alerts_and_each_names_its_runbook(tmp_path: Path) -> None:
    rule = rendering.only("PrometheusRule", **WATCHED)
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rule["spec"]))

    assert promtool("check", "rules", str(file)).returncode == 0
    found = {
        one["alert"]: one["annotations"]["runbook_url"]
        for group in rule["spec"]["groups"]
        for one in group["rules"]
    }
    assert found == {
        alert.name: f"https://wiki.example.com/runbooks/{alert.name}.md" for alert in ALERTS
    }


def test_prometheus_takes_the_configuration_of_the_page(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "observability.md").read_text()
    found = re.search(r"```yaml\n(- job_name: deepseek-pods.*?)```", page, re.DOTALL)
    assert found
    jobs = yaml.safe_load(found[1])
    # Debian's is built without Kubernetes.
    assert [job.pop("kubernetes_sd_configs") for job in jobs] == [[{"role": "pod"}]] * 2
    file = tmp_path / "prometheus.yaml"
    file.write_text(yaml.safe_dump({"scrape_configs": jobs}))

    said = promtool("check", "config", "--syntax-only", str(file))

    assert said.returncode == 0, said.stderr


def test_the_values_of_the_page_are_taken() -> None:
    page = (REPOSITORY / "docs" / "observability.md").read_text()
    found = re.search(r"```yaml\n# values of the chart\n(.*?)```", page, re.DOTALL)
    assert found

    assert made(apis=KNOWN, **yaml.safe_load(found[1])) == [
        "ConfigMap",
        "PrometheusRule",
        "ServiceMonitor",
    ]


def test_without_an_address_of_runbooks_none_is_named() -> None:
    rule = rendering.only("PrometheusRule", apis=KNOWN)

    assert not [
        one
        for group in rule["spec"]["groups"]
        for one in group["rules"]
        if "runbook_url" in one["annotations"]
    ]


def test_grafanas_sidecar_finds_every_dashboard_as_it_is_in_the_repository() -> None:
    maps = rendering.of_kind("ConfigMap", **WATCHED)
    files = {name: text for one in maps for name, text in one["data"].items()}

    assert files.keys() == {f"{one.uid}.json" for one in DASHBOARDS}
    for name, text in files.items():
        source = rendering.CHART / "files" / "dashboards" / name
        assert json.loads(text) == json.loads(source.read_text())
    for one in maps:
        assert one["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert one["metadata"]["annotations"] == {"grafana_folder": "DeepSeek"}


@pytest.mark.parametrize(
    ("values", "monitoring"),
    [
        pytest.param({}, Monitoring({}), id="by-default"),
        pytest.param(WATCHED, Monitoring({"release": "prometheus"}), id="with-labels"),
        pytest.param(MATRIX["not watched"], None, id="never"),
    ],
)
def test_how_objects_are_scraped_arrives_in_the_settings(
    values: dict[str, Any], monitoring: Monitoring | None
) -> None:
    environment = rendering.environment(**values)

    settings = load_settings({k: v for k, v in environment.items() if isinstance(v, str)})

    assert settings.monitoring == monitoring
