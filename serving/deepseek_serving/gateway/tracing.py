"""What gateways write of requests into traces: their envelope, never a word of a prompt, a query or a key. Pure.

https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/trace/v3/opentelemetry.proto
"""

from deepseek_serving.gateway import retries
from deepseek_serving.gateway.document import Document, Tracing
from deepseek_serving.gateway.parts import METADATA, TYPE, Config, address, without_header

COLLECTOR = "otlp/collector"
"""The cluster that spans are sent to; no revision has such a name."""

REVISION_TAG = "deepseek.revision"
"""Whose pod answered."""
FALLBACK_TAG = "deepseek.fallback"
"""Why it is another revision's than the one whose turn it was; on no other span."""
ATTEMPTS_TAG = "deepseek.attempts"
NAMESPACE_TAG = "k8s.namespace.name"
MODEL_TAG = "gen_ai.request.model"
"""The name that the object serves under, whatever a request says."""

_SERVED = f"xds.upstream_host_metadata.filter_metadata['{METADATA}']['revision']"
_CONNECT_SECONDS = 2
_EXPORT_SECONDS = 5
_WAITING_SPANS = 1024
"""Spans that wait to be sent: what is more is lost."""


def clusters(document: Document) -> tuple[Config, ...]:
    """Where spans are sent; nothing where none are made. Whether anybody is there stops no gateway's start."""
    if document.tracing is None:
        return ()
    to = document.tracing
    return (
        {
            "name": COLLECTOR,
            "type": "STRICT_DNS",
            "wait_for_warm_on_init": False,
            "connect_timeout": f"{_CONNECT_SECONDS}s",
            "typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": f"{TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": {"http2_protocol_options": {}},
                }
            },
            "load_assignment": {
                "cluster_name": COLLECTOR,
                "endpoints": [
                    {"lb_endpoints": [{"endpoint": {"address": address(to.host, to.port)}}]}
                ],
            },
        },
    )


def of_manager(document: Document) -> Config:
    """Of a listener: which requests have a span, and what is in it."""
    if document.tracing is None:
        return {}
    return {
        "tracing": {
            # All, of which the provider's sampler chooses: what is not chosen here is left out although its
            # `traceparent` says that it is traced (seen with 1.40).
            "random_sampling": {"value": 100},
            # Of what was asked for the API's path alone is told: people put keys and names into the rest.
            "max_path_tag_length": 0,
            "operation": "%REQ(:METHOD):16% %ROUTE_NAME%",
            # Each try is a span of its own, so what a fallback or another pod cost is seen.
            "spawn_upstream_span": True,
            "upstream_operation": "engine %ROUTE_NAME%",
            "custom_tags": _tags(document, document.tracing),
            "provider": _provider(document.tracing),
        }
    }


def cleaning(document: Document) -> list[Config]:
    """A tag has it as it came."""
    return [] if document.tracing is None else [without_header("x-client-trace-id")]


def _sampler(percent: float) -> Config:
    """A request that is traced already as its `traceparent` says; of the others a share."""
    of_all = {"numerator": round(10_000 * percent), "denominator": "MILLION"}
    share = _sampled_by("trace_id_ratio_based", "TraceIdRatioBased", sampling_percentage=of_all)
    return _sampled_by("parent_based", "ParentBased", wrapped_sampler=share)


def _sampled_by(name: str, message: str, **settings: Config) -> Config:
    kind = f"{TYPE}.extensions.tracers.opentelemetry.samplers.v3.{message}SamplerConfig"
    name = f"envoy.tracers.opentelemetry.samplers.{name}"
    return {"name": name, "typed_config": {"@type": kind, **settings}}


def _tags(document: Document, tracing: Tracing) -> list[Config]:
    """Why another one answered is looked for only where there is another one: it costs something with each request."""
    found = {
        REVISION_TAG: f"%UPSTREAM_METADATA({METADATA}:revision)%",
        ATTEMPTS_TAG: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    }
    if any(route.then for route in document.routes):
        found[FALLBACK_TAG] = retries.reason(_SERVED)
    said = {NAMESPACE_TAG: tracing.namespace, MODEL_TAG: document.served_name}
    return [
        *({"tag": name, "literal": {"value": value}} for name, value in said.items()),
        *({"tag": name, "value": value} for name, value in found.items()),
    ]


def _provider(tracing: Tracing) -> Config:
    return {
        "name": "envoy.tracers.opentelemetry",
        "typed_config": {
            "@type": f"{TYPE}.config.trace.v3.OpenTelemetryConfig",
            "grpc_service": {
                "envoy_grpc": {"cluster_name": COLLECTOR},
                "timeout": f"{_EXPORT_SECONDS}s",
            },
            "service_name": tracing.service,
            "max_cache_size": _WAITING_SPANS,
            "sampler": _sampler(tracing.percent),
        },
    }
