"""Which revision serves, and when the next one takes over.

The revision that the spec asks for is the *target*. While it is not yet at full strength beside the
serving one, the serving one keeps its pods and all the traffic; then the roles swap.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deepseek_operator.observed import Observed, is_at_strength, ready_replicas


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
    cut_off: frozenset[str] = frozenset()
    """Revisions whose addresses are withdrawn, so that nobody can send them a request."""

    @property
    def kept(self) -> tuple[str, ...]:
        """Revision keys with pods, the serving one first: what serves is repaired first."""
        return tuple(self.replicas)

    @property
    def routed(self) -> str:
        """The revision that the clients' Service selects."""
        return self.serving or self.target


def decide_roles(
    *,
    target: str,
    target_replicas: int,
    target_can_start: bool,
    stored_serving: str | None,
    stored_replicas: int,
    observed: Observed,
    service_name: str,
) -> Roles:
    """Who serves and who is kept, from what status recorded and what the cluster holds.

    Status lost (a restore from a backup): the clients' Service still tells who served.
    `target_can_start` is false for a spec that cannot be served: nothing of it is made.
    """
    serving = stored_serving or _serving_by_service(observed, service_name)
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
        and _takes_over(observed, serving=serving, target=target, replicas=target_replicas),
    )


def _takes_over(observed: Observed, *, serving: str | None, target: str, replicas: int) -> bool:
    """The first revision serves from its first ready pod; a later one when all of its are ready."""
    if serving == target:
        return False
    needed = min(1, replicas) if serving is None else replicas
    return is_at_strength(observed.deployment(target), needed)


def _serving_by_service(observed: Observed, service_name: str) -> str | None:
    key = observed.client_service_revision(service_name)
    if key is None or ready_replicas(observed.deployment(key)) == 0:
        return None
    return key


def _replicas_now(observed: Observed, key: str) -> int:
    deployment = observed.deployment(key) or {}
    return int(deployment.get("spec", {}).get("replicas", 1))
