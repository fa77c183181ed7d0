"""How far an object's gateway is, as status and conditions have it."""

from dataclasses import dataclass
from typing import Any

from deepseek_operator.api.conditions import Condition
from deepseek_operator.diagnosis import Finding


@dataclass(frozen=True, slots=True)
class Access:
    """The gateway as status tells of it."""

    wanted: int
    ready: int
    version: str
    leads: bool
    """Whether clients are sent through it."""
    finding: Finding | None
    """Why not all of its pods serve."""
    conditions: tuple[Condition, ...] = ()
    """Of its own; of what it does not have none."""
    is_settled: bool = True
    """Whether what it was told last is all that it does."""
    url: str | None = None
    """Where clients find it; empty while that is not known, None: at the object's Service."""
    route: dict[str, Any] | None = None
    """Of an HTTPRoute on somebody else's Gateway, as status has it; None where the gateway is our own."""

    @property
    def at_strength(self) -> bool:
        """Whether all of it serves."""
        return self.ready >= self.wanted and self.is_settled

    @property
    def is_shut(self) -> bool:
        """Whether clients are sent to it and nobody is there."""
        return self.leads and not self.ready
