"""From EndpointSlices to the pods of each revision that may be sent requests. Pure."""

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

REVISION_LABEL = "serving.deepseek.dev/revision"
"""On a revision's Service, and so on its EndpointSlices."""
_SHOWN = 3
"""Of what is passed over, so many are named."""


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """One pod."""

    address: str
    port: int
    pod: str = ""


Endpoints = Mapping[str, tuple[Endpoint, ...]]
"""By revision; in a fixed order."""


@dataclass(frozen=True, slots=True)
class Found:
    """What EndpointSlices say."""

    pods: Endpoints
    """Those that are ready, by revision; a pod on its way out gets no new requests."""
    trouble: str | None = None
    """What of them cannot be followed, in words."""


def together(*many: Endpoints) -> Endpoints:
    """All pods of all of them, each once."""
    found: dict[str, dict[Endpoint, None]] = {}
    for one in many:
        for revision, pods in one.items():
            found.setdefault(revision, {}).update(dict.fromkeys(pods))
    return {revision: tuple(pods) for revision, pods in found.items()}


def read(slices: Iterable[Mapping[str, Any]], *, doubted: Endpoints | None = None) -> Found:
    """The pods of each revision; what Envoy could not send a request to is passed over, and named.

    `doubted` are pods that were ready and may be called unready for no fault of theirs: they stay while they are
    listed and not on their way out. A pod may stand in two slices: for a moment, while the controller moves it, or with an address of each kind
    of IP. It counts once.
    """
    found: dict[str, dict[str, Endpoint]] = {}
    strange: list[str] = []
    for item in slices:
        metadata = item.get("metadata") or {}
        revision = (metadata.get("labels") or {}).get(REVISION_LABEL)
        if revision is None:
            continue
        pods = found.setdefault(str(revision), {})
        names = {endpoint.pod for endpoint in (doubted or {}).get(str(revision), ())} - {""}
        for endpoint in _ready(item, str(metadata.get("name", revision)), strange, names):
            key = endpoint.pod or f"{endpoint.address} {endpoint.port}"
            pods[key] = min(pods.get(key, endpoint), endpoint, key=_preferred)
    return Found(
        {revision: tuple(sorted(pods.values())) for revision, pods in sorted(found.items())},
        _said(strange),
    )


def _ready(
    item: Mapping[str, Any], name: str, strange: list[str], doubted: Collection[str]
) -> Iterator[Endpoint]:
    """Of one slice."""
    ready = [one for one in item.get("endpoints") or [] if _may_be_asked(one, doubted)]
    port = next((port["port"] for port in item.get("ports") or [] if port.get("port")), None)
    if port is None:
        if ready:
            strange.append(f"{name} has no port")
        return
    for one in ready:
        address = next(iter(one.get("addresses") or ()), None)
        if is_reachable(address, port):
            yield Endpoint(str(address), int(port), _pod(one))
        else:
            strange.append(f"{name} has {address!r} with port {port!r}")


def is_reachable(address: Any, port: Any) -> bool:
    """Whether these are an IP address and a port."""
    try:
        ipaddress.ip_address(address if isinstance(address, str) else "")
    except ValueError:
        return False
    return isinstance(port, int) and not isinstance(port, bool) and 0 < port < 65536


def _preferred(endpoint: Endpoint) -> tuple[bool, Endpoint]:
    return (":" in endpoint.address, endpoint)


def _said(strange: list[str]) -> str | None:
    if not strange:
        return None
    more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
    return f"EndpointSlices that are passed over: {', '.join(strange[:_SHOWN])}{more}"


def _pod(endpoint: Mapping[str, Any]) -> str:
    return str((endpoint.get("targetRef") or {}).get("name", ""))


def _may_be_asked(endpoint: Mapping[str, Any], doubted: Collection[str]) -> bool:
    """A condition that is not there is true for `ready` (discovery.k8s.io/v1)."""
    conditions = endpoint.get("conditions") or {}
    if conditions.get("terminating") is True:
        return False
    return conditions.get("ready") is not False or _pod(endpoint) in doubted
