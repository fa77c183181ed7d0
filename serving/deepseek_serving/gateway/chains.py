"""Who may answer a request, in order, and the pods of each. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deepseek_serving.gateway.document import Document, When
from deepseek_serving.gateway.endpoints import Endpoint, Endpoints
from deepseek_serving.gateway.mirrors import mirror_cluster

HOLD_HEADER = "x-dsd-hold"
"""On a request, for the place that it comes to if there is no pod: `wait:` or `pass:`, and the cluster that it is meant for."""
WAIT, PASS = "wait", "pass"
"""Whether it waits for a pod there, or is sent on to who stands in, as its route tries it."""

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
    long = {each_cluster(name): then for name, then in chains.items() if then}
    return {name: (revision_of(name), *then) for name, then in {**chains, **long}.items()}


@dataclass(frozen=True, slots=True)
class Tries:
    """How a chain is gone down, as its revisions have pods now, so that no pod is asked twice."""

    each: bool
    """One pod of each revision; else two of each, and of one with a single pod that and the place that passes on."""
    again: int
    """How often a request is tried after the first time."""


def tries(chain: Sequence[str], endpoints: Endpoints) -> Tries:
    """Envoy goes from one revision to the next after so many tries, the same number for all of a cluster's.

    A first revision with one pod would be asked twice by two tries, and what passes on cannot stand beside it: it would
    get users' first tries. Those who have no pod are not counted, as they are not asked.
    """
    pods = [len(pods_of(member, endpoints)) for member in chain]
    asked = [count for count in pods if count]
    if len(asked) > 1 and asked[0] == 1:
        return Tries(each=True, again=len(asked) - 1)
    if not asked:
        return Tries(each=False, again=0)
    return Tries(each=False, again=2 * (len(asked) - 1) + min(2, asked[-1]) - 1)


def passed(chain: Sequence[str], endpoints: Endpoints) -> frozenset[str]:
    """Of a chain that is asked two pods of each: the revisions whose second try passes on, for they have one pod.

    Not the first, which users' first tries are for, and not the last, after which there is nobody.
    """
    asked = [member for member in chain if pods_of(member, endpoints)]
    return frozenset(member for member in asked[1:-1] if len(pods_of(member, endpoints)) == 1)


def seen_by(
    chain: Sequence[str], document: Document, endpoints: Endpoints, place: Endpoint
) -> Endpoints:
    """The pods as a chain has them: whose turn it is and has none has the place where requests wait for one."""
    first = revision_of(chain[0])
    if document.hold is None or endpoints.get(first):
        return endpoints
    return {**endpoints, first: (place,)}


def passes_on(chain: Sequence[str], document: Document, endpoints: Endpoints) -> bool:
    """Whether others may answer in the place of a revision without pods, and have some."""
    may = When.UNAVAILABLE in document.fallback_on
    return may and any(pods_of(member, endpoints) for member in chain[1:])


def waiting(document: Document, chains: Chains, endpoints: Endpoints) -> frozenset[str]:
    """The clusters whose requests wait now: nobody has a pod for them that may be asked."""
    if document.hold is None:
        return frozenset()
    return frozenset(
        name
        for name, chain in chains.items()
        if not endpoints.get(revision_of(name)) and not passes_on(chain, document, endpoints)
    )


def each_cluster(name: str) -> str:
    """The cluster of a chain for the times when one pod of each revision is asked."""
    return f"{name}{_EACH}"


def is_each(cluster: str) -> bool:
    """Whether it is one of these."""
    return cluster.endswith(_EACH)


def counted_as(cluster: str) -> str:
    """The name that what goes through a cluster is counted under."""
    return cluster.removesuffix(_EACH)


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
    if When.UNAVAILABLE in document.fallback_on or document.hold is not None:
        # Who waits for a pod goes on to nobody else either.
        return endpoints
    empty = [
        one.revision for one in document.routes if one.then and not endpoints.get(one.revision)
    ]
    return {**endpoints, **dict.fromkeys(empty, (_NOBODY,))}


_NOBODY = Endpoint("127.0.0.1", 9)

_EACH = "/each"
