"""From what the operator tells and the pods that are ready to Envoy's resources, as plain dictionaries. Pure."""

from dataclasses import dataclass, replace

from deepseek_serving.gateway import errors, retries
from deepseek_serving.gateway.document import Document, Route, When
from deepseek_serving.gateway.endpoints import Endpoint, Endpoints
from deepseek_serving.gateway.parts import (
    ROUTER,
    TYPE,
    Config,
    address,
    http_chain,
    set_header,
)

CLIENT_PORT = 8080
REVISION_HEADER = "x-dsd-revision"
"""On every answer of an engine: whose it is."""
FALLBACK_HEADER = "x-dsd-fallback"
"""On an answer of another revision than the one whose turn it was: why."""
PIN_HEADER = "x-dsd-pin"
"""On a request: the revision that is to answer it."""
FIRST_TOKEN_HEADER = "x-dsd-first-token-seconds"  # noqa: S105 - a token of an answer
"""On a request to an engine: how long a stream may wait for its first token."""
BETWEEN_TOKENS_HEADER = "x-dsd-between-tokens-seconds"
"""And how long for each further one."""
MOST_REQUESTS_HEADER = "x-dsd-most-requests"
"""And how many requests of gateways an engine may have at once."""
METADATA = "dsd"
"""Namespace of what Envoy knows of a pod."""
ROUTES = "clients"

PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/tokenize", "/detokenize")
"""What users may ask; an engine answers more, such as to be paused or to load adapters."""

_ENGINE_KEEP_ALIVE_SECONDS = 3
"""Less than the 5 s after which vLLM's HTTP server closes an idle connection under a request's feet."""
_CONNECT_SECONDS = 2
_HEADERS_SECONDS = 10
_BODY_SECONDS = 60
_IDLE_CLIENT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Resources:
    """One configuration of an Envoy, by kind; names are unique in each."""

    clusters: tuple[Config, ...] = ()
    endpoints: tuple[Config, ...] = ()
    listeners: tuple[Config, ...] = ()
    routes: tuple[Config, ...] = ()

    def with_clusters_of(self, other: "Resources") -> "Resources":
        """With the other's clusters and pods too, where it has none of that name.

        What is still routed to must not be taken away before the new routes are there.
        """
        names = {cluster["name"] for cluster in self.clusters}
        kept = tuple(item for item in other.clusters if item["name"] not in names)
        pods = tuple(item for item in other.endpoints if item["cluster_name"] not in names)
        return replace(self, clusters=(*self.clusters, *kept), endpoints=(*self.endpoints, *pods))


def build(document: Document, endpoints: Endpoints, *, port: int = CLIENT_PORT) -> Resources:
    """Everything that Envoy is to hold."""
    endpoints = _held(document, endpoints)
    chains = {revision: (revision, *then) for revision, then in _chains(document).items()}
    return Resources(
        clusters=tuple(_cluster(name, chain, document) for name, chain in chains.items()),
        endpoints=tuple(
            _assignment(revision, chain, endpoints) for revision, chain in chains.items()
        ),
        listeners=(_listener(document, port),),
        routes=(_route_configuration(document, chains, endpoints),),
    )


def _chains(document: Document) -> dict[str, tuple[str, ...]]:
    """The revisions that requests may be meant for, and who answers in their place.

    One that gets no new requests keeps its cluster: what runs there is still counted. Until Envoy has the
    new routes too, the old ones may still lead there, so the others stand in for it.
    """
    chains: dict[str, tuple[str, ...]] = {route.revision: route.then for route in document.routes}
    routed = tuple(chains)
    for revision in sorted(document.replicas):
        chains.setdefault(revision, routed)
        if document.pins:
            # Who asks for a revision by name wants its answer or none.
            chains[_pinned(revision)] = ()
    return chains


def _pinned(revision: str) -> str:
    return f"{revision}/pinned"


def _revision_of(member: str) -> str:
    return member.partition("/")[0]


def _pods(member: str, endpoints: Endpoints) -> tuple[Endpoint, ...]:
    return endpoints.get(_revision_of(member), ())


def _held(document: Document, endpoints: Endpoints) -> Endpoints:
    """The pods, with a place that nobody listens at for who may not be stood in for without any.

    Without it requests would go on to the next revision by themselves.
    """
    if When.UNAVAILABLE in document.fallback_on:
        return endpoints
    empty = [
        one.revision for one in document.routes if one.then and not endpoints.get(one.revision)
    ]
    return {**endpoints, **dict.fromkeys(empty, (_NOBODY,))}


_NOBODY = Endpoint("127.0.0.1", 9)


def _cluster(name: str, chain: tuple[str, ...], document: Document) -> Config:
    """Nothing of it may depend on the pods that are ready: a cluster that changes begins anew.

    It has room for all who answer in its place: each engine refuses what is too much for itself.
    """
    pods = sum(max(1, document.replicas.get(_revision_of(member), 1)) for member in chain)
    most = document.limits.requests_per_pod * pods
    return {
        "name": name,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": _ads(), "service_name": name},
        "connect_timeout": f"{_CONNECT_SECONDS}s",
        "lb_policy": "LEAST_REQUEST",
        # Without the first all pods get requests when most are ejected; without the second it takes a second.
        "common_lb_config": {
            "healthy_panic_threshold": {"value": 0},
            "update_merge_window": "0s",
        },
        **({"outlier_detection": _OUTLIERS} if _may_leave_out(document, chain) else {}),
        "circuit_breakers": {
            "thresholds": [
                {
                    # Of connections there are more than requests: some are idle, some are just made.
                    "max_connections": 2 * most,
                    "max_pending_requests": most,
                    "max_requests": most,
                    # When a pod dies all that ran on it is tried again, however much it is.
                    "max_retries": most,
                }
            ]
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
                "common_http_protocol_options": {"idle_timeout": f"{_ENGINE_KEEP_ALIVE_SECONDS}s"},
                "explicit_http_config": {"http_protocol_options": {}},
                **({"http_filters": retries.noting_filters()} if len(chain) > 1 else {}),
            }
        },
    }


def _may_leave_out(document: Document, chain: tuple[str, ...]) -> bool:
    """Whether pods that fail may be left out: not where the last one would let requests go on."""
    return len(chain) == 1 or When.UNAVAILABLE in document.fallback_on


_OUTLIERS: Config = {
    "consecutive_5xx": 5,
    "consecutive_gateway_failure": 3,
    "enforcing_consecutive_gateway_failure": 100,
    "enforcing_success_rate": 0,
    "interval": "1s",
    "base_ejection_time": "5s",
    "max_ejection_time": "60s",
    "max_ejection_percent": 50,
}
"""Pods that fail again and again are left out for a while, half of them at most and never the last."""


def _assignment(name: str, chain: tuple[str, ...], endpoints: Endpoints) -> Config:
    return {
        "cluster_name": name,
        # By default a third of a revision's requests goes to its fallback as soon as half its pods fail.
        "policy": {"overprovisioning_factor": 1_000_000},
        "endpoints": [
            {
                "priority": priority,
                "lb_endpoints": [
                    {
                        "endpoint": {"address": address(endpoint.address, endpoint.port)},
                        "metadata": {
                            "filter_metadata": {METADATA: {"revision": _revision_of(member)}}
                        },
                    }
                    for endpoint in _pods(member, endpoints)
                ],
            }
            for priority, member in enumerate(chain)
        ],
    }


def _ads() -> Config:
    return {"ads": {}, "resource_api_version": "V3"}


def _listener(document: Document, port: int) -> Config:
    limits = document.limits
    manager = {
        "stat_prefix": "clients",
        "rds": {"config_source": _ads(), "route_config_name": ROUTES},
        "access_log": [_counting(), _logging()],
        "local_reply_config": errors.local_replies(),
        "use_remote_address": True,
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "common_http_protocol_options": {
            "idle_timeout": f"{_IDLE_CLIENT_SECONDS}s",
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "request_headers_timeout": f"{_HEADERS_SECONDS}s",
        "request_timeout": f"{_BODY_SECONDS}s",
        # What runs may end; the preStop hook waits for that.
        "drain_timeout": "5s",
        "http_filters": [
            {
                # An engine never sees a request that is half sent, and none that is too long.
                "name": "envoy.filters.http.buffer",
                "typed_config": {
                    "@type": f"{TYPE}.extensions.filters.http.buffer.v3.Buffer",
                    "max_request_bytes": limits.body_bytes,
                },
            },
            ROUTER,
        ],
    }
    return {
        "name": "clients",
        "address": address("0.0.0.0", port),  # noqa: S104 - a pod's own port
        "per_connection_buffer_limit_bytes": max(1024 * 1024, limits.body_bytes),
        "filter_chains": http_chain(manager),
    }


def _counting() -> Config:
    """Each request once, by whose turn it was, who answered, and how often it was tried."""
    chosen = {"name": "chosen", "value_format": "%UPSTREAM_CLUSTER%"}
    served = {"name": "served", "value_format": f"%UPSTREAM_METADATA({METADATA}:revision)%"}
    code = {"name": "code", "value_format": "%RESPONSE_CODE%"}
    flags = {"name": "flags", "value_format": "%RESPONSE_FLAGS%"}
    attempts = {"name": "attempts", "value_format": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"}
    why = {"name": "reason", "value_format": retries.noted()}
    return _typed_struct(
        "envoy.access_loggers.stats",
        f"{TYPE}.extensions.access_loggers.stats.v3.Config",
        {
            "stats_scope": {"prefix": "dsd"},
            "counters": [
                {
                    "stat": {
                        "name": "requests",
                        "tags": [chosen, served, code, flags, attempts, why],
                    },
                    "value_fixed": 1,
                }
            ],
            "histograms": [
                {
                    "stat": {"name": "first_byte", "tags": [chosen]},
                    "unit": "Milliseconds",
                    "value_format": "%RESPONSE_DURATION%",
                }
            ],
        },
    )


def _typed_struct(name: str, type_url: str, value: Config) -> Config:
    """For what the Python package of Envoy's types is too old to know."""
    return {
        "name": name,
        "typed_config": {
            "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
            "type_url": type_url,
            "value": value,
        },
    }


def _logging() -> Config:
    """One line a request, of its envelope: never a word of what was asked or answered."""
    fields = {
        "time": "%START_TIME%",
        "requestId": "%REQ(X-REQUEST-ID)%",
        "method": "%REQ(:METHOD)%",
        # Without what follows the question mark: people put keys there.
        "path": "%PATH(NQ:PATH)%",
        "code": "%RESPONSE_CODE%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "chosen": "%UPSTREAM_CLUSTER%",
        "revision": f"%UPSTREAM_METADATA({METADATA}:revision)%",
        "pod": "%UPSTREAM_HOST%",
        "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "reason": retries.noted(),
        "firstByteMs": "%RESPONSE_DURATION%",
        "durationMs": "%DURATION%",
        "bytesIn": "%BYTES_RECEIVED%",
        "bytesOut": "%BYTES_SENT%",
        "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    }
    return {
        "name": "envoy.access_loggers.stdout",
        "typed_config": {
            "@type": f"{TYPE}.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {"json_format": fields},
        },
    }


def _route_configuration(
    document: Document, chains: dict[str, tuple[str, ...]], endpoints: Endpoints
) -> Config:
    routes: list[Config] = []
    if document.pins:
        for revision in sorted(document.replicas):
            pinned = retries.action(document, 1, many=len(endpoints.get(revision, ())) > 1)
            routes += _for_paths(
                {"route": {**pinned, "cluster": _pinned(revision)}},
                headers=[{"name": PIN_HEADER, "string_match": {"exact": revision}}],
            )
    if document.routes:
        asked = [
            [len(endpoints[member]) for member in chains[route.revision] if endpoints.get(member)]
            for route in document.routes
        ]
        many = any(pods > 1 for chain in asked for pods in chain)
        # One more would begin with the first again.
        longest = max(1, *map(len, asked))
        shared = retries.action(document, longest, many=many)
        split = _split(document.routes, document.sticky_header)
        routes += _for_paths({"route": {**shared, **split}})
    else:
        routes += _for_paths(_answer(503, "no revision serves yet"))
    limits = document.limits
    return {
        "name": ROUTES,
        "virtual_hosts": [
            {
                "name": "clients",
                "domains": ["*"],
                "include_request_attempt_count": True,
                "request_headers_to_add": [
                    set_header(FIRST_TOKEN_HEADER, f"{limits.first_token_seconds:g}"),
                    set_header(BETWEEN_TOKENS_HEADER, f"{limits.between_tokens_seconds:g}"),
                    set_header(MOST_REQUESTS_HEADER, str(limits.requests_per_pod)),
                ],
                "response_headers_to_add": [
                    set_header(REVISION_HEADER, f"%UPSTREAM_METADATA({METADATA}:revision)%"),
                ],
                "routes": [*routes, *_unanswered()],
            }
        ],
    }


_SERVED = f"xds.upstream_host_metadata.filter_metadata['{METADATA}']['revision']"


def _split(routes: tuple[Route, ...], sticky_header: str | None) -> Config:
    split: Config = {
        "clusters": [
            {"name": route.revision, "weight": route.weight, **_reason(route)} for route in routes
        ]
    }
    if sticky_header is None:
        return {"weighted_clusters": split}
    return {
        "weighted_clusters": {**split, "use_hash_policy": True},
        "hash_policy": [{"header": {"header_name": sticky_header}}],
    }


def _reason(route: Route) -> Config:
    """Only where others may answer: finding it costs a tenth of all that a request does."""
    if not route.then:
        return {}
    return {"response_headers_to_add": [set_header(FALLBACK_HEADER, retries.reason(_SERVED))]}


def _for_paths(action: Config, *, headers: list[Config] | None = None) -> list[Config]:
    """The paths of the API: questions are posted, what is served may be read."""
    more = headers or []
    return [
        *(
            {"match": {"path": path, "headers": [_method("POST"), *more]}, **action}
            for path in PATHS
        ),
        *({"match": {**match, "headers": [_method("GET"), *more]}, **action} for match in _MODELS),
    ]


_MODELS: tuple[Config, ...] = (
    {"path": "/v1/models"},
    {"path_separated_prefix": "/v1/models"},
)


def _method(name: str) -> Config:
    return {"name": ":method", "string_match": {"exact": name}}


def _unanswered() -> list[Config]:
    """What is none of the API's paths, or not asked for as it has to be."""
    posted = [{"match": {"path": path}, **_answer(405, "this path takes POST")} for path in PATHS]
    read = [{"match": match, **_answer(405, "this path takes GET")} for match in _MODELS]
    there_are = f"there are {', '.join(PATHS)} (POST) and /v1/models (GET)"
    return [*posted, *read, {"match": {"prefix": "/"}, **_answer(404, there_are)}]


def _answer(code: int, said: str) -> Config:
    return {"direct_response": {"status": code, "body": {"inline_string": said}}}
