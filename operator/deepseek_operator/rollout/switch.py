"""Which revision serves, and when the next one takes over.

The revision that the spec asks for is the *target*. While it is not yet at full strength beside the
serving one, the serving one keeps its pods and all the traffic; then the roles swap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deepseek_operator.observed import (
    Observed,
    has_served,
    is_at_strength,
    ready_replicas,
    replicas_of,
    revision_of,
)
from deepseek_operator.rollout.copies import Mirrored


@dataclass(frozen=True, slots=True)
class First:
    """The revision that the first rollout begins with, where it is not the target itself; and its pods."""

    key: str
    replicas: int


@dataclass(frozen=True, slots=True)
class Roles:
    """The revisions that have pods and how many, and the one that users reach."""

    target: str
    serving: str | None
    replicas: Mapping[str, int]
    takes_over: bool
    weights: Mapping[str, int] = field(default_factory=dict)
    """Percent of the requests by revision, the candidate first; empty: all to the one that is routed to."""
    then: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By revision, who answers in its place."""
    when: tuple[str, ...] = ()
    """Why they are asked; empty: whatever the reason."""
    first: str | None = None
    """Who comes to serve before the target does; None once somebody serves."""
    candidate: str | None = None
    """Of a run that has not ended; None while there is none."""
    mirror: Mirrored | None = None
    """To whom copies of the requests are sent; None: to nobody."""
    cut_off: frozenset[str] = frozenset()
    """Revisions whose addresses are withdrawn, so that nobody can send them a request."""
    shut: str = ""
    """Why nobody is sent to the revision that users are to reach, for clients; empty: they are sent there."""
    resting: Mapping[str, int] = field(default_factory=dict)
    """By revision that has given its pods up for a while, how many it comes back with."""

    @property
    def kept(self) -> tuple[str, ...]:
        """Revision keys with pods, the serving one first: what serves is repaired first."""
        return tuple(self.replicas)

    @property
    def routed(self) -> str:
        """The revision that the clients' Service selects."""
        return self.serving or self.first or self.target


def decide_roles(
    *,
    target: str,
    target_replicas: int,
    target_can_start: bool,
    stored_serving: str | None,
    stored_replicas: int,
    observed: Observed,
    service_name: str,
    routed: str | None = None,
    standing: frozenset[str] = frozenset(),
    first: First | None = None,
    by_evidence: bool = False,
) -> Roles:
    """Who serves and who is kept, from what status recorded and what the cluster holds.

    Status lost (a restore from a backup): what there is still tells who served. Gateways are told to
    send users to `routed`, and the revisions in `standing` stand in for others. `target_can_start` is
    false for a spec that cannot be served: nothing of it is made. With `by_evidence` no revision takes
    over here from one that serves.
    """
    told = (routed, observed.client_service_revision(service_name))
    serving = stored_serving or recovered(observed, told, target=target, standing=standing)
    if serving is None and first is not None:
        # Nothing of the target before that serves: with its first ready pod it is found to.
        kept = {first.key: first.replicas}
        return Roles(target, serving=None, replicas=kept, takes_over=False, first=first.key)
    replicas: dict[str, int] = {}
    if serving is not None and (serving != target or not target_can_start):
        replicas[serving] = stored_replicas or _replicas_now(observed, serving)
    if target_can_start:
        replicas[target] = target_replicas
    return Roles(
        target=target,
        serving=serving,
        replicas=replicas,
        takes_over=target_can_start
        and not (by_evidence and serving is not None)
        and _takes_over(observed, serving=serving, target=target, replicas=target_replicas),
    )


def _takes_over(observed: Observed, *, serving: str | None, target: str, replicas: int) -> bool:
    """The first revision serves from its first ready pod; a later one when all of its are ready."""
    if serving == target:
        return False
    needed = min(1, replicas) if serving is None else replicas
    return is_at_strength(observed.engine_set(target), needed)


def recovered(
    observed: Observed, told: Sequence[str | None], *, target: str, standing: frozenset[str]
) -> str | None:
    """Who serves, where status does not say; None where nobody did.

    First by where users are sent, as gateways and the clients' Service are `told`: also one that has no
    ready pod just now, if it had. Then by ready pods: of several revisions the newest, but not the target,
    which has to show first what it is worth, and none that stands in for others.
    """
    for key in told:
        if key is not None and has_served(observed.engine_set(key)):
            return key
    others = [
        item
        for item in observed.engines
        if revision_of(item) not in {target, *standing} and ready_replicas(item)
    ]
    newest = max(others, key=lambda item: _number(observed, revision_of(item)), default=None)
    return None if newest is None else revision_of(newest)


def _number(observed: Observed, key: str | None) -> int:
    """In which order revisions were made."""
    return int((observed.revision(str(key)) or {}).get("revision", 0))


def _replicas_now(observed: Observed, key: str) -> int:
    deployment = observed.engine_set(key)
    return 1 if deployment is None else replicas_of(deployment)
