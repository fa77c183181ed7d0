"""From EndpointSlices to the pods of each revision that may be sent requests. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

REVISION_LABEL = "serving.deepseek.dev/revision"
"""On a revision's Service, and so on its EndpointSlices."""


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """One pod."""

    address: str
    port: int
    pod: str = ""


Endpoints = Mapping[str, tuple[Endpoint, ...]]
"""By revision; in a fixed order."""


def by_revision(slices: Iterable[Mapping[str, Any]]) -> Endpoints:
    """The ready pods of each revision; a pod on its way out gets no new requests.

    A pod may stand in two slices for a moment, while the controller moves it: it counts once.
    """
    found: dict[str, set[Endpoint]] = {}
    for item in slices:
        revision = (item["metadata"].get("labels") or {}).get(REVISION_LABEL)
        ports = [port["port"] for port in item.get("ports") or [] if port.get("port")]
        if revision is None:
            continue
        pods = found.setdefault(str(revision), set())
        for endpoint in item.get("endpoints") or []:
            if ports and _is_ready(endpoint.get("conditions") or {}):
                name = str((endpoint.get("targetRef") or {}).get("name", ""))
                pods.add(Endpoint(endpoint["addresses"][0], int(ports[0]), name))
    return {revision: tuple(sorted(pods)) for revision, pods in sorted(found.items())}


def _is_ready(conditions: Mapping[str, Any]) -> bool:
    """A condition that is not there is true for `ready` (discovery.k8s.io/v1)."""
    return conditions.get("ready") is not False and conditions.get("terminating") is not True
