"""Dashboards: Grafana's own types take every field, Prometheus every expression, and each asks for what is told."""

import json
import re
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import dashboard as grafana

from dev.monitoring.dashboards import DASHBOARDS
from dev.monitoring.panels import Dashboard
from tests.chart import promql, rendering

FILES = rendering.CHART / "files" / "dashboards"

BUILT_IN = {"__rate_interval": "5m"}
"""Variables that Grafana gives a value itself."""

every_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)


def stored(dashboard: Dashboard) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FILES / f"{dashboard.uid}.json").read_text())
    return found


def through_grafanas_types(document: dict[str, Any]) -> dict[str, Any]:
    """As Grafana's SDK writes what it has read: without whatever it does not know."""
    register_default_plugins()
    read = grafana.Dashboard.from_json(document)
    written: dict[str, Any] = json.loads(JSONEncoder(sort_keys=True).encode(read))
    return written


@every_dashboard
def test_grafanas_types_know_every_field(dashboard: Dashboard) -> None:
    document = stored(dashboard)

    assert unknown(document, through_grafanas_types(document)) == []


@pytest.mark.parametrize(
    ("path", "field"),
    [
        pytest.param((), "tittle", id="of the dashboard"),
        pytest.param(("panels", 0), "tittle", id="of a panel"),
        pytest.param(("panels", 0, "options"), "colourMode", id="of its options"),
        pytest.param(("panels", 0, "fieldConfig", "defaults"), "units", id="of its fields"),
        pytest.param(("panels", 0, "targets", 0), "expression", id="of its query"),
        pytest.param(("templating", "list", 1), "querry", id="of a variable"),
        pytest.param(("links", 0), "tag", id="of a link"),
    ],
)
def test_a_field_that_grafana_does_not_know_is_found(
    path: tuple[str | int, ...], field: str
) -> None:
    document = stored(DASHBOARDS[0])
    place: Any = document
    for step in path:
        place = place[step]
    place[field] = "x"

    found = unknown(document, through_grafanas_types(document))

    assert found == [".".join(map(str, (*path, field)))]


def unknown(given: Any, known: Any, path: str = "") -> list[str]:
    """Where a document says something that did not come back."""
    if isinstance(given, dict) and isinstance(known, dict):
        return [
            one
            for name, value in given.items()
            for one in unknown(value, known.get(name), f"{path}.{name}".removeprefix("."))
        ]
    if isinstance(given, list) and isinstance(known, list) and len(given) == len(known):
        return [
            one
            for number, value in enumerate(given)
            for one in unknown(value, known[number], f"{path}.{number}")
        ]
    return [] if given == known else [path]


@every_dashboard
def test_every_expression_asks_for_what_is_told(dashboard: Dashboard) -> None:
    for panel in dashboard.panels:
        for query in panel.queries:
            names = promql.asked_for(filled(query.expression))

            assert names, panel.title
            assert names <= promql.exported(), panel.title


@every_dashboard
def test_every_variable_that_is_used_can_be_chosen(dashboard: Dashboard) -> None:
    chosen = {variable.name for variable in dashboard.variables} | {*BUILT_IN}
    used = [
        *(query.expression for panel in dashboard.panels for query in panel.queries),
        *(variable.query for variable in dashboard.variables),
    ]

    named = {name for text in used for name in re.findall(r"\$(\w+)", text)}
    assert named == chosen
    for variable in dashboard.variables:
        series = re.fullmatch(r"label_values\((.*), (\w+)\)", variable.query)
        assert series
        assert promql.asked_for(filled(series[1])) <= promql.exported()


def filled(expression: str) -> str:
    """An expression with a value for each variable."""
    return re.sub(r"\$(\w+)", lambda match: BUILT_IN.get(match[1], "x"), expression)


@every_dashboard
def test_no_two_panels_are_at_one_place(dashboard: Dashboard) -> None:
    cells: set[tuple[int, int]] = set()
    for panel in stored(dashboard)["panels"]:
        place = panel["gridPos"]
        mine = {
            (place["x"] + across, place["y"] + down)
            for across in range(place["w"])
            for down in range(place["h"])
        }
        assert not mine & cells, panel["title"]
        assert place["x"] + place["w"] <= 24
        cells |= mine


@every_dashboard
def test_every_panel_says_what_it_shows(dashboard: Dashboard) -> None:
    panels = stored(dashboard)["panels"]

    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    assert all(panel["description"] for panel in panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    for panel, shown in zip(dashboard.panels, panels, strict=True):
        assert [one["expr"] for one in shown["targets"]] == [q.expression for q in panel.queries]


def test_a_canary_has_both_revisions_side_by_side() -> None:
    canary = next(one for one in DASHBOARDS if one.uid == "deepseek-canary")
    pairs = [one for one in stored(canary)["panels"] if ": " in one["title"]]

    for left, right in zip(pairs[::2], pairs[1::2], strict=True):
        assert (left["gridPos"]["x"], right["gridPos"]["x"]) == (0, 12)
        assert left["gridPos"]["y"] == right["gridPos"]["y"]
        assert left["title"].replace("stable", "candidate") == right["title"]
        for one, other in zip(left["targets"], right["targets"], strict=True):
            assert one["expr"].replace('"stable"', '"candidate"') == other["expr"]
            assert one["expr"] != other["expr"]
