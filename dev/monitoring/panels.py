"""Dashboards of Grafana as JSON: panels one after another in rows of 24, each with what it means."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

SCHEMA_VERSION = 38
"""Of Grafana 10; later ones read it too, and none of theirs is needed."""

_WIDTH = 24
_SOURCE = {"type": "prometheus", "uid": "$datasource"}


@dataclass(frozen=True, slots=True)
class Query:
    """One expression, and what its series are called in a legend."""

    expression: str
    legend: str = "__auto"


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; `kind` is Grafana's name of its type."""

    title: str
    queries: tuple[Query, ...]
    about: str
    """What it shows, and what is to be thought of it."""
    kind: str = "timeseries"
    unit: str = "short"
    width: int = 12
    height: int = 8


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the head of a dashboard, from the labels of a series."""

    name: str
    query: str
    is_many: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard."""

    uid: str
    title: str
    about: str
    variables: tuple[Variable, ...]
    panels: tuple[Panel, ...]


def to_json(dashboard: Dashboard) -> Json:
    """As Grafana reads it."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.about,
        "tags": ["deepseek"],
        "style": "dark",
        "timezone": "browser",
        "editable": True,
        "graphTooltip": 1,
        "time": {"from": "now-3h", "to": "now"},
        "fiscalYearStartMonth": 0,
        "refresh": "30s",
        "schemaVersion": SCHEMA_VERSION,
        "panels": _placed(dashboard.panels),
        "templating": {"list": [_source(), *map(_variable, dashboard.variables)]},
        "annotations": {"list": []},
        "links": [_others()],
    }


def _placed(panels: Sequence[Panel]) -> list[Json]:
    """Each to the right of the one before, or at the beginning of the next row."""
    found: list[Json] = []
    across = down = tallest = 0
    for number, panel in enumerate(panels, start=1):
        if across + panel.width > _WIDTH:
            across, down, tallest = 0, down + tallest, 0
        place = {"h": panel.height, "w": panel.width, "x": across, "y": down}
        found.append(_panel(panel, number=number, place=place))
        across, tallest = across + panel.width, max(tallest, panel.height)
    return found


def _panel(panel: Panel, *, number: int, place: Json) -> Json:
    return {
        "type": panel.kind,
        "id": number,
        "title": panel.title,
        "description": panel.about,
        "transparent": False,
        "datasource": _SOURCE,
        "gridPos": place,
        "targets": [*_targets(panel)],
        "options": _OPTIONS[panel.kind],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
    }


def _targets(panel: Panel) -> Iterable[Json]:
    """Of a table only what is now."""
    is_now = panel.kind != "timeseries"
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        yield {
            "refId": letter,
            "datasource": _SOURCE,
            "expr": query.expression,
            "legendFormat": query.legend,
            "instant": is_now,
            "range": not is_now,
            **({"format": "table"} if panel.kind == "table" else {}),
        }


def _defaults(panel: Panel) -> Json:
    if panel.kind != "timeseries":
        return {"unit": panel.unit}
    return {"unit": panel.unit, "min": 0, "custom": {"fillOpacity": 10, "showPoints": "never"}}


_OPTIONS: dict[str, Json] = {
    "timeseries": {
        "legend": {
            "displayMode": "list",
            "placement": "bottom",
            "showLegend": True,
            "calcs": [],
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "graphMode": "none",
        "colorMode": "value",
        "justifyMode": "auto",
        "textMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "values": False},
    },
    "table": {"frameIndex": 0, "showHeader": True, "showTypeIcons": False},
}


def _source() -> Json:
    """Which Prometheus is asked."""
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Prometheus",
        "query": "prometheus",
        "hide": 0,
        "skipUrlSync": False,
        "multi": False,
        "includeAll": False,
        "refresh": 1,
        "regex": "",
    }


def _variable(variable: Variable) -> Json:
    return {
        "type": "query",
        "name": variable.name,
        "label": variable.name,
        "query": variable.query,
        "datasource": _SOURCE,
        "hide": 0,
        "skipUrlSync": False,
        "multi": variable.is_many,
        "includeAll": variable.is_many,
        "refresh": 2,
        "regex": "",
        "sort": 1,
        **({"allValue": ".*"} if variable.is_many else {}),
    }


def _others() -> Json:
    """To the other dashboards, with the same choices."""
    return {
        "title": "DeepSeek",
        "type": "dashboards",
        "icon": "external link",
        "tooltip": "",
        "tags": ["deepseek"],
        "asDropdown": True,
        "targetBlank": False,
        "includeVars": True,
        "keepTime": True,
    }
