"""Pieces of Envoy's configuration that stand in more than one place of it. Pure."""

from typing import Any

Config = dict[str, Any]

TYPE = "type.googleapis.com/envoy"
MANAGER = f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

METADATA = "dsd"
"""Namespace of what Envoy knows of a pod."""
ROUTES = "clients"
"""Name of the one route configuration."""

ROUTER: Config = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": f"{TYPE}.extensions.filters.http.router.v3.Router"},
}
"""The last filter of every chain."""


def duration(seconds: float) -> str:
    """As Envoy reads it: with no exponent, however long it is."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"


def address(host: str, port: int) -> Config:
    """Where something listens."""
    return {"socket_address": {"address": host, "port_value": port}}


def from_agent() -> Config:
    """Where a part of the configuration comes from: the stream that all comes over."""
    return {"ads": {}, "resource_api_version": "V3"}


def set_header(name: str, value: str) -> Config:
    """Whatever else was there."""
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def without_header(name: str) -> Config:
    """Of a manager: what is taken off a request before anything reads it."""
    mutation = "extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {"@type": f"{TYPE}.{mutation}", "mutations": [{"remove": name}]},
    }


def http_chain(manager: Config) -> list[Config]:
    """The one filter chain of a listener that speaks HTTP."""
    name = "envoy.filters.network.http_connection_manager"
    filters = [{"name": name, "typed_config": {"@type": MANAGER, **manager}}]
    return [{"filters": filters}]


def typed_struct(name: str, type_url: str, value: Config) -> Config:
    """For what the Python package of Envoy's types is too old to know."""
    return {
        "name": name,
        "typed_config": {
            "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
            "type_url": type_url,
            "value": value,
        },
    }
