"""Pieces of Envoy's configuration that stand in more than one place of it. Pure."""

from typing import Any

Config = dict[str, Any]

TYPE = "type.googleapis.com/envoy"
MANAGER = f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

ROUTER: Config = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": f"{TYPE}.extensions.filters.http.router.v3.Router"},
}
"""The last filter of every chain."""


def address(host: str, port: int) -> Config:
    """Where something listens."""
    return {"socket_address": {"address": host, "port_value": port}}


def set_header(name: str, value: str) -> Config:
    """Whatever else was there."""
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def http_chain(manager: Config) -> list[Config]:
    """The one filter chain of a listener that speaks HTTP."""
    name = "envoy.filters.network.http_connection_manager"
    filters = [{"name": name, "typed_config": {"@type": MANAGER, **manager}}]
    return [{"filters": filters}]
