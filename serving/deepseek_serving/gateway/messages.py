"""Envoy's messages in Python: each is known by its name once its module is imported."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import any_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

_MODULES = (
    "envoy.config.cluster.v3.cluster_pb2",
    "envoy.config.endpoint.v3.endpoint_pb2",
    "envoy.config.listener.v3.listener_pb2",
    "envoy.config.route.v3.route_pb2",
    "envoy.config.core.v3.extension_pb2",
    "envoy.config.trace.v3.opentelemetry_pb2",
    "envoy.extensions.access_loggers.stream.v3.stream_pb2",
    "envoy.extensions.filters.http.api_key_auth.v3.api_key_auth_pb2",
    "envoy.extensions.filters.http.buffer.v3.buffer_pb2",
    "envoy.extensions.filters.http.local_ratelimit.v3.local_rate_limit_pb2",
    "envoy.extensions.filters.http.lua.v3.lua_pb2",
    "envoy.extensions.filters.http.router.v3.router_pb2",
    "envoy.extensions.filters.http.upstream_codec.v3.upstream_codec_pb2",
    "envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2",
    "envoy.extensions.http.early_header_mutation.header_mutation.v3.header_mutation_pb2",
    "envoy.extensions.retry.host.previous_hosts.v3.previous_hosts_pb2",
    "envoy.extensions.retry.priority.previous_priorities.v3.previous_priorities_config_pb2",
    "envoy.extensions.tracers.opentelemetry.samplers.v3.parent_based_sampler_pb2",
    "envoy.extensions.tracers.opentelemetry.samplers.v3.trace_id_ratio_based_sampler_pb2",
    "envoy.extensions.transport_sockets.tls.v3.tls_pb2",
    "envoy.extensions.upstreams.http.v3.http_protocol_options_pb2",
    "envoy.service.discovery.v3.discovery_pb2",
    "xds.type.v3.typed_struct_pb2",
    "google.protobuf.any_pb2",
)
"""What resources hold, and what they hold inside of others."""

for _module in _MODULES:
    importlib.import_module(_module)

_service: Any = importlib.import_module("envoy.service.discovery.v3.ads_pb2_grpc")

ServicerBase: Any = _service.AggregatedDiscoveryServiceServicer
add_servicer: Any = _service.add_AggregatedDiscoveryServiceServicer_to_server


def message_class(name: str) -> Any:
    """The class of messages of this full name; KeyError where no module of ours brings it."""
    return message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))


def deterministic(message: Message) -> bytes:
    """The bytes of a message, the same in every process.

    Protobuf orders the maps of a message on request, but not those of messages that stand packed in it: such
    bytes are to it a text like any other.
    """
    _repack(message)
    return message.SerializeToString(deterministic=True)


def _repack(message: Message) -> None:
    if isinstance(message, any_pb2.Any):
        inner = message_class(message.type_url.rpartition("/")[2]).FromString(message.value)
        message.value = deterministic(inner)
        return
    for _, value in message.ListFields():
        for item in _messages(value):
            _repack(item)


def _messages(value: Any) -> list[Message]:
    """Those in the value of a field: one, or repeated, or in a map."""
    match value:
        case Message():
            return [value]
        case str() | bytes():
            return []
        case Mapping():
            values = list(value.values())
        case Sequence():
            values = list(value)
        case _:
            return []
    return [item for item in values if isinstance(item, Message)]
