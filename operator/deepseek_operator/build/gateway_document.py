"""What a gateway is told: the document that its agents follow."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deepseek_operator import rest
from deepseek_operator.api import long_requests, names
from deepseek_operator.api.durations import seconds_of
from deepseek_operator.api.traffic import Gateway, GatewayTimeouts
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.api.workload import Workload
from deepseek_operator.build.metadata import Manifest
from deepseek_operator.engines.contract import Tracing
from deepseek_operator.observed import Observed
from deepseek_operator.rollout.copies import Mirrored

DOCUMENT_KEY = "gateway.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Shut:
    """That nobody is sent to the revision which is to serve, and what clients are told."""

    revision: str
    reason: str


def document(
    deployment: DeepSeekDeployment,
    *,
    weights: Mapping[str, int],
    pods: Mapping[str, int],
    then: Mapping[str, Sequence[str]] | None = None,
    when: Sequence[str] = (),
    shut: Shut | None = None,
    mirror: Mirrored | None = None,
    tracing: Tracing | None = None,
) -> Manifest:
    """What the gateway is to do: `weights` in percent by revision, `pods` there are to be of each.

    `then` has, by revision, who answers in its place, and `when` why; empty for whatever reason. With `shut`
    the weights are of who stands in, if anybody does. Who is named in `mirror` gets copies. `tracing` says where traces
    go, unless the object wants none.

    Its version is a digest of the rest: what says the same is the same.
    """
    gateway = deployment.spec.gateway
    told: Manifest = {
        "format": FORMAT,
        "servedName": deployment.served_name,
        "routes": [
            _route(key, weight, (then or {}).get(key, ())) for key, weight in weights.items()
        ],
        "replicas": dict(sorted(pods.items())),
        "limits": _limits(gateway),
    }
    if shut is not None:
        told["shut"] = {"revision": shut.revision, "reason": shut.reason}
    if gateway.pinning:
        told["pins"] = True
    if when:
        told["fallbackOn"] = list(when)
    long = long_requests_of(deployment)
    if long is not None:
        told["longRequests"] = long
    if mirror is not None:
        told["mirror"] = {
            "revision": mirror.revision,
            "percent": mirror.percent,
            "most": mirror.most,
        }
    told |= {**_hold(deployment), **_traced(deployment, tracing)}
    limits = _client_limits(gateway)
    if limits:
        told["clients"] = limits
    if gateway.access_log not in (None, "All"):
        told["accessLog"] = gateway.access_log
    if gateway.sticky_header:
        told["stickyHeader"] = gateway.sticky_header
    return {**told, "version": names.digest(json.dumps(told, sort_keys=True))}


def _hold(deployment: DeepSeekDeployment) -> Manifest:
    if not rest.may_sleep(deployment):
        return {}
    hold = rest.hold_of(deployment)
    return {"hold": {"requests": hold.requests, "seconds": seconds_of(hold.timeout)}}


def _traced(deployment: DeepSeekDeployment, tracing: Tracing | None) -> Manifest:
    if tracing is None or deployment.spec.gateway.tracing == "Disabled":
        return {}
    return {"tracing": _tracing(deployment, tracing)}


def routed_revision(deployment: DeepSeekDeployment, observed: Observed) -> str | None:
    """The revision that gateways are told to send users to, as the document says that stands there.

    Of two the stable one: it is named after the candidate. None where nothing can be read.
    """
    name = names.gateway_child(deployment.metadata.name)
    texts = [
        item.get("data", {}).get(DOCUMENT_KEY, "")
        for item in observed.config_maps
        if item["metadata"]["name"] == name
    ]
    try:
        told = json.loads(texts[0])
        # Of a revision that is shut its routes do not speak.
        found = (told.get("shut") or told["routes"][-1])["revision"]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None
    return str(found)


def _route(key: str, weight: int, then: Sequence[str]) -> Manifest:
    return {"revision": key, "weight": weight, **({"then": list(then)} if then else {})}


def _tracing(deployment: DeepSeekDeployment, tracing: Tracing) -> Manifest:
    """The gateway's name is the service's: of two objects with one name the namespace on each span tells."""
    return {
        "host": tracing.host,
        "port": tracing.port,
        "percent": tracing.percent,
        "service": names.gateway_child(deployment.metadata.name),
        "namespace": deployment.metadata.namespace,
    }


def _limits(gateway: Gateway) -> dict[str, Any]:
    timeouts = gateway.timeouts or GatewayTimeouts()
    given = {
        "bodyBytes": gateway.max_request_bytes,
        "requestsPerPod": gateway.max_requests_per_replica,
    }
    return {
        **{name: limit for name, limit in given.items() if limit is not None},
        "firstTokenSeconds": seconds_of(timeouts.first_token),
        "responseSeconds": seconds_of(timeouts.response),
        "betweenTokensSeconds": seconds_of(timeouts.between_tokens),
    }


def long_requests_of(deployment: DeepSeekDeployment) -> dict[str, int] | None:
    """From how many bytes on a request is long, and how many there may be where that is set; None: all are alike.

    By what users are expected to send, whichever revision answers.
    """
    spec = deployment.spec
    given = spec.gateway.long_requests
    if given is None:
        return None
    workload = spec.workload or Workload()
    derived = long_requests.from_bytes(workload.input_tokens, spec.gateway.max_request_bytes)
    most = given.max_requests_per_replica
    return {
        "fromBytes": given.from_bytes or derived,
        **({} if most is None else {"most": most}),
    }


def _client_limits(gateway: Gateway) -> dict[str, Any]:
    if gateway.api_keys is None:
        return {}
    each, of = gateway.api_keys.requests_per_minute, gateway.api_keys.limits
    own = {one.client: one.requests_per_minute for one in of}
    return {
        **({} if each is None else {"requestsPerMinute": each}),
        **({"of": own} if own else {}),
    }
