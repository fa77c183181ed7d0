"""The references for whoever runs the operator: its settings and its metrics."""

from collections.abc import Iterator

from prometheus_client.metrics import MetricWrapperBase

from deepseek_operator.metrics import OperatorMetrics
from deepseek_operator.settings import PREFIX, Settings
from deepseek_serving.gateway import metrics as gateway_metrics
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


_GATEWAY = """
# Metrics of a gateway

At `/metrics` on port 8081 (`report`) of each gateway pod, whose label is `serving.deepseek.dev/gateway`: what this
pod's Envoy counted since it started. `/metrics/envoy` has all that Envoy tells of itself, under its own names, which
change with its version.

"""

_ENGINES = """
# Metrics of the engines

Times to the first and between tokens, tokens, queues and caches are told by the engines themselves: at `/metrics` on port
8000 (`http`) of each pod with the label `serving.deepseek.dev/revision`, which names its revision; of TensorRT-LLM at
`/prometheus/metrics`. Their names are
[vLLM's](https://docs.vllm.ai/en/stable/usage/metrics.html), such as `vllm:time_to_first_token_seconds`, and TensorRT-LLM's, which begin with
`trtllm_`. The object's PodMonitor gives their series the labels `name` and `revision` ([how](../observability.md)).
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
    own = markdown.table(header, [*_own_metrics(), *_process_metrics()])
    gateways = markdown.table(header, _gateway_metrics())
    return f"{_METRICS}{own}\n{_GATEWAY}{gateways}\n{_ENGINES}"


def _gateway_metrics() -> Iterator[tuple[str, str, str, str]]:
    for family in gateway_metrics.FAMILIES:
        labels = ", ".join(map(markdown.code, family._labelnames))  # noqa: SLF001 - as above
        name = markdown.code(_exposed(family.name, family.type))
        yield name, family.type, labels, family.documentation


def _own_metrics() -> Iterator[tuple[str, str, str, str]]:
    for collector in _collectors(OperatorMetrics()):
        # The library tells label names only of series that exist already.
        labels = ", ".join(map(markdown.code, collector._labelnames))  # noqa: SLF001
        for family in collector.describe():
            name = markdown.code(_exposed(family.name, family.type))
            yield name, family.type, labels, family.documentation


def _collectors(metrics: object) -> Iterator[MetricWrapperBase]:
    """Those that it has for others to use, and those of its groups."""
    for attribute, found in vars(metrics).items():
        if isinstance(found, MetricWrapperBase):
            yield found
        elif not attribute.startswith("_") and type(found).__module__ == OperatorMetrics.__module__:
            yield from _collectors(found)


def _process_metrics() -> Iterator[tuple[str, str, str, str]]:
    for family in OperatorMetrics().registry.collect():
        if family.name.startswith("process_"):
            name = markdown.code(_exposed(family.name, family.type))
            yield name, family.type, "", family.documentation


def _exposed(name: str, kind: str) -> str:
    return f"{name}_total" if kind == "counter" else name
