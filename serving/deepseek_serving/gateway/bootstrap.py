"""What Envoy is started with; all else comes from the agent: `python -m deepseek_serving.gateway.bootstrap`."""

import json
import sys
from typing import Any

from deepseek_serving.gateway import overload, retries
from deepseek_serving.gateway.overload import Room
from deepseek_serving.gateway.parts import ROUTER, TYPE, address, http_chain

ADMIN_PORT = 9901
"""Of this pod only: whoever reaches it may stop Envoy."""
ADS_PORT = 9902
PROBE_PORT = 8082
"""Answers once Envoy has taken its first configuration, and until it ends."""
HOLD_PORT = 9903
"""Of the agent, and of this pod only: where requests wait that find no replica."""

_LOCAL = "127.0.0.1"
_ROOM = Room()


def bootstrap(
    *,
    admin_port: int = ADMIN_PORT,
    ads_port: int = ADS_PORT,
    probe_port: int = PROBE_PORT,
    room: Room = _ROOM,
) -> dict[str, Any]:
    """Envoy's bootstrap; its node's id is given by flag and tells one process from the next."""
    service = {"envoy_grpc": {"cluster_name": "agent"}}
    source = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
    return {
        "node": {"cluster": "deepseek-gateway"},
        "admin": {"address": address(_LOCAL, admin_port)},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "grpc_services": [service],
            },
            "cds_config": source,
            "lds_config": source,
        },
        "static_resources": {
            "clusters": [_agent_cluster(ads_port)],
            "listeners": [_probe_listener(probe_port)],
        },
        "overload_manager": overload.manager(room),
    }


def _agent_cluster(port: int) -> dict[str, Any]:
    return {
        "name": "agent",
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {
                    "http2_protocol_options": {
                        # An agent that is gone without a word is noticed.
                        "connection_keepalive": {"interval": "10s", "timeout": "5s"}
                    }
                },
            }
        },
        "load_assignment": {
            "cluster_name": "agent",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(_LOCAL, port)}}]}],
        },
    }


def _probe_listener(port: int) -> dict[str, Any]:
    manager = {
        "stat_prefix": "probe",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "probe",
                    "domains": ["*"],
                    "routes": [
                        {"match": {"path": "/ready"}, "direct_response": {"status": 200}},
                        # For a pod that is not there (chains.passed): the request is tried elsewhere.
                        {"match": {"prefix": "/"}, "direct_response": {"status": retries.PASSED}},
                    ],
                }
            ]
        },
        "http_filters": [ROUTER],
    }
    return {
        "name": "probe",
        "address": address("0.0.0.0", port),  # noqa: S104 - the kubelet asks from outside the pod
        # An Envoy that is full is alive: the kubelet is not to kill it, and its clients' requests with it.
        "ignore_global_conn_limit": True,
        "bypass_overload_manager": True,
        "filter_chains": http_chain(manager),
    }


if __name__ == "__main__":
    json.dump(bootstrap(), sys.stdout, indent=2)
