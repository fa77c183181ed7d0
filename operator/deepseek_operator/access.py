"""How far an object's gateway is, as status and conditions have it."""

from dataclasses import dataclass

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

    @property
    def at_strength(self) -> bool:
        """Whether all of its pods serve."""
        return self.ready >= self.wanted

    @property
    def is_shut(self) -> bool:
        """Whether clients are sent to it and nobody is there."""
        return self.leads and not self.ready
