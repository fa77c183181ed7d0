"""Builder of the HTTPRoute: an object's paths on a Gateway that somebody else runs, split by weight."""

from collections.abc import Mapping

from deepseek_operator.api import names
from deepseek_operator.api.long_requests import DEFAULT_MOST_REQUESTS
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import gateway_document
from deepseek_operator.build.metadata import Manifest, child_metadata
from deepseek_operator.engines.contract import PORT
from deepseek_operator.observed import Observed, by_name

API_VERSION = "gateway.networking.k8s.io/v1"

POSTED = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/tokenize", "/detokenize")
"""Paths of the API that questions are posted to; an engine has others that are nobody's business."""
_READ = ({"type": "Exact", "value": "/v1/models"}, {"type": "PathPrefix", "value": "/v1/models/"})

_LONG_BYTES, _MOST_LONG = "x-dsd-long-bytes", "x-dsd-most-long-requests"

_REMOVED = (
    "x-dsd-first-token-seconds",
    "x-dsd-between-tokens-seconds",
    "x-dsd-client",
    "x-data-parallel-rank",
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-prefix",
    "x-original-url",
    "x-rewrite-url",
)
"""Headers of clients that engines would follow or believe."""


def is_wanted(deployment: DeepSeekDeployment) -> bool:
    """Whether the object's requests come by an HTTPRoute."""
    return deployment.spec.gateway.provider == "GatewayAPI"


def build_http_route(deployment: DeepSeekDeployment, weights: Mapping[str, int]) -> Manifest:
    """The route, complete with what the server would default: `weights` in percent by revision."""
    gateway = deployment.spec.gateway
    return {
        "apiVersion": API_VERSION,
        "kind": "HTTPRoute",
        "metadata": child_metadata(deployment, name=deployment.metadata.name),
        "spec": {
            "parentRefs": [parent_ref(deployment)],
            # An empty list, too, is ours: a name that somebody adds would keep requests away.
            "hostnames": list(gateway.hostnames),
            "rules": [
                {
                    "matches": _matches(),
                    "filters": [_headers(deployment)],
                    "backendRefs": [
                        _backend(deployment, key, weight) for key, weight in weights.items()
                    ],
                    # Without it many a Gateway ends an answer after 15 seconds, a stream in the midst of it.
                    "timeouts": {"request": "0s"},
                }
            ],
        },
    }


def parent_ref(deployment: DeepSeekDeployment) -> Manifest:
    """The Gateway, as the route names it."""
    given = deployment.spec.gateway.parent_ref
    if given is None:
        raise ValueError("provider GatewayAPI without parentRef: the CRD refuses it")
    found = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": given.name}
    optional = {"namespace": given.namespace, "sectionName": given.section_name}
    return {**found, **{key: value for key, value in optional.items() if value is not None}}


def backends(route: Manifest) -> dict[str, int]:
    """Weights by Service, as a route says that stands there; empty where it says none that can be read."""
    try:
        [rule] = route["spec"]["rules"]
        return {str(one["name"]): int(one.get("weight", 1)) for one in rule["backendRefs"]}
    except (KeyError, TypeError, ValueError):
        return {}


def wanted_backends(deployment: DeepSeekDeployment, weights: Mapping[str, int]) -> dict[str, int]:
    """The same, as it is to be."""
    return {
        names.revision_child(deployment.metadata.name, key): weight
        for key, weight in weights.items()
    }


def routed_revision(deployment: DeepSeekDeployment, observed: Observed) -> str | None:
    """The revision that the route sends users to; of two the stable one, which is named last."""
    present = by_name(observed.routes, deployment.metadata.name)
    services = list(backends(present)) if present is not None else []
    if not services:
        return None
    key = services[-1].rpartition("-")[2]
    return key if names.revision_child(deployment.metadata.name, key) == services[-1] else None


def _backend(deployment: DeepSeekDeployment, key: str, weight: int) -> Manifest:
    """The revision's headless Service: Gateways send to its endpoints themselves."""
    return {
        "group": "",
        "kind": "Service",
        "name": names.revision_child(deployment.metadata.name, key),
        "port": PORT,
        "weight": weight,
    }


def _matches() -> list[Manifest]:
    posted = [{"path": {"type": "Exact", "value": path}, "method": "POST"} for path in POSTED]
    return [*posted, *({"path": dict(path), "method": "GET"} for path in _READ)]


def _headers(deployment: DeepSeekDeployment) -> Manifest:
    """The bounds of an engine's queue, which it keeps by these headers; none that clients send is passed on."""
    most = deployment.spec.gateway.max_requests_per_replica or DEFAULT_MOST_REQUESTS
    long = gateway_document.long_requests_of(deployment) or {}
    told = {
        "x-dsd-most-requests": most,
        _LONG_BYTES: long.get("fromBytes"),
        _MOST_LONG: long.get("most"),
    }
    return {
        "type": "RequestHeaderModifier",
        "requestHeaderModifier": {
            "set": [
                {"name": name, "value": str(value)}
                for name, value in told.items()
                if value is not None
            ],
            "remove": [*_REMOVED, *(name for name, value in told.items() if value is None)],
        },
    }
