"""Who may answer a request, in order, and the pods of each. Pure."""

from collections.abc import Mapping

from deepseek_serving.gateway.document import Document, When
from deepseek_serving.gateway.endpoints import Endpoint, Endpoints
from deepseek_serving.gateway.mirrors import mirror_cluster

Chains = Mapping[str, tuple[str, ...]]
"""By cluster: its own revision, then those that answer in its place."""


def chains_of(document: Document) -> Chains:
    """The revisions that requests may be meant for, and who answers in their place.

    One that gets no new requests keeps its cluster: what runs there is still counted. Until Envoy has the
    new routes too, the old ones may still lead there, so the others stand in for it.
    """
    chains: dict[str, tuple[str, ...]] = {route.revision: route.then for route in document.routes}
    routed = tuple(chains)
    for revision in sorted(document.replicas):
        chains.setdefault(revision, routed)
        if document.pins:
            # Who asks for a revision by name wants its answer or none.
            chains[pinned_cluster(revision)] = ()
    if document.mirror is not None:
        chains[mirror_cluster(document.mirror.revision)] = ()
    return {revision: (revision, *then) for revision, then in chains.items()}


def pinned_cluster(revision: str) -> str:
    """The cluster of those who ask for this very revision."""
    return f"{revision}/pinned"


def revision_of(member: str) -> str:
    """Whose pods a member of a chain has."""
    return member.partition("/")[0]


def pods_of(member: str, endpoints: Endpoints) -> tuple[Endpoint, ...]:
    """Those that are ready."""
    return endpoints.get(revision_of(member), ())


def held(document: Document, endpoints: Endpoints) -> Endpoints:
    """The pods, with a place that nobody listens at for who may not be stood in for without any.

    Without it requests would go on to the next revision by themselves.
    """
    if When.UNAVAILABLE in document.fallback_on:
        return endpoints
    empty = [
        one.revision for one in document.routes if one.then and not endpoints.get(one.revision)
    ]
    return {**endpoints, **dict.fromkeys(empty, (_NOBODY,))}


_NOBODY = Endpoint("127.0.0.1", 9)
