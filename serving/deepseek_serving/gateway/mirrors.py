"""Copies of users' requests for a candidate that no user meets yet: their answers are thrown away. Pure.

Envoy sends a copy once the request itself is whole, waits for nothing of it, and tries it neither again nor elsewhere.
"""

from deepseek_serving.gateway.document import Document, Limits, Mirror
from deepseek_serving.gateway.parts import Config, duration, set_header

COPY_HEADER = "x-dsd-mirror"
"""On a copy: `true`."""
OPT_OUT_HEADER = "x-dsd-no-mirror"
"""On a request, whatever its value: it is not copied."""

PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")
"""What is copied: what an engine computes an answer to."""

_PIN_HEADER = "x-dsd-pin"
_FIRST_BYTE_HEADER = "x-envoy-upstream-rq-per-try-timeout-ms"
"""Envoy's to itself, and it takes it off."""
_SUFFIX = "/mirror"
_BODY_BYTES = 1024 * 1024
"""Of a request that is copied, at most: Envoy holds the body of each copy until that has ended."""
_REST_SECONDS = 600
"""How long a copy's answer may go on after its first byte was due."""


def mirror_cluster(revision: str) -> str:
    """The cluster of the copies for a revision: what fills up or breaks there is no user's."""
    return revision + _SUFFIX


def is_mirror(cluster: str) -> bool:
    """Whether it is a cluster of copies."""
    return cluster.endswith(_SUFFIX)


def most_at_once(document: Document, name: str) -> int | None:
    """Copies at once in a cluster of this name; None where it is one of users' requests."""
    return document.mirror.most if document.mirror and is_mirror(name) else None


def patience(limits: Limits) -> Config:
    """Of the cluster's connections: no copy is under way for longer, whatever its engine does."""
    return {"max_stream_duration": duration(limits.response_seconds + _REST_SECONDS)}


def routes(document: Document, action: Config) -> list[Config]:
    """Before all others of users: the requests of which copies are made, answered as by `action`."""
    if document.mirror is None:
        return []
    route = {
        **action["route"],
        "request_mirror_policies": [_policy(document.mirror, document.limits)],
    }
    return [
        {
            "name": path,
            "match": {"path": path, "headers": _copied(document.limits)},
            **action,
            "route": route,
        }
        for path in PATHS
    ]


def _copied(limits: Limits) -> list[Config]:
    """Neither what somebody asks of a revision, nor what somebody keeps for himself, nor what is long or says not how long."""
    longest = min(_BODY_BYTES, limits.body_bytes)
    return [
        {"name": ":method", "string_match": {"exact": "POST"}},
        {"name": OPT_OUT_HEADER, "present_match": False},
        {"name": _PIN_HEADER, "present_match": False},
        {"name": "content-length", "range_match": {"start": 0, "end": longest + 1}},
    ]


def _policy(mirror: Mirror, limits: Limits) -> Config:
    percent = {"numerator": mirror.percent, "denominator": "HUNDRED"}
    first_byte = str(round(1000 * limits.response_seconds))
    return {
        "cluster": mirror_cluster(mirror.revision),
        "runtime_fraction": {"default_value": percent, "runtime_key": "mirror.percent"},
        "request_headers_mutations": [
            _append(COPY_HEADER, "true"),
            # As a user's request to it would have; a route's own time-outs are not a copy's.
            _append(_FIRST_BYTE_HEADER, first_byte),
        ],
    }


def _append(name: str, value: str) -> Config:
    return {"append": set_header(name, value)}
