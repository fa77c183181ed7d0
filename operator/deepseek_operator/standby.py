"""Who stands in for the serving revision, as status and conditions have it."""

from collections.abc import Sequence
from dataclasses import dataclass

from deepseek_operator.api.conditions import Condition, ConditionType, Reason
from deepseek_operator.diagnosis import Finding

_NEEDS_A_PERSON = frozenset(
    {
        Reason.UNKNOWN_MODEL,
        Reason.INVALID_SPEC,
        Reason.CANNOT_RUN,
        Reason.LEADER_WORKER_SET_MISSING,
        Reason.UNREADABLE_REVISION,
    }
)


@dataclass(frozen=True, slots=True)
class Standby:
    """One entry of the fallback, or one that was replaced and still stands in."""

    key: str
    model: str
    source: str
    image: str
    replicas: int
    ready: int
    at_strength: bool
    is_replaced: bool
    finding: Finding | None
    """Why it does not stand in, or not in full."""
    nodes: int = 1
    """Of one replica."""

    @property
    def needs_a_person(self) -> bool:
        """Whether it does not come by itself."""
        return self.finding is not None and self.finding.reason in _NEEDS_A_PERSON

    @property
    def is_on_its_way(self) -> bool:
        """Whether it is not there yet and comes by itself."""
        waits = self.finding is None or self.finding.reason is not Reason.SAME_REVISION
        return self.missing is not None and waits and not self.needs_a_person

    def entry(self) -> dict[str, object]:
        """As status has it; sources and images only where they are known."""
        condition = self._condition()
        known = {"source": self.source, "image": self.image}
        return {
            "revision": self.key,
            "model": self.model,
            **{name: text for name, text in known.items() if text},
            **({"nodes": self.nodes} if self.nodes > 1 else {}),
            "replicas": self.replicas,
            "readyReplicas": self.ready,
            "reason": str(condition.reason),
            "message": condition.message[:1024],
        }

    def _condition(self) -> Finding:
        if self.is_replaced:
            return Finding(
                Reason.REPLACED, "its entry has changed: it goes once what replaces it is ready"
            )
        if self.finding is not None:
            return self.finding
        said = f"{self.ready} of {self.replicas} replicas are ready"
        return Finding(Reason.STANDING_BY if self.at_strength else Reason.FALLBACK_STARTING, said)

    @property
    def missing(self) -> Finding | None:
        """What keeps it from standing in as its entry asks; None where nothing does."""
        if self.is_replaced or (self.at_strength and self.finding is None):
            return None
        said = self._condition()
        return Finding(said.reason, f"fallback {self.model}: {said.message}")


def first_missing(standbys: Sequence[Standby]) -> Finding | None:
    """Of the first entry that is not there in full."""
    return next(filter(None, (one.missing for one in standbys)), None)


def ready_condition(standbys: Sequence[Standby]) -> list[Condition]:
    """One, where there is a fallback."""
    if not standbys:
        return []
    kind, missing = ConditionType.FALLBACK_READY, first_missing(standbys)
    if missing is not None:
        return [Condition(kind, "False", missing.reason, missing.message)]
    models = ", ".join(one.model for one in standbys if not one.is_replaced)
    if not any(one.replicas for one in standbys):
        message = "spec.replicas is 0: nobody is served, and nobody stands in"
        return [Condition(kind, "False", Reason.SCALED_TO_ZERO, message)]
    return [Condition(kind, "True", Reason.STANDING_BY, f"in this order: {models}")]
