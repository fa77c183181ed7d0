"""Which provider of a gateway can do what, as data; and the CEL rules that refuse what one cannot.

A field that a provider cannot follow is refused, never ignored (docs/gateway.md has the table).
"""

from collections.abc import Mapping

from pydantic import JsonValue

from deepseek_operator.api import long_requests

GATEWAY_ONLY = (
    "replicas",
    "stickyHeader",
    "pinning",
    "maxRequestsPerReplica",
    "longRequests",
    "maxRequestBytes",
    "timeouts",
    "apiKeys",
    "tls",
    "accessLog",
    "tracing",
    "drainTimeout",
    "resources",
)
"""Fields that provider None has nothing for."""

ROUTE_ONLY = ("parentRef", "hostnames")
"""Fields that only provider GatewayAPI has."""

_NOT_OURS = "the Gateway is not this object's"

NOT_BY_ROUTE: Mapping[str, str] = {
    "replicas": _NOT_OURS,
    "stickyHeader": "session persistence is not in the standard channel of Gateway API",
    "pinning": "requests of a test would be counted as users'",
    "maxRequestBytes": "an HTTPRoute has no limit of a body",
    "timeouts": "those of an HTTPRoute are of whole answers and would cut streams",
    "apiKeys": "an HTTPRoute knows no keys",
    "tls": "TLS ends at the Gateway's listener",
    "accessLog": "the log is the Gateway's",
    "tracing": "spans are the Gateway's",
    "drainTimeout": _NOT_OURS,
    "resources": _NOT_OURS,
}
"""Fields that provider GatewayAPI cannot follow, and why."""

_PROVIDER = "(has({0}.provider) ? {0}.provider : 'Embedded')"
_OWN = _PROVIDER.format("self")

_NEEDS_GATEWAY: list[JsonValue] = [
    {
        "rule": f"{_OWN} != 'None' || !has(self.{field})",
        "message": f"gateway.{field}: provider None has no gateway that could do it; remove the "
        "field, or use provider Embedded",
    }
    for field in GATEWAY_ONLY
]

_NEEDS_OURS: list[JsonValue] = [
    {
        "rule": f"{_OWN} != 'GatewayAPI' || !has(self.{field})",
        "message": f"gateway.{field}: provider GatewayAPI cannot do it ({why}); remove the field, or "
        "use provider Embedded",
    }
    for field, why in NOT_BY_ROUTE.items()
]

_NEEDS_ROUTE: list[JsonValue] = [
    {
        "rule": f"{_OWN} == 'GatewayAPI' || !has(self.{field})",
        "message": f"gateway.{field}: only provider GatewayAPI has it; remove the field, or set "
        "provider to GatewayAPI",
    }
    for field in ROUTE_ONLY
]

GATEWAY: list[JsonValue] = [
    *_NEEDS_GATEWAY,
    *_NEEDS_OURS,
    *_NEEDS_ROUTE,
    {
        "rule": f"{_OWN} != 'GatewayAPI' || has(self.parentRef)",
        "message": "gateway.parentRef: provider GatewayAPI needs the name of a Gateway; set "
        "parentRef.name",
    },
    {
        "rule": "!has(self.resources) || !has(self.resources.limits) || !('memory' in self.resources.limits) || "
        "!quantity('256Mi').isGreaterThan(quantity(string(self.resources.limits['memory'])))",
        "message": "gateway.resources: a limit of at least 256Mi of memory; with less Envoy has none for users",
    },
    *long_requests.GATEWAY,
]

PROVIDED = f"(has(self.gateway) ? {_PROVIDER.format('self.gateway')} : 'Embedded')"
"""Of an expression about the whole spec: who stands between clients and engines."""

_NO_CHAIN: list[JsonValue] = [
    {
        "rule": f"!has(self.fallback) || size(self.fallback) == 0 || {PROVIDED} != '{provider}'",
        "message": f"fallback: provider {provider} has no gateway that could send requests on; "
        "remove the entries, or set gateway.provider to Embedded",
    }
    for provider in ("None", "GatewayAPI")
]

SPEC: list[JsonValue] = [
    *_NO_CHAIN,
    {
        "rule": "!(has(self.rollout) && has(self.rollout.strategy) && "
        f"self.rollout.strategy == 'Canary') || {PROVIDED} != 'None'",
        "message": "rollout.strategy: Canary needs a gateway to split the traffic; set "
        "gateway.provider to Embedded or GatewayAPI, or strategy to BlueGreen",
    },
    {
        "rule": "!(has(self.rollout) && has(self.rollout.strategy) && "
        f"self.rollout.strategy == 'Replace') || {PROVIDED} != 'GatewayAPI'",
        "message": "rollout.strategy: Replace has to know when running answers have ended, and provider "
        "GatewayAPI does not tell; set gateway.provider to Embedded or None, or another strategy",
    },
    {
        "rule": "!(has(self.rollout) && has(self.rollout.strategy) && "
        f"self.rollout.strategy == 'Auto') || {PROVIDED} == 'Embedded'",
        "message": "rollout.strategy: Auto chooses between Canary and Replace, which only provider "
        "Embedded has both of; set gateway.provider to Embedded, or another strategy",
    },
    {
        "rule": f"!(has(self.rollout) && has(self.rollout.mirror)) || {PROVIDED} != 'GatewayAPI'",
        "message": "rollout.mirror: provider GatewayAPI makes no copies that are bounded; remove it, or "
        "set gateway.provider to Embedded",
    },
]
"""Of the whole spec."""
