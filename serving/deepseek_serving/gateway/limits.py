"""What no client exceeds: sizes, numbers and times of requests and connections. Pure.

docs/limits.md has them as a table, with what a client sees and why.
"""

from deepseek_serving.gateway.document import Limits
from deepseek_serving.gateway.parts import TYPE, Config

HEADERS_KIB = 32
"""All headers of a request; with the path. Twice the longest token of an identity provider."""
HEADERS = 100
HEADERS_SECONDS = 10
"""From a request's first byte to the end of its headers."""
BODY_SECONDS = 60
"""And to the end of its body."""
IDLE_SECONDS = 600
"""Of a connection without a request."""
FLUSH_SECONDS = 60
"""For the rest of an answer whose client does not read it."""
REQUESTS_PER_CONNECTION = 10_000
"""Then a client connects anew, perhaps to another gateway: those that never do stay where they are for ever."""
STREAMS = 100
"""Requests at once on one connection of HTTP/2."""
BUFFER_BYTES = 64 * 1024
"""Of an answer that its client does not read, on each side of Envoy; then the engine waits."""

REMOVED = (
    # What these say is for Envoy, and it has read it.
    "x-dsd-pin",
    "x-dsd-no-mirror",
    # Copies carry this, and it is put on once they are made.
    "x-dsd-mirror",
    # Answers carry these, and requests have no business to.
    "x-dsd-revision",
    "x-dsd-fallback",
    # vLLM's: it chooses which of an engine's processes computes.
    "x-data-parallel-rank",
    # Envoy's to its likes.
    "x-envoy-original-dst-host",
    "x-envoy-local-overloaded",
    "x-envoy-peer-metadata",
    "x-envoy-peer-metadata-id",
    # An engine that builds links believes them.
    "forwarded",
    "x-real-ip",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-original-url",
    "x-rewrite-url",
)
"""Headers of clients that no engine sees. What Envoy sets by itself, it sets whatever a client says."""


def of_listener() -> Config:
    """Per connection, whatever it speaks."""
    return {"per_connection_buffer_limit_bytes": BUFFER_BYTES}


def of_manager() -> Config:
    """Per request, and per connection without one."""
    return {
        "max_request_headers_kb": HEADERS_KIB,
        "common_http_protocol_options": {
            "idle_timeout": f"{IDLE_SECONDS}s",
            "max_headers_count": HEADERS,
            "max_requests_per_connection": REQUESTS_PER_CONNECTION,
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": STREAMS,
            "initial_stream_window_size": BUFFER_BYTES,
            "initial_connection_window_size": 16 * BUFFER_BYTES,
            # A proxy in front sends requests of many users on one connection: a bad one ends itself alone.
            "override_stream_error_on_invalid_http_message": True,
        },
        "request_headers_timeout": f"{HEADERS_SECONDS}s",
        "request_timeout": f"{BODY_SECONDS}s",
        # Of what no route has a limit for; an answer's silences have the routes'.
        "stream_idle_timeout": f"{BODY_SECONDS}s",
        "stream_flush_timeout": f"{FLUSH_SECONDS}s",
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        # Of internal addresses nothing is said, so nobody's x-envoy- headers are believed: to a word about them
        # that names no range, Envoy 1.40 believes all private addresses, which every pod has.
        "use_remote_address": True,
    }


_BUFFER = "envoy.filters.http.buffer"
_BUFFERS = f"{TYPE}.extensions.filters.http.buffer.v3"


def whole_requests(limits: Limits) -> Config:
    """A filter: an engine never sees a request that is half sent, and none that is too long."""
    return {
        "name": _BUFFER,
        "typed_config": {"@type": f"{_BUFFERS}.Buffer", "max_request_bytes": limits.body_bytes},
    }


def at_once() -> Config:
    """Of a route: it is answered without waiting for a body."""
    return {
        "typed_per_filter_config": {
            _BUFFER: {"@type": f"{_BUFFERS}.BufferPerRoute", "disabled": True}
        }
    }


def is_too_long(limits: Limits) -> Config:
    """Of a route: a request whose body says by itself that it is too long."""
    lengths = {"start": limits.body_bytes + 1, "end": 2**63 - 1}
    return {"prefix": "/", "headers": [{"name": "content-length", "range_match": lengths}]}
