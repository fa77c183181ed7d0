"""The references for whoever runs the operator: its settings and its metrics."""

from collections.abc import Iterator

from prometheus_client.metrics import MetricWrapperBase

from deepseek_operator.metrics import OperatorMetrics
from deepseek_operator.settings import PREFIX, Settings
from dev.generate import markdown

_SETTINGS = f"""{markdown.GENERATED}

# Settings of the operator

Environment variables of the operator's process. The chart sets them from its values. The operator
refuses to start, and names the variable, where one is missing or out of bounds.

"""

_METRICS = f"""{markdown.GENERATED}

# Metrics of the operator

At `/metrics` on the port of the probes, in the Prometheus text format.

"""


def render_settings() -> str:
    """The page of the settings as Markdown."""
    properties = Settings.model_json_schema()["properties"]
    rows = [
        (
            markdown.code(PREFIX + name.upper()),
            _setting_type(schema),
            _setting_default(name),
            markdown.bounds(schema),
            schema["description"],
        )
        for name, schema in properties.items()
    ]
    header = ("Variable", "Type", "Default", "Allowed", "Description")
    return f"{_SETTINGS}{markdown.table(header, rows)}\n"


def _setting_type(schema: dict[str, object]) -> str:
    return str(schema.get("type", "string"))


def _setting_default(name: str) -> str:
    field = Settings.model_fields[name]
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return markdown.code(f"{field.default_factory.__name__}()")
    return "" if field.default in (None, "") else markdown.literal(field.default)


def render_metrics() -> str:
    """The page of the metrics as Markdown."""
    header = ("Metric", "Type", "Labels", "Description")
    return f"{_METRICS}{markdown.table(header, [*_own_metrics(), *_process_metrics()])}\n"


def _own_metrics() -> Iterator[tuple[str, str, str, str]]:
    for collector in vars(OperatorMetrics()).values():
        if isinstance(collector, MetricWrapperBase):
            # The library tells label names only of series that exist already.
            labels = ", ".join(map(markdown.code, collector._labelnames))  # noqa: SLF001
            for family in collector.describe():
                name = markdown.code(_exposed(family.name, family.type))
                yield name, family.type, labels, family.documentation


def _process_metrics() -> Iterator[tuple[str, str, str, str]]:
    for family in OperatorMetrics().registry.collect():
        if family.name.startswith("process_"):
            name = markdown.code(_exposed(family.name, family.type))
            yield name, family.type, "", family.documentation


def _exposed(name: str, kind: str) -> str:
    return f"{name}_total" if kind == "counter" else name
