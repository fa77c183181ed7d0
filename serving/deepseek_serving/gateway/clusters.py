"""Envoy's clusters, one a revision: its pods, who answers in their place, and how many requests at once. Pure."""

from deepseek_serving.gateway import mirrors, retries
from deepseek_serving.gateway.chains import counted_as, is_each, passed, pods_of, revision_of
from deepseek_serving.gateway.document import Document, When
from deepseek_serving.gateway.endpoints import Endpoint, Endpoints
from deepseek_serving.gateway.parts import METADATA, TYPE, Config, address, from_agent

_ENGINE_KEEP_ALIVE_SECONDS = 3
"""Less than the 5 s after which vLLM's HTTP server closes an idle connection under a request's feet."""
_CONNECT_SECONDS = 2
DEAD_SECONDS = 60
"""So long a node says nothing at all before it is taken for dead: what waits for it fails, and is tried elsewhere."""
_MOST_AT_ONCE = 2**31 - 1
"""Twice as much is what Envoy can count to."""


def cluster(name: str, chain: tuple[str, ...], document: Document) -> Config:
    """Nothing of it may depend on the pods that are ready: a cluster that changes begins anew.

    It has room for all who answer in its place: each engine refuses what is too much for itself.
    """
    pods = sum(max(1, document.replicas.get(revision_of(member), 1)) for member in chain)
    most = min(_MOST_AT_ONCE, document.limits.requests_per_pod * pods)
    if document.hold is not None:
        # Those that wait count as well.
        most = max(most, document.hold.requests)
    copies = mirrors.most_at_once(document, name)
    if copies is not None:
        most = copies
    patience = {} if copies is None else mirrors.patience(document.limits)
    return {
        "name": name,
        # Requests are counted under it, and those that run now.
        "alt_stat_name": counted_as(name),
        "type": "EDS",
        "eds_cluster_config": {"eds_config": from_agent(), "service_name": name},
        "connect_timeout": f"{_CONNECT_SECONDS}s",
        **_noticing_death(),
        "lb_policy": "LEAST_REQUEST",
        # Those who are left out are asked when nobody else is there: by default when half of all are left out,
        # with 0 never, and one that came back and is the last would refuse all for as long as it was to be
        # left out. Without the second it takes a second until one is.
        "common_lb_config": {
            "healthy_panic_threshold": {"value": 1},
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
                "common_http_protocol_options": {
                    "idle_timeout": f"{_ENGINE_KEEP_ALIVE_SECONDS}s",
                    **patience,
                },
                "explicit_http_config": {"http_protocol_options": {}},
                **({"http_filters": retries.noting_filters()} if len(chain) > 1 else {}),
                **({"retry_policy": retries.each(document, len(chain))} if is_each(name) else {}),
            }
        },
    }


def _noticing_death() -> Config:
    """Of connections to pods whose node is gone without a word: to those who wait it is silence like any other.

    The kernel asks where nothing is under way (keep-alive), and gives up what is not acknowledged: by itself after a
    quarter of an hour (tcp_retries2).
    """
    ask = {"keepalive_time": 30, "keepalive_interval": 10, "keepalive_probes": 3}
    give_up = {
        "description": "TCP_USER_TIMEOUT",
        "level": _IPPROTO_TCP,
        "name": _TCP_USER_TIMEOUT,
        "int_value": 1000 * DEAD_SECONDS,
        "state": "STATE_PREBIND",
    }
    return {
        "upstream_connection_options": {"tcp_keepalive": ask},
        "upstream_bind_config": {"socket_options": [give_up]},
    }


_IPPROTO_TCP = 6
_TCP_USER_TIMEOUT = 18
"""Linux's numbers; Envoy passes them on."""


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


def assignment(
    name: str,
    chain: tuple[str, ...],
    endpoints: Endpoints,
    *,
    passing: Endpoint,
    holding: Endpoint,
) -> Config:
    """The pods of a chain, each revision's at a priority of its own.

    `passing` answers for a pod that is not there, so that each revision takes up as many tries; at `holding` requests wait.
    """
    passes = frozenset[str]() if is_each(name) else passed(chain, endpoints)
    return {
        "cluster_name": name,
        # By default a third of a revision's requests goes to its fallback as soon as half its pods fail.
        "policy": {"overprovisioning_factor": 1_000_000},
        "endpoints": [
            {
                "priority": priority,
                "lb_endpoints": [
                    *(
                        # What is answered there is no revision's answer.
                        _place(endpoint)
                        if endpoint == holding
                        else _pod(endpoint, revision_of(member))
                        for endpoint in pods_of(member, endpoints)
                    ),
                    *([_place(passing)] if member in passes else []),
                ],
            }
            for priority, member in enumerate(chain)
        ],
    }


def _pod(endpoint: Endpoint, revision: str) -> Config:
    metadata = {"filter_metadata": {METADATA: {"revision": revision}}}
    return {**_place(endpoint), "metadata": metadata}


def _place(endpoint: Endpoint) -> Config:
    return {"endpoint": {"address": address(endpoint.address, endpoint.port)}}
