"""How far an object's HTTPRoute is: what its Gateway's controller says of it, and what follows. Pure.

All that is acknowledged is this: the controller has seen the route as it stands (observedGeneration) and
accepted it. No more is to be had from Gateway API.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from deepseek_operator.access import Access
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import http_route
from deepseek_operator.diagnosis import MESSAGE_LIMIT, Finding
from deepseek_operator.observed import Manifest, Observed, by_name

INSTALL = (
    "kubectl apply --server-side -f https://github.com/kubernetes-sigs/gateway-api/releases/"
    "latest/download/standard-install.yaml"
)

REST_SECONDS = 30.0
"""How soon a pass looks at a route again: it is not watched, as its kind may come and go."""
UNSETTLED_SECONDS = 5.0
"""While its controller has not answered."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one controller says of the route at its Gateway."""

    controller: str
    conditions: Mapping[str, Manifest]

    def has_seen(self, route: Manifest) -> bool:
        """Whether all of it is of the route as it stands."""
        generation = int(route["metadata"].get("generation", 0))
        return "Accepted" in self.conditions and all(
            int(one.get("observedGeneration", 0)) >= generation for one in self.conditions.values()
        )

    @property
    def refusal(self) -> str | None:
        """The controller's own words for what keeps requests from going by the route."""
        for kind in ("Accepted", "ResolvedRefs"):
            one = self.conditions.get(kind)
            if one is not None and one.get("status") != "True":
                return f"{kind} is {one.get('status')} ({one.get('reason')}): {one.get('message')}"
        return None if "Accepted" in self.conditions else "it has not said Accepted"


def missing(deployment: DeepSeekDeployment, observed: Observed) -> Finding | None:
    """The cluster has no HTTPRoutes: a person has to install them."""
    if not http_route.is_wanted(deployment) or observed.knows_routes:
        return None
    return Finding(
        Reason.GATEWAY_API_MISSING,
        "gateway.provider: the cluster has no HTTPRoute of gateway.networking.k8s.io/v1; install Gateway "
        f"API ({INSTALL}) and a controller for it, or set provider to Embedded",
    )


def access(
    deployment: DeepSeekDeployment, observed: Observed, weights: Mapping[str, int]
) -> Access:
    """How far the route is, as status and conditions have it."""
    finding = missing(deployment, observed) or _finding(deployment, observed)
    is_taken = is_taken_up(deployment, observed, weights)
    if finding is None and not is_taken:
        said = f"{_gateway(deployment)}: its controller has not taken up the route as it is now"
        waiting: Finding | None = Finding(Reason.ROUTE_PENDING, said)
    else:
        waiting = finding
    answers = _answers(deployment, observed)
    return Access(
        wanted=1,
        ready=int(finding is None),
        version="",
        leads=True,
        finding=waiting,
        is_settled=is_taken,
        url=_url(deployment, observed),
        route={
            "name": deployment.metadata.name,
            "gateway": _gateway(deployment).removeprefix("Gateway "),
            "accepted": finding is None,
            "controller": answers[0].controller if answers else "",
        },
    )


def is_taken_up(
    deployment: DeepSeekDeployment, observed: Observed, weights: Mapping[str, int]
) -> bool:
    """Whether the route stands there with these weights, and every controller of it has accepted that."""
    present = by_name(observed.routes, deployment.metadata.name)
    if present is None:
        return False
    if http_route.backends(present) != http_route.wanted_backends(deployment, weights):
        return False
    answers = _answers(deployment, observed)
    return bool(answers) and all(one.has_seen(present) and one.refusal is None for one in answers)


def look_seconds(
    deployment: DeepSeekDeployment, observed: Observed, weights: Mapping[str, int]
) -> float | None:
    """How soon a pass has to look again, as nothing tells of a change."""
    if not http_route.is_wanted(deployment):
        return UNSETTLED_SECONDS if observed.routes else None
    is_settled = is_taken_up(deployment, observed, weights)
    return REST_SECONDS if is_settled else UNSETTLED_SECONDS


def _finding(deployment: DeepSeekDeployment, observed: Observed) -> Finding | None:
    """Why no request goes by the route."""
    answers = _answers(deployment, observed)
    if not answers:
        said = (
            f"{_gateway(deployment)}: no controller has answered for HTTPRoute "
            f"{deployment.metadata.name}; is there such a Gateway, of a class with a controller?"
        )
        return Finding(Reason.ROUTE_PENDING, said)
    for answer in answers:
        if answer.refusal is not None:
            said = f"{_gateway(deployment)}: {answer.controller} says of HTTPRoute "
            said += f"{deployment.metadata.name}: {answer.refusal}"
            return Finding(Reason.ROUTE_NOT_ACCEPTED, said[:MESSAGE_LIMIT])
    return None


def _answers(deployment: DeepSeekDeployment, observed: Observed) -> list[_Answer]:
    """Of the controllers of our Gateway; a route's status may tell of others that it had before."""
    present = by_name(observed.routes, deployment.metadata.name) or {}
    wanted = http_route.parent_ref(deployment)
    return [
        _Answer(
            str(entry.get("controllerName", "")),
            {str(one.get("type")): one for one in entry.get("conditions") or []},
        )
        for entry in present.get("status", {}).get("parents") or []
        if _is_ours(entry.get("parentRef") or {}, wanted, deployment.metadata.namespace)
    ]


def _is_ours(given: Manifest, wanted: Manifest, namespace: str) -> bool:
    """Controllers may leave out what is the default."""
    return (
        given.get("name") == wanted["name"]
        and given.get("namespace", namespace) == wanted.get("namespace", namespace)
        and given.get("sectionName") == wanted.get("sectionName")
    )


def _gateway(deployment: DeepSeekDeployment) -> str:
    parent = http_route.parent_ref(deployment)
    return f"Gateway {parent.get('namespace', deployment.metadata.namespace)}/{parent['name']}"


def _url(deployment: DeepSeekDeployment, observed: Observed) -> str:
    """Where clients find the route: a host name, else the Gateway's first address; empty while none is known."""
    parent, given = observed.parent or {}, deployment.spec.gateway
    listener = _listener(parent, http_route.parent_ref(deployment).get("sectionName"))
    addresses = parent.get("status", {}).get("addresses") or []
    candidates = [*given.hostnames, listener.get("hostname", "")]
    named = [name for name in candidates if name and not name.startswith("*")]
    hosts = named or [str(one.get("value", "")) for one in addresses]
    if not hosts or not hosts[0]:
        return ""
    scheme = "https" if listener.get("protocol") == "HTTPS" else "http"
    port = int(listener.get("port", 443 if scheme == "https" else 80))
    host = f"[{hosts[0]}]" if ":" in hosts[0] else hosts[0]
    is_usual = port == (443 if scheme == "https" else 80)
    return f"{scheme}://{host}{'' if is_usual else f':{port}'}/v1"


def _listener(parent: Manifest, section: str | None) -> Manifest:
    """The named one; else one with TLS, else the first that speaks HTTP."""
    listeners = parent.get("spec", {}).get("listeners") or []
    for protocol in ("HTTPS", "HTTP"):
        for one in listeners:
            if one.get("protocol") == protocol and section in (None, one.get("name")):
                found: Manifest = one
                return found
    return {}
