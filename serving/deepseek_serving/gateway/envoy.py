"""From what the operator tells and the pods that are ready to Envoy's resources, as plain dictionaries. Pure."""

from dataclasses import dataclass, replace

from deepseek_serving.gateway import tracing
from deepseek_serving.gateway.chains import chains_of, held, seen_by, waiting
from deepseek_serving.gateway.clusters import assignment, cluster
from deepseek_serving.gateway.document import Document
from deepseek_serving.gateway.endpoints import Endpoint, Endpoints, together
from deepseek_serving.gateway.listener import CLIENT_PORT, Access, listeners
from deepseek_serving.gateway.mirrors import is_mirror
from deepseek_serving.gateway.parts import Config
from deepseek_serving.gateway.routes import route_configuration

OPEN = Access(CLIENT_PORT)


@dataclass(frozen=True, slots=True)
class Resources:
    """One configuration of an Envoy, by kind; names are unique in each."""

    clusters: tuple[Config, ...] = ()
    endpoints: tuple[Config, ...] = ()
    listeners: tuple[Config, ...] = ()
    routes: tuple[Config, ...] = ()

    def with_clusters_of(self, other: "Resources") -> "Resources":
        """With the other's clusters and pods too, where it has none of that name.

        What is still routed to must not be taken away before the new routes are there.
        """
        names = {cluster["name"] for cluster in self.clusters}
        kept = tuple(item for item in other.clusters if item["name"] not in names)
        pods = tuple(item for item in other.endpoints if item["cluster_name"] not in names)
        return replace(self, clusters=(*self.clusters, *kept), endpoints=(*self.endpoints, *pods))


def build(
    document: Document,
    endpoints: Endpoints,
    *,
    access: Access = OPEN,
    lately: Endpoints | None = None,
) -> Resources:
    """Everything that Envoy is to hold, but for what is secret; `lately` are the pods that it may send requests to still."""
    chains = chains_of(document)
    waits = waiting(document, chains, endpoints)
    endpoints = held(document, endpoints)
    place = Endpoint("127.0.0.1", access.hold_port)
    seen = {
        name: endpoints if is_mirror(name) else seen_by(chain, document, endpoints, place)
        for name, chain in chains.items()
    }
    routed = {name: together(pods, lately or {}) for name, pods in seen.items()}
    return Resources(
        clusters=(
            *(cluster(name, chain, document) for name, chain in chains.items()),
            *tracing.clusters(document),
        ),
        endpoints=tuple(
            assignment(
                name,
                chain,
                seen[name],
                holding=place,
                passing=Endpoint("127.0.0.1", access.probe_port),
            )
            for name, chain in chains.items()
        ),
        listeners=listeners(document, access),
        routes=(route_configuration(document, chains, routed, waiting=waits),),
    )
