"""Envoy's routes: what users may ask, and which revision gets how much of it. Pure."""

from collections.abc import Collection, Iterator, Mapping

from deepseek_serving.gateway import limits, logs, mirrors, retries
from deepseek_serving.gateway.chains import (
    HOLD_HEADER,
    PASS,
    WAIT,
    Chains,
    Tries,
    each_cluster,
    passes_on,
    pinned_cluster,
    tries,
)
from deepseek_serving.gateway.document import Document, Limits, Route
from deepseek_serving.gateway.endpoints import Endpoints
from deepseek_serving.gateway.parts import METADATA, ROUTES, Config, set_header

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

LONG_BYTES_HEADER = "x-dsd-long-bytes"
"""And from how many bytes of a body on a request is long; not sent where all are alike."""
MOST_LONG_HEADER = "x-dsd-most-long-requests"
"""And how many long ones it may have, where it is not to go by what its replica was sized for."""

RETRY_SECONDS = 30
"""How long clients are told to wait while no revision serves."""

PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/tokenize", "/detokenize")
"""What users may ask; an engine answers more, such as to be paused or to load adapters."""
THERE_ARE = f"there are {', '.join(PATHS)} (POST) and /v1/models (GET)"
"""What is said of any other path."""


def route_configuration(
    document: Document,
    chains: Chains,
    seen: Mapping[str, Endpoints],
    *,
    waiting: frozenset[str] = frozenset(),
) -> Config:
    """Which of the paths are answered, and by whom; `seen` are the pods as each cluster has them.

    Requests of clusters in `waiting` wait for a pod.
    """
    routes = [
        *(_pinned(document, chains, seen, waiting) if document.pins else ()),
        *(_shared(document, chains, seen, waiting) if document.routes else _shut(document)),
    ]
    told = _told(document)
    return {
        "name": ROUTES,
        "virtual_hosts": [
            {
                "name": "clients",
                "domains": ["*"],
                "include_request_attempt_count": True,
                "request_headers_to_add": [set_header(name, value) for name, value in told.items()],
                # What is not told here would be taken from clients.
                "request_headers_to_remove": [
                    *limits.REMOVED,
                    *(name for name in (LONG_BYTES_HEADER, MOST_LONG_HEADER) if name not in told),
                    *([HOLD_HEADER] if document.hold is None else []),
                ],
                "response_headers_to_add": [
                    set_header(REVISION_HEADER, f"%UPSTREAM_METADATA({METADATA}:revision)%"),
                ],
                "routes": [*_refused(document.limits), *routes, *_unanswered()],
            }
        ],
    }


def _pinned(
    document: Document,
    chains: Chains,
    seen: Mapping[str, Endpoints],
    waiting: frozenset[str],
) -> Iterator[Config]:
    """Requests that name the revision that is to answer them."""
    for revision in sorted(document.replicas):
        name = pinned_cluster(revision)
        again = tries(chains[name], seen[name]).again
        pinned = retries.action(document, 1, again=again)
        if name in waiting:
            pinned = retries.waiting(document)
        headers = _with_headers(*_place_header(document, name, passes=False))
        yield from _for_paths(
            {"route": {**pinned, "cluster": name}, **headers},
            headers=[{"name": PIN_HEADER, "string_match": {"exact": revision}}],
        )


def _shared(
    document: Document,
    chains: Chains,
    seen: Mapping[str, Endpoints],
    waiting: frozenset[str],
) -> Iterator[Config]:
    """All others, which the revisions have their shares of."""
    names = [route.revision for route in document.routes]
    tried = {
        name: retries.WAITING if name in waiting else tries(chains[name], seen[name])
        for name in names
    }
    asked = [sum(map(bool, map(seen[name].get, chains[name]))) for name in names]
    again = max(one.again for one in tried.values())
    shared = retries.action(document, max(1, *asked), again=again)
    if waiting.intersection(names):
        shared = retries.waiting(document)
    passing = {name for name in names if passes_on(chains[name], document, seen[name])}
    action: Config = {"route": {**shared, **_split(document, tried, passing)}}
    yield from mirrors.routes(document, action)
    yield from _for_paths(action)


def _shut(document: Document) -> list[Config]:
    """All others while nobody serves."""
    return _for_paths(_unserved(document.shut or "no revision serves yet"))


def _told(document: Document) -> dict[str, str]:
    """What engines are told of a request, whatever its client says."""
    given, long = document.limits, document.long
    told = {
        FIRST_TOKEN_HEADER: f"{given.first_token_seconds:g}",
        BETWEEN_TOKENS_HEADER: f"{given.between_tokens_seconds:g}",
        MOST_REQUESTS_HEADER: str(given.requests_per_pod),
    }
    if long is not None:
        told[LONG_BYTES_HEADER] = str(long.from_bytes)
        if long.most is not None:
            told[MOST_LONG_HEADER] = str(long.most)
    return told


_SERVED = f"xds.upstream_host_metadata.filter_metadata['{METADATA}']['revision']"


def _split(document: Document, tried: Mapping[str, Tries], passing: Collection[str]) -> Config:
    most = max(one.again for one in tried.values())
    split: Config = {
        "clusters": [
            {
                **_share(
                    document,
                    route,
                    tried[route.revision],
                    most=most,
                    passes=route.revision in passing,
                ),
                **_reason(route),
            }
            for route in document.routes
        ]
    }
    if document.sticky_header is None:
        return {"weighted_clusters": split}
    return {
        "weighted_clusters": {**split, "use_hash_policy": True},
        "hash_policy": [{"header": {"header_name": document.sticky_header}}],
    }


def _share(document: Document, route: Route, tried: Tries, *, most: int, passes: bool) -> Config:
    """Whose turn it is, and how far down its chain a request may go: one more would begin with the first again."""
    return {
        "name": each_cluster(route.revision) if tried.each else route.revision,
        "weight": route.weight,
        # Of a cluster with a policy of its own the route's number does not count.
        **_with_headers(
            *(retries.at_most(tried.again) if tried.each or tried.again < most else ()),
            *_place_header(document, route.revision, passes=passes),
        ),
    }


def _place_header(document: Document, name: str, *, passes: bool) -> tuple[Config, ...]:
    """Whom a request is meant for, and what it does at the place that it comes to if there is no pod."""
    if document.hold is None:
        return ()
    return (set_header(HOLD_HEADER, f"{PASS if passes else WAIT}:{name}"),)


def _with_headers(*headers: Config) -> Config:
    return {"request_headers_to_add": list(headers)} if headers else {}


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
            {"name": path, "match": {"path": path, "headers": [_method("POST"), *more]}, **action}
            for path in PATHS
        ),
        *(
            {"name": name, "match": {**match, "headers": [_method("GET"), *more]}, **action}
            for name, match in _MODELS.items()
        ),
    ]


_MODELS: dict[str, Config] = {
    "/v1/models": {"path": "/v1/models"},
    "/v1/models/{model}": {"path_separated_prefix": "/v1/models"},
}


def _method(name: str) -> Config:
    return {"name": ":method", "string_match": {"exact": name}}


def _refused(given: Limits) -> list[Config]:
    """Whatever the path: what is too long is so before its body has come, and nobody is to go on from here."""
    too_long = {"match": limits.is_too_long(given), **_answer(413, "too long")}
    proxied = {"match": {"connect_matcher": {}}, **_answer(405, "this gateway is no proxy")}
    return [{"name": logs.OTHER_PATH, **route} for route in (too_long, proxied)]


def _unanswered() -> list[Config]:
    """What is none of the API's paths, or not asked for as it has to be."""
    posted = [
        {"name": path, "match": {"path": path}, **_answer(405, "this path takes POST")}
        for path in PATHS
    ]
    read = [
        {"name": name, "match": match, **_answer(405, "this path takes GET")}
        for name, match in _MODELS.items()
    ]
    other = {"name": logs.OTHER_PATH, "match": {"prefix": "/"}, **_answer(404, THERE_ARE)}
    return [*posted, *read, other]


def _unserved(said: str) -> Config:
    """A revision takes minutes to start: who asks again at once asks in vain."""
    wait = [set_header("retry-after", str(RETRY_SECONDS))]
    return {**_answer(503, said), "response_headers_to_add": wait}


def _answer(code: int, said: str) -> Config:
    said_at_once = {"status": code, "body": {"inline_string": said}}
    return {"direct_response": said_at_once, **limits.at_once()}
