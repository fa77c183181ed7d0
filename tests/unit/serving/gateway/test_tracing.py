"""What Envoy is told of traces, as far as it can be told from its form; tests/gateway runs it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from deepseek_serving.gateway import ads, counts, document, envoy, tracing
from deepseek_serving.gateway.document import Document, DocumentError, Route, Tracing
from deepseek_serving.gateway.listener import Access

TOLD: dict[str, Any] = {
    "host": "otel-collector.observability.svc",
    "port": 4317,
    "percent": 12.5,
    "service": "chat-gateway",
    "namespace": "team",
}
SAMPLERS = "type.googleapis.com/envoy.extensions.tracers.opentelemetry.samplers.v3"
TRACED = Tracing(**TOLD)
PLAIN = Document("1", "chat", (Route("a", 100),), {"a": 1})
ON = replace(PLAIN, tracing=TRACED)
CHAINED = replace(ON, routes=(Route("a", 100, ("b",)),), replicas={"a": 1, "b": 1})
EVERYWHERE = Access(tls_port=8443, keys=True)


def managers(told: Document) -> list[dict[str, Any]]:
    """What each listener of clients does."""
    return [
        listener["filter_chains"][0]["filters"][0]["typed_config"]
        for listener in envoy.build(told, {}, access=EVERYWHERE).listeners
    ]


def test_without_a_collector_nothing_is_another_than_it_was() -> None:
    resources = envoy.build(PLAIN, {}, access=EVERYWHERE)

    assert [one["name"] for one in resources.clusters] == ["a"]
    assert all("tracing" not in manager for manager in managers(PLAIN))


def test_every_listener_has_spans_made_and_sent() -> None:
    for manager in managers(ON):
        assert manager["tracing"] == {
            "random_sampling": {"value": 100},
            "max_path_tag_length": 0,
            "operation": "%REQ(:METHOD):16% %ROUTE_NAME%",
            "spawn_upstream_span": True,
            "upstream_operation": "engine %ROUTE_NAME%",
            "custom_tags": [
                {"tag": "k8s.namespace.name", "literal": {"value": "team"}},
                {"tag": "gen_ai.request.model", "literal": {"value": "chat"}},
                {"tag": "deepseek.revision", "value": "%UPSTREAM_METADATA(dsd:revision)%"},
                {"tag": "deepseek.attempts", "value": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"},
            ],
            "provider": {
                "name": "envoy.tracers.opentelemetry",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
                    "grpc_service": {
                        "envoy_grpc": {"cluster_name": "otlp/collector"},
                        "timeout": "5s",
                    },
                    "service_name": "chat-gateway",
                    "max_cache_size": 1024,
                    "sampler": {
                        "name": "envoy.tracers.opentelemetry.samplers.parent_based",
                        "typed_config": {
                            "@type": f"{SAMPLERS}.ParentBasedSamplerConfig",
                            "wrapped_sampler": {
                                "name": "envoy.tracers.opentelemetry.samplers.trace_id_ratio_based",
                                "typed_config": {
                                    "@type": f"{SAMPLERS}.TraceIdRatioBasedSamplerConfig",
                                    "sampling_percentage": {
                                        "numerator": 125_000,
                                        "denominator": "MILLION",
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    [*_, collector] = envoy.build(ON, {}).clusters
    assert (collector["name"], collector["type"]) == (tracing.COLLECTOR, "STRICT_DNS")
    assert collector["wait_for_warm_on_init"] is False
    [place] = collector["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert place["endpoint"]["address"]["socket_address"] == {
        "address": "otel-collector.observability.svc",
        "port_value": 4317,
    }


def test_why_another_one_answered_is_looked_for_where_there_is_another_one() -> None:
    for told, is_there in ((ON, False), (CHAINED, True)):
        for manager in managers(told):
            tags = {one["tag"] for one in manager["tracing"]["custom_tags"]}
            assert (tracing.FALLBACK_TAG in tags) is is_there


def test_it_is_all_that_envoys_types_know() -> None:
    """json_format.ParseError where a field is none."""
    assert ads.pack("1", envoy.build(CHAINED, {}, access=EVERYWHERE)).packed[ads.CLUSTERS]


def test_nothing_of_a_request_but_its_envelope_is_read() -> None:
    text = json.dumps(managers(CHAINED)[0]["tracing"])

    for part in (
        "%REQ(:PATH",
        "AUTHORIZATION",
        "%PATH",
        "QUERY",
        "BODY",
        "request_header",
        "x-dsd-client",
    ):
        assert part.lower() not in text.lower()


def test_exports_are_nobodys_requests() -> None:
    found = [
        {"name": "cluster.a.upstream_rq_active", "value": 2},
        {"name": f"cluster.{tracing.COLLECTOR}.upstream_rq_active", "value": 1},
    ]

    assert counts.active(found) == {"a": 2}


def told_as(**changes: Any) -> str:
    return json.dumps(
        {
            "format": 1,
            "version": "1",
            "servedName": "chat",
            "routes": [],
            "tracing": {**TOLD, **changes},
        }
    )


def test_the_document_says_where_and_of_how_many() -> None:
    assert document.parse(told_as()).tracing == TRACED
    assert document.parse(told_as(percent=0)).tracing == replace(TRACED, percent=0.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"port": 0}, "tracing: port: 0 is not a number from 1", id="port"),
        pytest.param(
            {"percent": 101}, "tracing: percent: 101 is not a number from 0 to 100", id="percent"
        ),
        pytest.param({"host": ""}, "tracing: host:  is no text", id="host"),
        pytest.param({"service": 7}, "tracing: service: 7 is no text", id="service"),
    ],
)
def test_what_cannot_be_followed_is_told_by_its_field(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        document.parse(told_as(**changes))


def test_a_document_without_a_collector_is_refused() -> None:
    text = json.dumps(
        {"format": 1, "version": "1", "servedName": "c", "routes": [], "tracing": "yes"}
    )

    with pytest.raises(DocumentError, match="tracing: yes is no collector"):
        document.parse(text)
